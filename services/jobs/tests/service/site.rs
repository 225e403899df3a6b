//! What a site offers: images and quotas.

use api::jobs::v1::{GetQuotaRequest, ListImagesRequest};

use crate::world::{World, continuous, scheduled};

#[tokio::test]
async fn images_have_names_and_references() {
    let world = World::new().await;
    let request = ListImagesRequest { tool: "alpha".into() };
    let images = world.images("tool:alpha").list_images(request).await.unwrap().into_inner().images;
    let shown: Vec<_> = images.iter().map(|image| (&*image.shortname, &*image.image)).collect();
    assert_eq!(
        shown,
        [
            ("bookworm", "registry.example.org/bookworm:latest"),
            ("python3.11", "registry.example.org/python3.11:latest"),
        ]
    );
}

#[tokio::test]
async fn the_quota_is_what_the_jobs_use() {
    let world = World::new().await;
    world.create(continuous("a")).await.unwrap();
    world.create(scheduled("b", "true")).await.unwrap();
    let request = GetQuotaRequest { tool: "alpha".into() };
    let quota = world.quotas("tool:alpha").get_quota(request).await.unwrap().into_inner().quota.unwrap();
    let items: Vec<_> = quota.categories.iter().flat_map(|category| &category.items).collect();
    let used = |word: &str| {
        let found = items.iter().find(|item| item.name.starts_with(word));
        found.unwrap_or_else(|| panic!("{word} in {items:?}")).used.clone()
    };
    assert_eq!((used("Cron jobs"), used("Continuous jobs")), (Some("1".to_owned()), Some("1".to_owned())));
}

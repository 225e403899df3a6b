//! What was written is what is read.

use std::sync::Arc;

use super::{CLAIM, JOB, documents, get, key, put, write};
use crate::{Check, Key, Query, Revision, Store, Write};

/// Key, version, document and revision come back as they went in, by get and by list.
pub async fn a_record_is_kept_as_written(store: Arc<dyn Store>) {
    let document =
        "{\"text\": \"p\u{e4}iv\u{e4}\u{e4} \u{1f980} \\u0000\",\n \"n\": 1e400, \"twice\": 1, \"twice\": 2}";
    let key = key("alpha", "a");
    let revision = write(&store, "alpha", vec![Write::put(key.clone(), u32::MAX, document)]).await;
    let record = store.get(&key).await.expect("a read succeeds").expect("it is there");
    assert_eq!((&record.key, record.version, &*record.document), (&key, u32::MAX, document));
    assert_eq!(record.revision, revision);
    let listing = store.list(&Query::of(JOB, "alpha")).await.expect("a listing succeeds");
    assert_eq!(listing.records, [record]);
    assert!(listing.revision >= revision);
}

/// Each effective commit has a greater revision than those before, and it is the one of its records.
pub async fn revisions_grow(store: Arc<dyn Store>) {
    let mut last = Revision::ZERO;
    for (tool, name) in [("alpha", "a"), ("beta", "a"), ("alpha", "a"), ("alpha", "b")] {
        let revision = write(&store, tool, vec![put(tool, name, "{}")]).await;
        assert!(revision > last, "{revision} after {last}");
        assert_eq!(get(&store, tool, name).await.expect("it is there").revision, revision);
        assert_eq!(revision.to_string().parse(), Ok(revision));
        last = revision;
    }
    assert!(write(&store, "beta", vec![Write::delete(key("beta", "a"))]).await > last);
}

/// One tool's commits neither see nor touch the records of another of the same name.
pub async fn tools_are_independent(store: Arc<dyn Store>) {
    write(&store, "alpha", vec![put("alpha", "job", "1")]).await;
    let checks = vec![Check::Absent(key("beta", "job"))];
    store.commit("beta", checks, vec![put("beta", "job", "2")]).await.expect("the name is free for beta");
    write(&store, "alpha", vec![Write::delete(key("alpha", "job"))]).await;
    assert_eq!(get(&store, "alpha", "job").await, None);
    assert_eq!(&*get(&store, "beta", "job").await.expect("it is there").document, "2");
    assert_eq!(documents(&store, Query::of(JOB, "alpha")).await, []);
    assert_eq!(documents(&store, Query::of(JOB, "beta")).await.len(), 1);
}

/// A listing has the kind, and the tool if one is given, in the order of the bytes of tool and name.
pub async fn a_listing_is_ordered_and_selects(store: Arc<dyn Store>) {
    for (tool, name) in
        [("b", "2"), ("a-b", "x"), ("a", "z"), ("b", "10"), ("ab", "x"), ("a", "Z"), ("b", "1")]
    {
        write(&store, tool, vec![put(tool, name, "{}"), Write::put(Key::new(CLAIM, tool, name), 1, "{}")])
            .await;
    }
    let names = |listed: Vec<(String, String, String)>| -> Vec<String> {
        listed.into_iter().map(|(tool, name, _)| format!("{tool}/{name}")).collect()
    };
    let all = names(documents(&store, Query::all(JOB)).await);
    assert_eq!(all, ["a/Z", "a/z", "a-b/x", "ab/x", "b/1", "b/10", "b/2"]);
    assert_eq!(names(documents(&store, Query::of(JOB, "b")).await), ["b/1", "b/10", "b/2"]);
    assert_eq!(documents(&store, Query::of(JOB, "c")).await, []);
}

/// Pages of a listing, put together, are the listing.
pub async fn a_listing_is_read_in_pages(store: Arc<dyn Store>) {
    for tool in ["alpha", "beta"] {
        let writes = (0..5).map(|n| put(tool, &format!("job-{n}"), "{}")).collect();
        write(&store, tool, writes).await;
    }
    for (query, whole) in [(Query::all(JOB), 10), (Query::of(JOB, "beta"), 5)] {
        let mut read = Vec::new();
        let mut page = query.clone().limit(3);
        loop {
            let part = documents(&store, page.clone()).await;
            assert!(part.len() <= 3);
            let Some((tool, name, _)) = part.last().cloned() else { break };
            read.extend(part);
            page = page.after(tool, name);
        }
        assert_eq!(read.len(), whole);
        assert_eq!(read, documents(&store, query).await);
    }
    assert_eq!(documents(&store, Query::of(JOB, "alpha").after("beta", "job-1")).await, []);
    assert_eq!(documents(&store, Query::of(JOB, "beta").after("alpha", "job-1")).await.len(), 5);
}

/// Names that differ only in what careless storage folds together are different names.
pub async fn odd_names_are_kept_apart(store: Arc<dyn Store>) {
    let long = "n".repeat(crate::limits::NAME_BYTES);
    let names = [
        "a",
        "A",
        "a ",
        " a",
        "\u{e4}",
        "a\u{308}",
        "\u{1f980}",
        "a/b",
        "a%2Fb",
        "..",
        ".",
        "*",
        "a_",
        "a%",
        "'",
        "\"",
        ";--",
        "\n",
        "\u{7f}",
        "\u{202e}",
        "\u{feff}",
        "null",
        "0",
        "00",
        "1e1",
        &long,
    ];
    for name in names {
        store
            .commit(name, vec![Check::Absent(key(name, name))], vec![put(name, name, &format!("{name:?}"))])
            .await
            .unwrap_or_else(|error| panic!("{name:?} is a name of its own: {error}"));
    }
    for name in names {
        let document = get(&store, name, name).await.expect("it is there").document;
        assert_eq!(*document, format!("{name:?}"));
        assert_eq!(documents(&store, Query::of(JOB, name)).await.len(), 1, "{name:?}");
    }
    assert_eq!(documents(&store, Query::all(JOB)).await.len(), names.len());
}

/// A deleted record is gone from every read, and its key is free.
pub async fn deleted_stays_deleted(store: Arc<dyn Store>) {
    let first = write(&store, "alpha", vec![put("alpha", "a", "1")]).await;
    write(&store, "alpha", vec![Write::delete(key("alpha", "a"))]).await;
    write(&store, "alpha", vec![put("alpha", "b", "1")]).await;
    assert_eq!(get(&store, "alpha", "a").await, None);
    assert_eq!(documents(&store, Query::all(JOB)).await.len(), 1);
    let stale = vec![Check::At(key("alpha", "a"), first)];
    assert!(store.commit("alpha", stale, vec![put("alpha", "a", "2")]).await.is_err());
    let free = vec![Check::Absent(key("alpha", "a"))];
    let second = store.commit("alpha", free, vec![put("alpha", "a", "3")]).await.expect("the key is free");
    assert!(second > first);
}

//! Commits that are refused whatever the state is, and that nothing of them is stored.

use std::sync::Arc;

use super::{CLAIM, JOB, absent, documents, key, put, write};
use crate::{Check, Error, Key, Kind, Query, Result, Revision, Store, Write, limits};

/// A commit for one tool can neither check nor write a record of another.
pub async fn foreign_keys_are_refused(store: Arc<dyn Store>) {
    write(&store, "beta", vec![put("beta", "a", "{}")]).await;
    let foreign = Err(Error::ForeignKey { key: key("beta", "a"), tool: "alpha".to_owned() });
    let write_it = vec![put("alpha", "a", "{}"), put("beta", "a", "2")];
    assert_eq!(store.commit("alpha", Vec::new(), write_it).await, foreign);
    let delete_it = vec![Write::delete(key("beta", "a"))];
    assert_eq!(store.commit("alpha", Vec::new(), delete_it).await, foreign);
    let check_it = vec![Check::Present(key("beta", "a"))];
    assert_eq!(store.commit("alpha", check_it, vec![put("alpha", "a", "{}")]).await, foreign);
    let left = documents(&store, Query::all(JOB)).await;
    assert_eq!(left, [("beta".to_owned(), "a".to_owned(), "{}".to_owned())]);
}

/// Keys with an empty, overlong or NUL part.
pub async fn invalid_keys_are_refused(store: Arc<dyn Store>) {
    let long = "n".repeat(limits::NAME_BYTES + 1);
    let keys = [
        ("kind", Key::new(Kind::new(""), "alpha", "a")),
        ("kind", Key::new(Kind::from("k".repeat(limits::KIND_BYTES + 1)), "alpha", "a")),
        ("tool", Key::new(JOB, "", "a")),
        ("tool", Key::new(JOB, long.as_str(), "a")),
        ("name", Key::new(JOB, "alpha", "")),
        ("name", Key::new(JOB, "alpha", long.as_str())),
        ("name", Key::new(JOB, "alpha", "a\0b")),
    ];
    for (part, key) in keys {
        let refused = |result: Result<Revision>| match result {
            Err(Error::InvalidKey { field, .. }) => assert_eq!(field, part),
            other => panic!("the {part} was expected to be refused: {other:?}"),
        };
        refused(store.commit(&key.tool, Vec::new(), vec![Write::put(key.clone(), 1, "{}")]).await);
        refused(store.commit(&key.tool, vec![Check::Absent(key.clone())], Vec::new()).await);
        assert_eq!(store.get(&key).await, Ok(None));
    }
}

/// One byte over the limit of a document, beside a good write.
pub async fn large_documents_are_refused(store: Arc<dyn Store>) {
    let size = limits::DOCUMENT_BYTES + 1;
    let writes = vec![put("alpha", "small", "{}"), put("alpha", "large", &"x".repeat(size))];
    let refused = Error::TooLarge { key: key("alpha", "large"), size, limit: limits::DOCUMENT_BYTES };
    assert_eq!(store.commit("alpha", Vec::new(), writes).await, Err(refused));
    assert_eq!(documents(&store, Query::all(JOB)).await, []);
}

/// One check, one write and one byte too many.
pub async fn long_commits_are_refused(store: Arc<dyn Store>) {
    let writes = |count: usize| (0..count).map(|n| put("alpha", &n.to_string(), "{}")).collect::<Vec<_>>();
    let too_many = |what, count, limit| Err(Error::TooMany { what, count, limit });
    let count = limits::WRITES + 1;
    let refused = too_many("writes", count, limits::WRITES);
    assert_eq!(store.commit("alpha", Vec::new(), writes(count)).await, refused);
    let count = limits::CHECKS + 1;
    let checks = (0..count).map(|n| absent("alpha", &n.to_string())).collect();
    assert_eq!(store.commit("alpha", checks, writes(1)).await, too_many("checks", count, limits::CHECKS));
    let large = "x".repeat(limits::DOCUMENT_BYTES);
    let mut heavy: Vec<Write> = (0..8).map(|n| put("alpha", &n.to_string(), &large)).collect();
    heavy.push(put("alpha", "drop", "x"));
    let refused = too_many("bytes", limits::COMMIT_BYTES + 1, limits::COMMIT_BYTES);
    assert_eq!(store.commit("alpha", Vec::new(), heavy).await, refused);
    assert_eq!(documents(&store, Query::all(JOB)).await, []);
}

/// As many checks, writes and bytes as the limits allow are stored and read back.
pub async fn the_largest_commit_is_taken(store: Arc<dyn Store>) {
    let large = "x".repeat(limits::COMMIT_BYTES / limits::WRITES);
    let checks = (0..limits::CHECKS).map(|n| absent("alpha", &n.to_string())).collect();
    let writes = (0..limits::WRITES).map(|n| put("alpha", &n.to_string(), &large)).collect();
    store.commit("alpha", checks, writes).await.expect("a commit at the limits is taken");
    let listed = documents(&store, Query::all(JOB)).await;
    assert_eq!(listed.len(), limits::WRITES);
    assert!(listed.iter().all(|(_, _, document)| *document == large));
    write(&store, "alpha", vec![put("alpha", "one", &"y".repeat(limits::DOCUMENT_BYTES))]).await;
}

/// A key that is written twice in one commit, whatever the writes are; the same name under another kind is another key.
pub async fn twice_written_keys_are_refused(store: Arc<dyn Store>) {
    let twice = Error::WrittenTwice { key: key("alpha", "a") };
    let pairs = [
        [put("alpha", "a", "1"), put("alpha", "a", "2")],
        [put("alpha", "a", "1"), Write::delete(key("alpha", "a"))],
        [Write::delete(key("alpha", "a")), Write::delete(key("alpha", "a"))],
    ];
    for pair in pairs {
        assert_eq!(store.commit("alpha", Vec::new(), pair.to_vec()).await, Err(twice.clone()));
    }
    assert_eq!(documents(&store, Query::all(JOB)).await, []);
    write(&store, "alpha", vec![put("alpha", "a", "1"), Write::put(Key::new(CLAIM, "alpha", "a"), 1, "2")])
        .await;
}

//! Every input that fuzzing kept, once more through its target.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "tests")]

#[path = "../fuzz/src/targets.rs"]
#[allow(unreachable_pub, clippy::indexing_slicing, reason = "it is a part of the fuzz targets, too")]
mod targets;

use std::path::Path;

#[test]
fn the_corpus_holds() {
    for (name, target) in targets::ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut count = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            target(&std::fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count >= 10, "{name} has {count} inputs");
    }
}

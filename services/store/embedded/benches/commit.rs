//! Durable commits beside the least that durability costs on the same disk: one write and one fdatasync.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use store::{Check, Key, Kind, Store, Write};
use store_embedded::{Options, Sqlite};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const JOB: Kind = Kind::new("job");
const TOGETHER: u64 = 32;

/// On the disk of the target directory: the usual temporary directory may be in memory.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn open(directory: &Path) -> Arc<Sqlite> {
    Arc::new(Sqlite::open(directory, Options { reserve_bytes: 0, ..Options::default() }).unwrap())
}

/// A new record of 900 bytes, checked to be new.
async fn commit(store: Arc<Sqlite>, number: u64) {
    let key = Key::new(JOB, "alpha", format!("{:06}", number % 50_000));
    let checks = if number < 50_000 { vec![Check::Absent(key.clone())] } else { Vec::new() };
    let write = Write::put(key, 1, "x".repeat(900));
    store.commit("alpha", checks, vec![write]).await.unwrap();
}

fn durable(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let number = AtomicU64::new(0);
    let next = || number.fetch_add(1, Ordering::Relaxed);
    let mut group = criterion.benchmark_group("durable");
    group.throughput(Throughput::Elements(1));

    let raw = directory();
    let mut file = OpenOptions::new().create(true).append(true).open(raw.path().join("log")).unwrap();
    group.bench_function("write_fdatasync", |bencher| {
        bencher.iter(|| {
            file.write_all(&[b'x'; 900]).unwrap();
            file.sync_data().unwrap();
        });
    });

    let one = directory();
    let store = open(one.path());
    group.bench_function("commit", |bencher| {
        bencher.iter(|| runtime.block_on(commit(Arc::clone(&store), next())));
    });

    group.throughput(Throughput::Elements(TOGETHER));
    group.bench_function("commit_32_at_once", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let mut tasks: JoinSet<()> =
                    (0..TOGETHER).map(|_| commit(Arc::clone(&store), next())).collect();
                while let Some(done) = tasks.join_next().await {
                    done.unwrap();
                }
            });
        });
    });

    group.throughput(Throughput::Elements(1));
    let key = Key::new(JOB, "alpha", "000000");
    group.bench_function("get", |bencher| {
        bencher.iter(|| runtime.block_on(store.get(&key)).unwrap().unwrap());
    });
    group.finish();
}

criterion_group!(benches, durable);
criterion_main!(benches);

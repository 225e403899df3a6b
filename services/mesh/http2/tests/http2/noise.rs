//! Servers that say anything: nothing panics, every call and the connection come to an end, and little is kept.

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;
use tokio::io::AsyncReadExt as _;

use crate::wire::{Wire, frame};
use crate::world::{answer, call, open, settings, soon};

/// Frames that are near to good ones, and bytes that are none.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        Just(vec![0x88]),
        Just(b"\x00\x0bgrpc-status\x010".to_vec()),
        Just(vec![0, 4, 0, 0, 0, 9]),
        Just(vec![0, 0, 0, 1]),
        (0_usize..9000).prop_map(|size| vec![1; size]),
    ];
    let good = (0_u8..11, any::<u8>(), 0_u32..6, payload);
    prop_oneof![
        9 => good.prop_map(|(kind, flags, id, payload)| frame(kind, flags, id, &payload)),
        1 => prop::collection::vec(any::<u8>(), 0..60),
    ]
}

async fn play(words: Vec<Vec<u8>>) {
    let (sender, io, ended) = open(settings());
    let mut wire = Wire(io);
    wire.greet(&[]).await;
    soon(sender.settled()).await.unwrap();
    let calls: Vec<_> = (0..3)
        .filter_map(|_| call(&sender, "/a", &HeaderMap::new(), Bytes::from_static(b"body"), true).ok())
        .map(|stream| tokio::spawn(answer(stream)))
        .collect();
    let (mut read, mut write) = tokio::io::split(wire.0);
    let drained = tokio::spawn(async move {
        let mut said = Vec::new();
        let _ = read.read_to_end(&mut said).await;
        said.len()
    });
    for word in words {
        let _ = tokio::io::AsyncWriteExt::write_all(&mut write, &word).await;
        tokio::task::yield_now().await;
    }
    let _ = tokio::io::AsyncWriteExt::shutdown(&mut write).await;
    for call in calls {
        // well or not, but not without an end
        let _ = soon(call).await.unwrap();
    }
    let _ = soon(ended).await.unwrap();
    assert!(soon(drained).await.unwrap() < 100_000, "more was said than there was to answer");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn everything_ends_whatever_a_server_says(words in prop::collection::vec(words(), 0..40)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(play(words));
    }
}

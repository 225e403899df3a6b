//! What `make bench-gateway` measures with: the service behind every contender, and the program that only forwards.
//! `gateway/bench/run` says what is measured and how.

/// The measured messages and the server of the measured service.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
pub mod depot {
    tonic::include_proto!("bench.v1");
}

/// The descriptor set of the measured service, with everything it imports.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/depot.bin"));

//! Messages and stubs of the test services; one module per package.
#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "everything below is generated"
)]

/// Encoded descriptors of `library.v1` and all it imports, with every option and comment.
pub const LIBRARY_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/library.bin"));

/// What the protos import from Google.
pub mod google {
    /// HTTP bodies and rules.
    pub mod api {
        tonic::include_proto!("google.api");
    }
    /// The error model.
    pub mod rpc {
        tonic::include_proto!("google.rpc");
    }
}

/// The test services.
pub mod library {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("library.v1");
    }
}

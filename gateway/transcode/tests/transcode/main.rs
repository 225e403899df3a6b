//! The library from outside: descriptors in, requests and responses through.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(missing_docs, reason = "tests")]

mod binding;
mod codec;
mod delimited;
mod depth;
mod editions;
mod fixture;
mod hostile;
mod leniency;
mod openapi;
mod oracle;
mod outside;
mod patch;
mod proto2;
mod query;
mod refusals;
mod request;
mod request_stream;
mod response;
mod routes;
mod sources;
mod spec;
mod stream;
mod work;

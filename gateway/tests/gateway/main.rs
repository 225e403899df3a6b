//! The gateway as its clients meet it: over TLS, in front of servers of the real protos.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod access;
mod admin;
mod backend;
mod bad_input;
mod config;
mod connections;
mod drain;
mod echo;
mod endpoints;
mod errors;
mod grpc;
mod grpc_web;
mod hostile_reflection;
mod http2;
mod introspection;
mod large_schema;
mod methods;
mod partial_reflection;
mod pki;
mod policy;
mod policy_coding;
mod process;
mod raw;
mod rest;
mod rollover;
mod schema;
mod several;
mod streams;
mod swaps;
mod tls;
mod websocket;
mod world;

//! `toolforged-gateway`: the gateway as a process of its own.

fn main() {}

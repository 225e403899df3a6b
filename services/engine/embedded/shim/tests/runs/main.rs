//! Real runs in real shims. The shim is this very binary, executed again, and so are the programs that attack from
//! inside a sandbox; hence a main of its own instead of the usual harness.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::exit,
    clippy::print_stdout,
    missing_docs,
    reason = "tests"
)]

mod attack;
mod basics;
mod ending;
mod harness;
mod isolation;
mod limits;
mod survival;
mod world;

fn main() {
    engine_shim::dispatch();
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = words.as_slice()
        && first == "inside"
    {
        std::process::exit(attack::main(rest));
    }
    if let [first, rest @ ..] = words.as_slice()
        && first == "server"
    {
        survival::server(rest);
    }
    let tests = [basics::TESTS, ending::TESTS, isolation::TESTS, limits::TESTS, survival::TESTS].concat();
    std::process::exit(harness::run(&tests, &words));
}

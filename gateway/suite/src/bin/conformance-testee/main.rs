//! What protobuf's conformance runner talks to: `conformance-testee WAY DESCRIPTOR_SET`.
//!
//! The way is `direct`, which calls nothing but the public functions of `transcode`; or one of `unary`, `array`,
//! `ndjson` and `sse`, which start the real gateway in front of a backend of bytes and take every case through it over
//! HTTP. Only cases that touch JSON are answered; binary to binary and the text format are skipped.

mod direct;
mod pipe;
mod relay;

use anyhow::{Context as _, Result, bail};

use direct::Direct;
use pipe::{Case, Outcome};
use relay::{Relay, Way};

/// Something that is put to the test.
trait Testee {
    /// The outcome of one case that touches JSON. An error is a surprise and fails the case.
    fn run(&mut self, case: &Case) -> Result<Outcome>;
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let way = arguments.next().context("the way is missing")?;
    let set = std::fs::read(arguments.next().context("the descriptor set is missing")?)?;
    let mut testee: Box<dyn Testee> = match way.as_str() {
        "direct" => Box::new(Direct::new(&set)?),
        "unary" => Box::new(Relay::start(&set, Way::Unary)?),
        "array" => Box::new(Relay::start(&set, Way::Array)?),
        "ndjson" => Box::new(Relay::start(&set, Way::NdJson)?),
        "sse" => Box::new(Relay::start(&set, Way::Sse)?),
        other => bail!("{other} is no way"),
    };
    pipe::serve(|case| testee.run(case).unwrap_or_else(|error| Outcome::Surprise(format!("{error:#}"))))
}

//! Waits for an event, with a bound.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// No event of a scenario takes longer on a loaded machine.
const BOUND: Duration = Duration::from_secs(40);

/// Looks again and again until there is something, and gives it.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let begin = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if begin.elapsed() > BOUND {
            bail!("{what}: not within {BOUND:?}");
        }
        thread::sleep(Duration::from_millis(30));
    }
}

//! Waits for an event, with a bound.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// No event of a scenario takes longer on a loaded machine.
const BOUND: Duration = Duration::from_mins(1);

/// Looks again and again until there is something, and gives it.
pub fn eventually<T>(what: &str, look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    within(BOUND, what, look)
}

/// The same with a bound of its own, for what has its own time, such as a minute of the clock.
pub fn within<T>(bound: Duration, what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let begin = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if begin.elapsed() > bound {
            bail!("{what}: not within {bound:?}");
        }
        thread::sleep(Duration::from_millis(30));
    }
}

//! Ends the process at a named durable step, as a crash there would: what the crash sweep is made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use rustix::process::{Signal, getpid, kill_process};

/// Told of every durable step.
pub(crate) type OnStep = Arc<dyn Fn(&'static str) + Send + Sync>;

/// The observer of steps that `STEP` or `STEP:COUNT` asks for: the process ends when the step is made for the
/// COUNT-th time.
pub(crate) fn parse(text: Option<&str>) -> Result<Option<OnStep>> {
    let Some(text) = text else { return Ok(None) };
    let (name, count) = text.rsplit_once(':').unwrap_or((text, "1"));
    let left = AtomicU32::new(count.parse().context("--fail-at: the count is not a number")?);
    let name = name.to_owned();
    Ok(Some(Arc::new(move |step| {
        if step == name && left.fetch_sub(1, Ordering::Relaxed) == 1 {
            // SIGKILL to itself: no destructor runs, as in a crash.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    })))
}

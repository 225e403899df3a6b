//! Probes: whether an instance has started, and whether it lives (contract 3.16).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use engine::{Command, Probe, ProbeCheck};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::dial::Dial;
use crate::environment::argv;
use crate::link::Link;

/// Longest status line that is read.
const STATUS_LINE: usize = 256;

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It succeeded once: the instance has started.
    Ready,
    /// It failed, but not yet too often.
    Failing(String),
    /// It succeeds again.
    Recovered,
    /// It failed too often: the instance is to be restarted. The last thing said.
    Unhealthy(String),
}

/// Counts failures.
#[derive(Debug)]
struct Count {
    started: bool,
    failures: u32,
    startup_failures: u32,
    liveness_failures: u32,
}

impl Count {
    const fn new(probe: &Probe, started: bool) -> Self {
        Self {
            started,
            failures: 0,
            startup_failures: probe.startup_failures,
            liveness_failures: probe.liveness_failures,
        }
    }

    /// What a result means, where it means anything new.
    fn take(&mut self, result: Result<(), String>) -> Option<Verdict> {
        let Err(why) = result else {
            let recovered = std::mem::take(&mut self.failures) > 0;
            let first = !std::mem::replace(&mut self.started, true);
            return if first { Some(Verdict::Ready) } else { recovered.then_some(Verdict::Recovered) };
        };
        self.failures += 1;
        let most = if self.started { self.liveness_failures } else { self.startup_failures };
        let why = format!("health check failed: {why}");
        Some(if self.failures >= most { Verdict::Unhealthy(why) } else { Verdict::Failing(why) })
    }
}

/// Probes until the instance is unhealthy or nobody listens; `started` where it is known to have succeeded before.
pub(crate) async fn watch(
    probe: Probe,
    started: bool,
    link: Arc<Link>,
    dial: Dial,
    verdicts: mpsc::Sender<Verdict>,
) {
    let mut count = Count::new(&probe, started);
    let periods = [(!started).then_some(probe.startup_period), Some(probe.liveness_period)];
    for period in periods.into_iter().flatten() {
        let mut ticks = interval(period.max(Duration::from_millis(10)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let was_started = count.started;
            let Some(verdict) = count.take(check(&probe, &link, &dial).await) else { continue };
            let last = matches!(verdict, Verdict::Unhealthy(_));
            if verdicts.send(verdict).await.is_err() || last {
                return;
            }
            if !was_started && count.started {
                break;
            }
        }
    }
}

/// One try. Every one has its own time.
async fn check(probe: &Probe, link: &Link, dial: &Dial) -> Result<(), String> {
    let tried = async {
        match &probe.check {
            ProbeCheck::Exec(command) => exec(link, command, probe.timeout).await,
            ProbeCheck::Tcp { port } => match dial.connect(*port).await {
                Ok(_) => Ok(()),
                Err(error) => Err(format!("port {port}: {error}")),
            },
            ProbeCheck::Http { path, port } => match dial.connect(*port).await {
                Ok(stream) => http(stream, path, *port).await,
                Err(error) => Err(format!("port {port}: {error}")),
            },
        }
    };
    match timeout(probe.timeout, tried).await {
        Ok(result) => result,
        Err(_) => Err(format!("no answer within {} s", probe.timeout.as_secs_f32())),
    }
}

async fn exec(link: &Link, command: &Command, time: Duration) -> Result<(), String> {
    let argv = match command {
        // contract 3.16: a script is given to /bin/sh -c
        Command::Shell(script) => vec!["/bin/sh".to_owned(), "-c".to_owned(), script.clone()],
        other => argv(other),
    };
    match link.exec(argv, time).await {
        Ok(0) => Ok(()),
        Ok(code) => Err(format!("exit code {code}")),
        Err(error) => Err(error.to_string()),
    }
}

/// GETs a path and looks at the status line alone (RFC 9112, 4).
async fn http<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, path: &str, port: u16) -> Result<(), String> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: toolforge-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    let read = async {
        stream.write_all(request.as_bytes()).await?;
        let mut line = Vec::with_capacity(STATUS_LINE);
        let mut buffer = [0; STATUS_LINE];
        while line.len() < STATUS_LINE && !line.contains(&b'\n') {
            let got = stream.read(&mut buffer).await?;
            if got == 0 {
                break;
            }
            line.extend_from_slice(buffer.get(..got).unwrap_or_default());
        }
        io::Result::Ok(line)
    };
    let line = read.await.map_err(|error| format!("port {port}: {error}"))?;
    match status(&line) {
        Some(status) if (200..400).contains(&status) => Ok(()),
        Some(status) => Err(format!("HTTP status {status}")),
        None => Err("the answer is not HTTP".to_owned()),
    }
}

fn status(line: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(line.split(|byte| *byte == b'\n').next()?).ok()?;
    let rest = text.strip_prefix("HTTP/1.")?;
    rest.split(' ').nth(1)?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests;

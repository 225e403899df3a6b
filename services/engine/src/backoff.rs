//! How long to wait before something that failed is started again: Kubernetes' numbers, on every engine.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(10);
const MOST: Duration = Duration::from_mins(5);
const CALM: Duration = Duration::from_mins(10);

/// Delays between restarts inside one instance of an `Always` workload, as the kubelet has them: the first restart
/// is immediate, then 10 s, doubling up to 5 min; a process that ran for 10 min starts over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The delay before the next start, after a process that ran so long has ended.
    pub fn after(&mut self, ran: Duration) -> Duration {
        if ran >= CALM {
            self.failures = 0;
        }
        let delay = doubled(self.failures);
        self.failures = self.failures.saturating_add(1);
        delay
    }
}

/// The delay before a `Once` workload is tried again after so many failed instances (at least one), as the job
/// controller has it: 10 s, doubling up to 5 min.
pub fn retry_delay(failures: u32) -> Duration {
    doubled(failures.max(1))
}

fn doubled(failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        n => FIRST.saturating_mul(1 << (n - 1).min(10)).min(MOST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_wait_longer_and_longer_until_a_process_lives_long() {
        let mut backoff = Backoff::default();
        let delays: Vec<u64> = (0..8).map(|_| backoff.after(Duration::from_secs(1)).as_secs()).collect();
        assert_eq!(delays, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(backoff.after(Duration::from_mins(10)), Duration::ZERO);
        assert_eq!(backoff.after(Duration::from_secs(599)), Duration::from_secs(10));
    }

    #[test]
    fn retries_wait_from_the_first() {
        assert_eq!([0, 1, 2, 6, u32::MAX].map(|n| retry_delay(n).as_secs()), [10, 10, 20, 300, 300]);
    }
}

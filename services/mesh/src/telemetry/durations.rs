//! Histograms of durations, in the buckets that OpenTelemetry's conventions advise. To record is two additions; nothing
//! is kept for later, so nothing piles up where nobody scrapes.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// The boundaries that the conventions advise, and how they are written in seconds.
const BOUNDS: [(Duration, &str); 14] = [
    (Duration::from_millis(5), "0.005"),
    (Duration::from_millis(10), "0.01"),
    (Duration::from_millis(25), "0.025"),
    (Duration::from_millis(50), "0.05"),
    (Duration::from_millis(75), "0.075"),
    (Duration::from_millis(100), "0.1"),
    (Duration::from_millis(250), "0.25"),
    (Duration::from_millis(500), "0.5"),
    (Duration::from_millis(750), "0.75"),
    (Duration::from_secs(1), "1"),
    (Duration::from_millis(2500), "2.5"),
    (Duration::from_secs(5), "5"),
    (Duration::from_millis(7500), "7.5"),
    (Duration::from_secs(10), "10"),
];

/// Series that one family keeps apart; whatever comes beyond is counted together, as `_OTHER`.
const MAX_SERIES: usize = 1 << 16;

/// Every family that has a series.
static FAMILIES: Mutex<Vec<&'static Durations>> = Mutex::new(Vec::new());

/// A metric of durations, one series for each set of label values.
#[derive(Debug)]
pub struct Durations {
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    /// By the labels as they are written.
    series: RwLock<BTreeMap<Box<str>, Arc<Series>>>,
}

/// The durations that were recorded under one set of label values.
#[derive(Debug, Default)]
pub struct Series {
    /// The last one has what is beyond all boundaries.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

impl Series {
    /// Counts a duration.
    pub fn record(&self, took: Duration) {
        let bucket = BOUNDS.iter().position(|(bound, _)| took <= *bound).unwrap_or(BOUNDS.len());
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Durations {
    /// A metric with the names of its labels.
    pub const fn new(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self { name, help, labels, series: RwLock::new(BTreeMap::new()) }
    }

    /// The series of these label values, in the order of the labels. Keep it where it is needed often.
    pub fn series(&'static self, values: &[&str]) -> Arc<Series> {
        let labels = self.written(values);
        if let Some(series) = self.series.read().unwrap_or_else(PoisonError::into_inner).get(&*labels) {
            return Arc::clone(series);
        }
        let mut all = self.series.write().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            FAMILIES.lock().unwrap_or_else(PoisonError::into_inner).push(self);
        }
        let labels =
            if all.len() < MAX_SERIES { labels } else { self.written(&vec!["_OTHER"; self.labels.len()]) };
        Arc::clone(all.entry(labels.into()).or_default())
    }

    fn written(&self, values: &[&str]) -> String {
        let mut out = String::new();
        for (name, value) in self.labels.iter().zip(values) {
            let comma = if out.is_empty() { "" } else { "," };
            let _ = write!(out, "{comma}{name}=\"{}\"", Escaped(value));
        }
        out
    }

    fn render(&self, out: &mut String) -> fmt::Result {
        let name = self.name;
        write!(out, "# HELP {name} {}\n# TYPE {name} histogram\n", self.help)?;
        for (labels, series) in &*self.series.read().unwrap_or_else(PoisonError::into_inner) {
            let mut count = 0;
            let bounds = BOUNDS.iter().map(|(_, bound)| *bound).chain(["+Inf"]);
            for (bucket, bound) in series.buckets.iter().zip(bounds) {
                count += bucket.load(Ordering::Relaxed);
                writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}")?;
            }
            let sum = Duration::from_nanos(series.nanos.load(Ordering::Relaxed)).as_secs_f64();
            write!(out, "{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {count}\n")?;
        }
        out.write_char('\n')
    }
}

/// Every family in Prometheus' text format.
pub(super) fn render(out: &mut String) {
    let families = FAMILIES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for family in families {
        // a String takes everything
        let _ = family.render(out);
    }
}

/// A label value as the text format has it.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| match char {
            '\\' => out.write_str("\\\\"),
            '"' => out.write_str("\\\""),
            '\n' => out.write_str("\\n"),
            other => out.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    //! What a scraper reads.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn buckets_count_everything_up_to_their_boundary() {
        static FAMILY: Durations = Durations::new("wait_seconds", "how long", &["who", "what"]);
        let series = FAMILY.series(&["a\"b\\c\nd", "x"]);
        for millis in [0, 5, 6, 999, 1000, 11_000] {
            series.record(Duration::from_millis(millis));
        }
        assert!(Arc::ptr_eq(&series, &FAMILY.series(&["a\"b\\c\nd", "x"])));
        FAMILY.series(&["z", "x"]);
        let mut text = String::new();
        FAMILY.render(&mut text).unwrap();
        let labels = r#"{who="a\"b\\c\nd",what="x""#;
        for (bound, count) in [("0.005", 2), ("0.01", 3), ("0.75", 3), ("1", 5), ("10", 5), ("+Inf", 6)] {
            let line = format!("wait_seconds_bucket{labels},le=\"{bound}\"}} {count}\n");
            assert!(text.contains(&line), "{line} in {text}");
        }
        assert!(text.starts_with("# HELP wait_seconds how long\n# TYPE wait_seconds histogram\n"));
        assert!(
            text.contains(&format!("wait_seconds_sum{labels}}} 13.01\nwait_seconds_count{labels}}} 6\n"))
        );
        assert_eq!(text.matches("# TYPE").count(), 1);
    }

    #[test]
    fn label_values_without_end_do_not_grow_it() {
        static FAMILY: Durations = Durations::new("grown_seconds", "how long", &["who"]);
        let more = MAX_SERIES + 10;
        let distinct: Vec<_> = (0..more).map(|one| FAMILY.series(&[&one.to_string()])).collect();
        assert!(Arc::ptr_eq(&distinct[more - 1], &distinct[more - 2]));
        assert_eq!(FAMILY.series.read().unwrap().len(), MAX_SERIES + 1);
    }
}

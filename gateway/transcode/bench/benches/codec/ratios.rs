//! How many times faster than prost-reflect the codecs are, and whether that is what they are meant to be.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::Contenders;

/// At this payload, so many times faster.
const GOAL_PAYLOAD: &str = "60KB";
const JSON_TO_WIRE: f64 = 12.0;
const WIRE_TO_JSON: f64 = 6.0;

/// Prints a line for each payload and direction.
pub(super) fn print(contenders: &Contenders) {
    println!("times as fast as prost-reflect (least times of rounds in turn)");
    for (payload, json) in transcode_bench::payloads() {
        let wire = contenders.ours_read(&json);
        let read = ratio(
            || drop(black_box(contenders.ours_read(black_box(&json)))),
            || drop(black_box(contenders.reflect_read(black_box(&json)))),
        );
        let print = ratio(
            || drop(black_box(contenders.ours_print(black_box(&wire)))),
            || drop(black_box(contenders.reflect_print(black_box(&wire)))),
        );
        for (direction, ratio, goal) in
            [("json_to_wire", read, JSON_TO_WIRE), ("wire_to_json", print, WIRE_TO_JSON)]
        {
            let verdict = match (payload == GOAL_PAYLOAD, ratio >= goal) {
                (false, _) => String::new(),
                (true, true) => format!("  goal {goal:.0}: met"),
                (true, false) => format!("  goal {goal:.0}: MISSED"),
            };
            println!("{direction:<14}{payload:<12}{ratio:>6.1}{verdict}");
        }
    }
}

/// How much longer `theirs` takes than `ours`, by the least time of each: what else the machine does only adds to it.
fn ratio(ours: impl Fn(), theirs: impl Fn()) -> f64 {
    const ROUNDS: usize = 101;
    let (mine, others) = (repeats(&ours), repeats(&theirs));
    let (mut least, mut their_least) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        least = least.min(time(&ours, mine));
        their_least = their_least.min(time(&theirs, others));
    }
    their_least / least
}

/// How often it must be done to take long enough to be measured.
fn repeats(work: impl Fn()) -> u32 {
    const ENOUGH: Duration = Duration::from_millis(1);
    let mut count = 1;
    while time(&work, count) * f64::from(count) < ENOUGH.as_secs_f64() {
        count *= 2;
    }
    count
}

/// Seconds for doing it once, of so many times.
fn time(work: impl Fn(), count: u32) -> f64 {
    let began = Instant::now();
    (0..count).for_each(|_| work());
    began.elapsed().as_secs_f64() / f64::from(count)
}

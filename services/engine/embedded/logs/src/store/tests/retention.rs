//! What is dropped, and what stays.

use std::fs;

use super::*;
use crate::segment::list;

const DAY: i64 = 24 * 3600 * 1_000_000;

fn now(days: i64) -> Timestamp {
    let now = Timestamp::now();
    time(now.as_microsecond() + days * DAY)
}

fn nobody(_: &str) -> bool {
    false
}

#[test]
fn whole_segments_go_when_their_last_entry_is_too_old() {
    let mut place = Place::new(SMALL);
    let today = Timestamp::now().as_microsecond();
    for number in 0..100 {
        place.write(0, today - 20 * DAY + number * DAY / 5, Stream::Stdout, &format!("line {number}"));
    }
    let leaf = place.logs.leaf("alpha", "job", "w0", "job-0");
    let before = list(&leaf).unwrap();
    let swept = place.logs.sweep(now(0), &Retention::default(), &nobody).unwrap();
    let after = list(&leaf).unwrap();
    assert_eq!(before.len() - after.len(), usize::try_from(swept.segments).unwrap());
    assert!(swept.segments > 0 && swept.bytes > 0);
    let limit = today - 14 * DAY;
    assert!(after[1].micros() >= limit, "no segment stays that ends before the limit");
    let first = usize::try_from(after[0].ordinal).unwrap();
    assert!(place.model[first].0.time.as_microsecond() <= limit, "nothing younger is dropped");
    assert_eq!(read(&place.logs, &all()), place.expected(&all())[first..]);
    let again = place.logs.sweep(now(0), &Retention::default(), &nobody).unwrap();
    assert_eq!(again, Swept::default());
}

#[test]
fn old_instances_go_with_their_directories() {
    let mut place = Place::new(SMALL);
    place.write(0, 1, Stream::Stdout, "old");
    place.write(3, 1, Stream::Stdout, "alive");
    let lives = |instance: &str| instance == "job-3";
    place.logs.sweep(now(15), &Retention::default(), &lives).unwrap();
    place.logs.sweep(now(15), &Retention::default(), &lives).unwrap();
    let job = place.root().join("alpha/job");
    let left: Vec<_> = fs::read_dir(&job).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["w1"]);
    place.write(3, 2, Stream::Stdout, "still");
    assert_eq!(texts(&read(&place.logs, &all())), ["alive", "still"], "whoever lives keeps its last segment");
    place.logs.sweep(now(15), &Retention::default(), &nobody).unwrap();
    place.logs.sweep(now(15), &Retention::default(), &nobody).unwrap();
    assert!(!place.root().join("alpha").exists());
}

#[test]
fn a_tool_with_too_much_loses_the_oldest() {
    let mut place = Place::new(SMALL);
    for number in 0..400 {
        let instance = usize::from(number >= 200);
        place.write(instance, number, Stream::Stdout, &format!("line {number}"));
    }
    // the last segment is as old as its file
    let leaf = place.logs.leaf("alpha", "job", "w0", "job-0");
    let last = list(&leaf).unwrap().last().unwrap().path(&leaf);
    let file = fs::File::options().write(true).open(last).unwrap();
    file.set_modified(time(199).into()).unwrap();
    let retention = Retention { max_age: std::time::Duration::MAX, tool_bytes: 5000 };
    place.logs.sweep(now(0), &retention, &nobody).unwrap();
    let left = read(&place.logs, &all());
    assert_eq!(left, place.expected(&all())[400 - left.len()..], "the newest stay");
    assert!((100..200).contains(&left.len()), "{}", left.len());
}

#[test]
fn fresh_empty_directories_stay() {
    let place = Place::new(SMALL);
    let leaf = place.logs.leaf("alpha", "job", "w", "job-9");
    fs::create_dir_all(&leaf).unwrap();
    place.logs.sweep(now(0), &Retention::default(), &nobody).unwrap();
    assert!(leaf.exists(), "somebody may be about to write");
    place.logs.sweep(now(1), &Retention::default(), &|_| true).unwrap();
    assert!(leaf.exists(), "its instance lives");
    place.logs.sweep(now(1), &Retention::default(), &nobody).unwrap();
    assert!(!place.root().join("alpha").exists());
}

#[test]
fn removing_a_tool_or_an_instance_leaves_the_others() {
    let mut place = Place::new(SMALL);
    place.write(0, 1, Stream::Stdout, "a");
    place.write(1, 2, Stream::Stdout, "b");
    place.logs.remove_instance("alpha", "job", "w0", "job-0").unwrap();
    place.logs.remove_instance("alpha", "job", "w0", "job-0").unwrap();
    assert_eq!(texts(&read(&place.logs, &all())), ["b"]);
    place.logs.remove_tool("beta").unwrap();
    assert_eq!(texts(&read(&place.logs, &all())), ["b"]);
    place.logs.remove_tool("alpha").unwrap();
    assert!(read(&place.logs, &all()).is_empty());
}

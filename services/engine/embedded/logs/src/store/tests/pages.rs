//! Pages against the model.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;
use crate::segment::list;

fn directions() -> [Direction; 2] {
    [Direction::OldestFirst, Direction::NewestFirst]
}

prop_compose! {
    fn query(span: i64)(
        since in prop::option::of(-1..span + 1),
        until in prop::option::of(-1..span + 1),
        fraction in prop::sample::select(vec![0, 1, 999]),
        lines in prop::option::of(0..40u64),
        newest in any::<bool>(),
        page_size in 1..12usize,
        stream in prop::sample::select(vec![None, Some(Stream::Stdout), Some(Stream::Stderr)]),
        workload in prop::sample::select(vec![None, Some("w0"), Some("w1"), Some("none")]),
    ) -> LogQuery {
        let at = |micros: i64| Timestamp::from_nanosecond(i128::from(micros) * 1000 + fraction).unwrap();
        LogQuery {
            since: since.map(at),
            until: until.map(at),
            lines,
            direction: if newest { Direction::NewestFirst } else { Direction::OldestFirst },
            page_size,
            stream,
            workload: workload.map(|id| WorkloadId(id.to_owned())),
            ..all()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_query_gives_what_the_model_gives(
        lines in prop::collection::vec((0..4usize, 0..4i64, any::<bool>(), 0..90usize), 0..120),
        queries in prop::collection::vec(query(250), 1..8),
    ) {
        let mut place = Place::new(SMALL);
        let mut now = 0;
        for (number, (instance, step, error, length)) in lines.into_iter().enumerate() {
            now += step;
            let stream = if error { Stream::Stderr } else { Stream::Stdout };
            place.write(instance, now, stream, &format!("{number} {}", "x".repeat(length)));
        }
        for query in queries {
            prop_assert_eq!(read(&place.logs, &query), place.expected(&query), "{:?}", query);
        }
    }
}

#[test]
fn two_hundred_thousand_lines_are_paged_as_they_were_written() {
    let place = Place::new(Limits { segment_bytes: 256 << 10, total_bytes: u64::MAX });
    let count = 200_000;
    let mut writers: Vec<Writer> = (0..3)
        .map(|i| {
            Writer::open(&place.logs.leaf("alpha", "job", "w", &format!("job-{i}")), place.limits).unwrap()
        })
        .collect();
    for number in 0..count {
        writers[number % 3].push(
            STDOUT,
            i64::try_from(number).unwrap() * 10,
            format!("line {number}").as_bytes(),
        );
    }
    drop(writers);
    for direction in directions() {
        let query = LogQuery { direction, page_size: 5000, ..all() };
        let pages = pages(&place.logs, &query, || {});
        assert_eq!(pages.len(), count / 5000, "every page is full");
        let entries = pages.iter().flat_map(|page| &page.entries).enumerate();
        for (number, entry) in entries {
            let number = if direction == Direction::OldestFirst { number } else { count - 1 - number };
            assert_eq!(entry.message, format!("line {number}"));
        }
    }
    let last = LogQuery { lines: Some(3), page_size: 2, ..all() };
    assert_eq!(texts(&read(&place.logs, &last)), ["line 199997", "line 199998", "line 199999"]);
    let window = LogQuery { since: Some(time(1_000_000)), until: Some(time(1_000_020)), ..all() };
    assert_eq!(texts(&read(&place.logs, &window)), ["line 100000", "line 100001", "line 100002"]);
}

#[test]
fn cursors_survive_a_restart_and_retention() {
    let mut place = Place::new(SMALL);
    for number in 0..200 {
        place.write(0, number, Stream::Stdout, &format!("line {number}"));
    }
    for direction in directions() {
        let query = LogQuery { direction, page_size: 30, ..all() };
        let first = place.logs.query(&query).unwrap();
        let reopened = Logs::open(place.root()).unwrap();
        let rest = LogQuery { cursor: first.next, ..query.clone() };
        assert_eq!(read(&reopened, &rest), place.expected(&query)[30..]);
    }
    let leaf = place.logs.leaf("alpha", "job", "w0", "job-0");
    let segments = list(&leaf).unwrap();
    let newest = LogQuery { direction: Direction::NewestFirst, page_size: 30, ..all() };
    let page = place.logs.query(&newest).unwrap();
    let oldest = place.logs.query(&LogQuery { page_size: 30, ..all() }).unwrap();
    let half = segments.len() / 2;
    for segment in &segments[..half] {
        fs::remove_file(segment.path(&leaf)).unwrap();
    }
    let kept = usize::try_from(segments[half].ordinal).unwrap();
    let rest = read(&place.logs, &LogQuery { cursor: page.next, ..newest.clone() });
    assert_eq!(rest, place.expected(&newest)[30..200 - kept], "what is kept, and nothing twice");
    let rest = read(&place.logs, &LogQuery { cursor: oldest.next, ..all() });
    assert_eq!(rest, place.expected(&all())[kept..], "what was dropped meanwhile is left out");
}

#[test]
fn a_tail_torn_at_any_byte_hides_only_itself() {
    let mut place = Place::new(Limits::default());
    for number in 0..4 {
        place.write(0, number, Stream::Stdout, "line");
    }
    let leaf = place.logs.leaf("alpha", "job", "w0", "job-0");
    let path = list(&leaf).unwrap()[0].path(&leaf);
    let bytes = fs::read(&path).unwrap();
    for cut in 0..=bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let whole = cut.saturating_sub(8) / 21;
        for direction in directions() {
            let logs = Logs::open(place.root()).unwrap();
            let found = read(&logs, &LogQuery { direction, ..all() });
            assert_eq!(found.len(), whole, "cut at {cut}");
            assert_eq!(
                read(&place.logs, &LogQuery { direction, ..all() }).len(),
                whole,
                "remembered, cut at {cut}"
            );
        }
    }
}

#[test]
fn damage_in_one_segment_does_not_hide_the_others() {
    let mut place = Place::new(SMALL);
    for number in 0..100 {
        place.write(0, number, Stream::Stdout, &format!("line {number}"));
    }
    let leaf = place.logs.leaf("alpha", "job", "w0", "job-0");
    let segments = list(&leaf).unwrap();
    let path = segments[1].path(&leaf);
    let mut bytes = fs::read(&path).unwrap();
    bytes[9] ^= 1;
    fs::write(&path, bytes).unwrap();
    let hidden = usize::try_from(segments[2].ordinal - segments[1].ordinal).unwrap();
    for direction in directions() {
        let found = read(&place.logs, &LogQuery { direction, page_size: 7, ..all() });
        assert_eq!(found.len(), 100 - hidden);
    }
}

#[test]
fn lost_lines_are_told_of_and_bytes_that_are_not_text_are_replaced() {
    let place = Place::new(Limits::default());
    let leaf = place.logs.leaf("alpha", "job", "w", "job-1");
    Writer::open(&leaf, place.limits).unwrap().append(STDOUT, 5, b"a\xffb");
    let segment = list(&leaf).unwrap()[0].path(&leaf);
    let mut bytes = fs::read(&segment).unwrap();
    crate::frame::encode(&mut bytes, crate::frame::LOST, 6, &12u64.to_le_bytes());
    fs::write(&segment, bytes).unwrap();
    let found = read(&place.logs, &all());
    assert_eq!(texts(&found), ["a\u{fffd}b", "(12 lines were lost: disk full)"]);
    assert_eq!(found[1].stream, Stream::Stderr);
}

#[test]
fn long_lines_make_short_pages() {
    let mut place = Place::new(Limits::default());
    let line = "x".repeat(crate::MAX_LINE);
    for number in 0..100 {
        place.write(0, number, Stream::Stdout, &line);
    }
    for direction in directions() {
        let query = LogQuery { direction, page_size: usize::MAX, ..all() };
        let pages = pages(&place.logs, &query, || {});
        assert_eq!(pages.iter().map(|page| page.entries.len()).collect::<Vec<_>>(), [64, 36]);
    }
}

#[test]
fn names_of_others_reach_nothing() {
    let mut place = Place::new(Limits::default());
    place.write(0, 1, Stream::Stdout, "secret");
    let long = "x".repeat(1 << 20);
    for (tool, name) in [
        ("alpha", ""),
        ("", "job"),
        ("..", "job"),
        ("alpha/job", "w0"),
        ("alpha", "job/w0"),
        ("ALPHA", "job"),
        (&long, "job"),
        ("alpha", &long),
    ] {
        let query = LogQuery { tool: tool.to_owned(), name: name.to_owned(), ..all() };
        assert_eq!(place.logs.query(&query).unwrap(), LogPage::default(), "{tool:?} {name:?}");
    }
}

#[test]
fn pages_are_whole_while_somebody_writes() {
    let place = Place::new(Limits { segment_bytes: 4096, total_bytes: u64::MAX });
    let leaf = place.logs.leaf("alpha", "job", "w", "job-0");
    let limits = place.limits;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = Writer::open(&leaf, limits).unwrap();
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) && number < 100_000 {
                writer.append(STDOUT, number, number.to_string().as_bytes());
                number += 1;
            }
        });
        let mut most = 0;
        for round in 0..60 {
            let direction = directions()[round % 2];
            let query = LogQuery { lines: Some(300), page_size: 70, direction, ..all() };
            let mut numbers: Vec<u64> =
                read(&place.logs, &query).iter().map(|entry| entry.message.parse().unwrap()).collect();
            if direction == Direction::NewestFirst {
                numbers.reverse();
            }
            assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "no gap: {numbers:?}");
            assert!(numbers.last().copied().unwrap_or(0) >= most, "never back");
            most = numbers.last().copied().unwrap_or(most);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn of_many_runs_only_those_in_question_are_opened() {
    let place = Place::new(Limits::default());
    let count = 3000;
    for run in 0..count {
        let leaf = place.logs.leaf("alpha", "job", &format!("w{run}"), &format!("job-{run}"));
        Writer::open(&leaf, place.limits).unwrap().append(
            STDOUT,
            run * 60_000_000,
            format!("run {run}").as_bytes(),
        );
        let segment = list(&leaf).unwrap()[0].path(&leaf);
        let file = fs::File::options().write(true).open(segment).unwrap();
        file.set_modified(time(run * 60_000_000).into()).unwrap();
    }
    let newest = LogQuery { direction: Direction::NewestFirst, page_size: 3, ..all() };
    let page = place.logs.query(&newest).unwrap();
    assert_eq!(texts(&page.entries), ["run 2999", "run 2998", "run 2997"]);
    assert!(place.logs.shared.indexes.len() <= 5, "{} were opened", place.logs.shared.indexes.len());
    let since = LogQuery { since: Some(time((count - 2) * 60_000_000)), ..all() };
    assert_eq!(texts(&read(&place.logs, &since)), ["run 2998", "run 2999"]);
    let until = LogQuery { until: Some(time(60_000_000)), direction: Direction::NewestFirst, ..all() };
    assert_eq!(texts(&read(&place.logs, &until)), ["run 1", "run 0"]);
    let oldest = place.logs.query(&LogQuery { page_size: 2, ..all() }).unwrap();
    assert_eq!(texts(&oldest.entries), ["run 0", "run 1"]);
    assert!(place.logs.shared.indexes.len() <= 20, "{} were opened", place.logs.shared.indexes.len());
}

#[test]
fn a_clock_that_was_set_back_hides_nothing() {
    let place = Place::new(Limits::default());
    let leaf = place.logs.leaf("alpha", "job", "w", "job-1");
    let now = Timestamp::now().as_microsecond();
    let mut writer = Writer::open(&leaf, place.limits).unwrap();
    let day = 24 * 3600 * 1_000_000;
    writer.append(STDOUT, now + day, b"tomorrow, by a wrong clock");
    writer.append(STDOUT, now, b"today, by the right one");
    let since = LogQuery { since: Some(time(now + day)), ..all() };
    for direction in directions() {
        let found = read(&place.logs, &LogQuery { direction, ..since.clone() });
        assert_eq!(found.len(), 2, "{direction:?}");
    }
}

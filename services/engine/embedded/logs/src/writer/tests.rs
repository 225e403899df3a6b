//! Tests of the writer: what is kept, torn tails, rotation, caps, a full disk.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::cell::Cell;
use std::rc::Rc;

use super::*;

const SMALL: Limits = Limits { segment_bytes: 200, total_bytes: 1000 };

/// Every frame in the directory as (kind, micros, payload), after checking that ordinals and times are in order.
fn read(dir: &Path) -> Vec<(u8, i64, Vec<u8>)> {
    let mut frames = Vec::new();
    let mut expected = None;
    for segment in list(dir).unwrap() {
        let file = File::open(segment.path(dir)).unwrap();
        assert!(has_magic(&file).unwrap());
        assert_eq!(*expected.get_or_insert(segment.ordinal), segment.ordinal, "ordinals have no gap");
        let mut scanner = Scanner::new(Vec::new());
        while let Some(frame) = scanner.next(&file).unwrap() {
            assert!(frame.micros >= i64::try_from(segment.start).unwrap());
            frames.push((frame.kind, frame.micros, frame.payload.to_vec()));
            expected = expected.map(|ordinal| ordinal + 1);
        }
        assert_eq!(scanner.offset(), file.metadata().unwrap().len(), "nothing behind the last frame");
    }
    assert!(frames.is_sorted_by_key(|frame| frame.1));
    frames
}

fn lines(dir: &Path) -> Vec<String> {
    let text = |payload: Vec<u8>| String::from_utf8(payload).unwrap();
    read(dir).into_iter().map(|(_, _, payload)| text(payload)).collect()
}

/// A disk with so many bytes, shared with the test.
#[derive(Debug)]
struct Small {
    free: Rc<Cell<u64>>,
}

impl Disk for Small {
    fn create(&mut self, path: &Path) -> io::Result<File> {
        FileSystem.create(path)
    }

    fn write(&mut self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let possible = self.free.get().min(bytes.len() as u64);
        FileSystem.write(file, &bytes[..usize::try_from(possible).unwrap()], offset)?;
        if possible < bytes.len() as u64 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.free.set(self.free.get() - possible);
        Ok(())
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.free.set(self.free.get() + fs::metadata(path)?.len());
        FileSystem.remove(path)
    }
}

#[test]
fn lines_are_kept_with_stream_and_time_and_time_does_not_go_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(dir.path(), Limits::default()).unwrap();
    writer.append(STDOUT, 100, b"one");
    writer.append(STDERR, 90, b"");
    writer.append(STDOUT, 110, b"\xff");
    let expected = [(1, 100, b"one".to_vec()), (2, 100, Vec::new()), (1, 110, b"\xff".to_vec())];
    assert_eq!(read(dir.path()), expected);
}

#[test]
fn pushed_lines_are_there_after_a_flush_and_after_a_drop() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(dir.path(), Limits::default()).unwrap();
    writer.push(STDOUT, 1, b"a");
    assert!(lines(dir.path()).is_empty());
    writer.flush();
    assert_eq!(lines(dir.path()), ["a"]);
    writer.push(STDOUT, 2, b"b");
    drop(writer);
    assert_eq!(lines(dir.path()), ["a", "b"]);
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_writing_goes_on() {
    let whole = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(whole.path(), Limits::default()).unwrap();
    for line in ["first", "second", "third"] {
        writer.append(STDOUT, 1_000, line.as_bytes());
    }
    drop(writer);
    let name = list(whole.path()).unwrap()[0];
    let bytes = fs::read(name.path(whole.path())).unwrap();
    for cut in 0..=bytes.len() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(name.path(dir.path()), &bytes[..cut]).unwrap();
        let mut writer = Writer::open(dir.path(), Limits::default()).unwrap();
        writer.append(STDOUT, 500, b"after");
        drop(writer);
        if cut < MAGIC.len() {
            let last = *list(dir.path()).unwrap().last().unwrap();
            assert!(last.ordinal >= name.ordinal, "a number is never used twice");
            continue;
        }
        let kept = [8, 8 + 22, 8 + 22 + 23, bytes.len()].iter().filter(|end| **end <= cut).count() - 1;
        let mut expected = ["first", "second", "third"][..kept].to_vec();
        expected.push("after");
        assert_eq!(lines(dir.path()), expected, "cut at {cut}");
        assert!(
            read(dir.path()).iter().all(|frame| frame.1 == 1_000),
            "time does not go back over a restart"
        );
    }
}

#[test]
fn damage_in_the_last_segment_is_cut_too() {
    let dir = tempfile::tempdir().unwrap();
    Writer::open(dir.path(), Limits::default()).unwrap().append(STDOUT, 1, b"good");
    let path = list(dir.path()).unwrap()[0].path(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(&[0; 4096]);
    fs::write(&path, bytes).unwrap();
    Writer::open(dir.path(), Limits::default()).unwrap().append(STDOUT, 2, b"more");
    assert_eq!(lines(dir.path()), ["good", "more"]);
}

#[test]
fn segments_rotate_and_the_oldest_are_dropped_at_the_cap() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(dir.path(), SMALL).unwrap();
    for number in 0..1000 {
        writer.append(STDOUT, number, format!("line {number}").as_bytes());
        let sizes =
            list(dir.path()).unwrap().into_iter().map(|s| fs::metadata(s.path(dir.path())).unwrap().len());
        let sizes: Vec<u64> = sizes.collect();
        assert!(sizes.iter().all(|size| *size <= SMALL.segment_bytes));
        assert!(sizes.iter().sum::<u64>() <= SMALL.total_bytes);
    }
    let kept = lines(dir.path());
    assert_eq!(kept.last().unwrap(), "line 999");
    assert!(kept.len() > 20, "only the oldest are dropped, {} remain", kept.len());
    assert_eq!(read(dir.path()).iter().filter(|frame| frame.0 == LOST).count(), 0, "a cap is no loss");
}

#[test]
fn batches_rotate_like_single_lines() {
    let (one, many) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut single = Writer::open(one.path(), SMALL).unwrap();
    let mut batch = Writer::open(many.path(), SMALL).unwrap();
    for number in 0..300 {
        single.append(STDOUT, number, format!("{number}").as_bytes());
        batch.push(STDOUT, number, format!("{number}").as_bytes());
    }
    drop(batch);
    assert_eq!(list(one.path()).unwrap(), list(many.path()).unwrap());
    assert_eq!(lines(one.path()), lines(many.path()));
}

#[test]
fn a_line_over_the_limit_is_split_between_characters() {
    let dir = tempfile::tempdir().unwrap();
    let line = "ä".repeat(MAX_LINE);
    let limits = Limits { segment_bytes: 200, total_bytes: 1 << 20 };
    Writer::open(dir.path(), limits).unwrap().append(STDERR, 1, format!("x{line}").as_bytes());
    let parts = lines(dir.path());
    assert_eq!(parts.concat(), format!("x{line}"));
    assert!(parts.iter().all(|part| part.len() <= MAX_LINE));
    assert!(parts.len() >= 2);
}

#[test]
fn a_full_disk_drops_the_oldest_segment_and_says_how_many_lines() {
    let dir = tempfile::tempdir().unwrap();
    let free = Rc::new(Cell::new(600));
    let limits = Limits { segment_bytes: 200, total_bytes: 10_000 };
    let mut core = Core::open(Small { free: Rc::clone(&free) }, dir.path(), limits).unwrap();
    let total = 200;
    for number in 0..total {
        core.push(STDOUT, number, b"0123456789");
        core.flush();
    }
    let frames = read(dir.path());
    let kept = frames.iter().filter(|frame| frame.0 == STDOUT).count() as u64;
    assert!(kept > 10);
    assert_eq!(frames.last().unwrap().1, total - 1, "the newest line is there");
    // told of, dropped again with the record that told it, or about to be told: never more than really happened
    let told: u64 =
        frames.iter().filter(|f| f.0 == LOST).map(|f| u64::from_le_bytes(f.2[..].try_into().unwrap())).sum();
    assert!(told > 0 && told + core.lost + kept <= u64::try_from(total).unwrap() + 40);
}

#[test]
fn lines_lost_on_a_disk_without_any_room_are_counted_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let free = Rc::new(Cell::new(60));
    let mut core = Core::open(Small { free: Rc::clone(&free) }, dir.path(), Limits::default()).unwrap();
    for number in 0..10 {
        core.push(STDOUT, number, b"0123456789");
        core.flush();
    }
    free.set(10_000);
    core.push(STDOUT, 10, b"again");
    core.flush();
    let frames = read(dir.path());
    assert_eq!(frames.len(), 3);
    assert_eq!(frames[0].1, 0);
    assert_eq!(frames[1], (LOST, 10, 9u64.to_le_bytes().to_vec()));
    assert_eq!(frames[2], (STDOUT, 10, b"again".to_vec()));
    assert_eq!(core.lost, 0);
}

#[test]
fn a_removed_directory_does_not_stop_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let leaf = dir.path().join("leaf");
    let mut writer = Writer::open(&leaf, SMALL).unwrap();
    writer.append(STDOUT, 1, b"a");
    fs::remove_dir_all(&leaf).unwrap();
    for number in 0..100 {
        writer.append(STDOUT, number, b"into the void");
    }
    fs::create_dir(&leaf).unwrap();
    writer.append(STDOUT, 1000, b"back");
    assert_eq!(lines(&leaf).last().unwrap(), "back");
}

//! Holders that live, that stopped, and that were killed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};

use super::*;

/// Takes the lock with the tools of the system, leaves it to a child that ends with its input, and is killed.
const KILLED: &str = r#"
exec 8<&0 9<>"$1"
flock -x 9
printf '%-15s\n' "$$" >&9
cat <&8 >/dev/null &
kill -9 "$$"
"#;

/// A holder that is dead. The lock is with a child of it for as long as its input is open.
fn killed(path: &Path) -> (Child, u32) {
    let mut child = Command::new("sh")
        .args(["-c", KILLED, "sh"])
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // waiting would close it
    let input = child.stdin.take();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    child.stdin = input;
    let pid = child.id();
    (child, pid)
}

#[test]
fn a_living_holder_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let lock = Lock::take(&path).unwrap();
    let error = Lock::take_while(&path, || panic!("it lives")).unwrap_err();
    let us = std::process::id();
    assert!(matches!(error, LockError::Held { pid, .. } if pid == Some(us)), "{error}");
    assert!(error.to_string().ends_with(&format!("lock is held by process {us}")), "{error}");
    drop(lock);
    Lock::take_while(&path, || panic!("it is free")).unwrap();
}

#[test]
fn what_a_killed_holder_left_to_a_child_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let (mut child, _) = killed(&path);
    let mut looks = 0;
    let lock = Lock::take_while(&path, || {
        looks += 1;
        drop(child.stdin.take());
        thread::sleep(LOOK);
        looks < 1000
    });
    assert!(lock.unwrap().was_unclean());
    assert!(looks > 0);
}

#[test]
fn a_child_that_never_lets_go_is_refused_to_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let (_child, holder) = killed(&path);
    let mut looks = 0;
    let error = Lock::take_while(&path, || {
        looks += 1;
        looks < 3
    });
    assert!(matches!(error, Err(LockError::Held { pid, .. }) if pid == Some(holder)));
    assert_eq!(looks, 3);
}

#[test]
fn a_copy_of_the_open_file_does_not_hold_it_longer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let lock = Lock::take(&path).unwrap();
    let _copy = lock.file.try_clone().unwrap();
    drop(lock);
    Lock::take_while(&path, || panic!("it is free")).unwrap();
}

#[test]
fn whether_the_last_holder_stopped_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let lock = Lock::take(&path).unwrap();
    assert!(!lock.was_unclean(), "there was none");
    lock.mark_stopped().unwrap();
    drop(lock);
    let lock = Lock::take(&path).unwrap();
    assert!(!lock.was_unclean(), "it said so");
    drop(lock);
    assert!(Lock::take(&path).unwrap().was_unclean(), "it did not");
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Lock::take(folder.path()).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot lock {}: ", folder.path().display())), "{error}");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::IsADirectory);
}

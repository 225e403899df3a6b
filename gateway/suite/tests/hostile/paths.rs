//! Paths.

use std::fmt::Write as _;

use crate::world::{all_good, start};

/// A path and the status that it must get.
const PATHS: &[(&str, &str, u16)] = &[
    ("good", "/v1/shelves/a/books/1", 200),
    ("two slashes at the beginning", "//v1/shelves/a/books/1", 404),
    ("two slashes inside", "/v1/shelves//books/1", 404),
    ("an empty last segment", "/v1/shelves/a/books/", 404),
    ("a slash at the end", "/v1/shelves/a/books/1/", 404),
    ("a segment of one dot", "/v1/./shelves/a/books/1", 400),
    ("a captured segment of one dot", "/v1/shelves/./books/1", 400),
    ("a captured segment of two dots", "/v1/shelves/../books/1", 400),
    ("the same, encoded", "/v1/shelves/%2e%2e/books/1", 400),
    ("the same below any depth", "/v1/files/a/../../secret", 400),
    ("encoded below any depth", "/v1/files/a/%2E%2e/secret", 400),
    ("an encoded slash in one segment", "/v1/shelves/a%2Fb/books/1", 200),
    ("an encoded backslash", "/v1/shelves/a%5Cb/books/1", 200),
    ("an encoded NUL", "/v1/shelves/a%00b/books/1", 400),
    ("bytes that are no UTF-8", "/v1/shelves/%FF/books/1", 400),
    ("an overlong slash", "/v1/shelves/%C0%AF/books/1", 400),
    ("a lone percent sign", "/v1/shelves/%/books/1", 400),
    ("a percent sign at the end", "/v1/shelves/a/books/%", 400),
    ("half a byte", "/v1/shelves/a/books/%2", 400),
    ("letters that are no digits", "/v1/shelves/a/books/%zz", 400),
    ("encoded twice: decoded once", "/v1/shelves/a/books/%252F", 200),
    ("parameters of a segment are data", "/v1/shelves/a;v=2/books/1;x", 200),
    ("a colon without a verb", "/v1/shelves/a/books/1:", 200),
    ("colons in an id", "/v1/shelves/a/books/a:b:c", 200),
    ("a verb that is not of this path", "/v1/shelves/a:move/books", 200),
    ("a verb that only POST has", "/v1/shelves/a/books/1:move", 200),
    ("an unknown path", "/v2/shelves/a/books/1", 404),
    ("the path of another service's method", "/library.v1.Library/GetBook", 404),
    ("nothing", "/", 404),
];

#[test]
fn each_path_has_its_answer() {
    let world = start();
    let mut wrong = String::new();
    for (what, path, wanted) in PATHS {
        let answer = world.client().get(path).unwrap();
        world.judge(&format!("{what} ({path})"), *wanted, &answer, &mut wrong);
    }
    all_good(&wrong);
}

#[test]
fn targets_that_are_no_paths_are_refused() {
    let world = start();
    let mut wrong = String::new();
    let targets = [
        ("no leading slash", "v1/shelves/a/books/1", 400),
        ("only an authority", "example.org:80", 400),
        ("the asterisk", "*", 400),
        ("an absolute URL is a path of this server", "http://example.org/v1/shelves/a/books/1", 200),
        ("a fragment", "/v1/shelves/a/books/1#x", 200),
    ];
    for (what, target, wanted) in targets {
        let request = format!("GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        match world.raw(request.as_bytes()) {
            // what is no request at all gets an answer without a body
            Some(answer) if answer.status == 400 && answer.body.is_empty() && wanted == 400 => {}
            Some(answer) => world.judge(what, wanted, &answer, &mut wrong),
            None => writeln!(wrong, "{what}: no answer").unwrap(),
        }
    }
    all_good(&wrong);
}

#[test]
fn long_paths_are_answered_at_once() {
    let world = start();
    let mut wrong = String::new();
    let segments = format!("/v1/files/{}", "a/".repeat(3_500).trim_end_matches('/'));
    let answer = world.client().get(&segments).unwrap();
    world.judge("3,500 segments below any depth", 200, &answer, &mut wrong);
    let nowhere = format!("/v1/trees/{}:nowhere", "a/".repeat(3_500));
    let answer = world.client().get(&nowhere).unwrap();
    world.judge("3,500 segments and a verb that is not there", 404, &answer, &mut wrong);
    let segment = format!("/v1/shelves/{}/books/1", "s".repeat(10_000));
    let answer = world.client().get(&segment).unwrap();
    world.judge("a segment of 10 kB", 414, &answer, &mut wrong);
    all_good(&wrong);
    // what does not even fit into the head of a request
    let segment = format!("GET /v1/shelves/{}/books/1 HTTP/1.1\r\nhost: a\r\n\r\n", "s".repeat(64 << 10));
    let status = world.raw(segment.as_bytes()).expect("an answer").status;
    assert!([414, 431].contains(&status), "a segment of 64 KiB: {status}");
}

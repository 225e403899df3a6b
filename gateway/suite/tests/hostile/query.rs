//! Queries.

use crate::world::{all_good, configured, start};

const BOOKS: &str = "/v1/shelves/a/books";

/// A path with a query, and its answer.
const QUERIES: &[(&str, &str, u16)] = &[
    ("a name that the path has bound", "/v1/shelves/a/books/1?name=shelves/EVIL/books/1", 400),
    ("the same by another of its names", "/v1/shelves/a/books?parent=shelves/b", 400),
    ("an unknown name", "/v1/shelves/a/books?nobody=1", 400),
    ("a singular field twice", "/v1/shelves/a/books?page_size=1&page_size=2", 400),
    ("a singular field by both of its names", "/v1/shelves/a/books?page_size=1&pageSize=2", 400),
    ("a repeated field twice", "/v1/shelves/a/books?genres=GENRE_NOVEL&genres=GENRE_POETRY", 200),
    ("a list with commas", "/v1/shelves/a/books?genres=GENRE_NOVEL,GENRE_POETRY", 400),
    ("an unknown word of an enum", "/v1/shelves/a/books?genres=GENRE_NONE", 400),
    ("a number of an enum", "/v1/shelves/a/books?genres=1", 200),
    ("a nested field", "/v1/shelves/a/books?filter.title=x", 200),
    ("a message as a whole", "/v1/shelves/a/books?filter=x", 400),
    ("brackets", "/v1/shelves/a/books?genres[]=1", 400),
    ("nothing after a dot", "/v1/shelves/a/books?filter.=x", 400),
    ("nothing before a dot", "/v1/shelves/a/books?.title=x", 400),
    ("no name", "/v1/shelves/a/books?=x", 400),
    ("no value", "/v1/shelves/a/books?page_token", 200),
    ("empty pairs", "/v1/shelves/a/books?&&page_token=x&", 200),
    ("a number with a point", "/v1/shelves/a/books?page_size=1.5", 400),
    ("a number with an exponent", "/v1/shelves/a/books?page_size=1e999", 400),
    ("a number beyond 32 bits", "/v1/shelves/a/books?page_size=4294967296", 400),
    ("a number with a space", "/v1/shelves/a/books?page_size=1%20", 400),
    ("a float beyond 64 bits", "/v1/echo?double_field=1e309", 400),
    ("infinity by its name", "/v1/echo?double_field=Infinity", 200),
    ("another name of infinity", "/v1/echo?double_field=inf", 400),
    ("two members of one oneof", "/v1/echo?choice_string=a&choice_int64=1", 400),
    ("a map", "/v1/echo?string_map[a]=b", 200),
    ("a map's key twice", "/v1/echo?string_map[a]=b&string_map[a]=c", 400),
    ("a map's key of another type", "/v1/echo?int_map[x]=1", 400),
    ("a field of a message in a map", "/v1/echo?inner_map[a].string_field=1", 400),
    ("a field of a repeated message", "/v1/echo?inner_list.string_field=1", 400),
    ("a moment that is none", "/v1/echo?timestamp=2023-02-30T00:00:00Z", 400),
    ("a duration that is none", "/v1/echo?duration=1h", 400),
    ("bytes that are no base64", "/v1/echo?bytes_field=%21", 400),
    ("bytes in the alphabet of URLs", "/v1/echo?bytes_field=-_-_", 200),
    ("a value of JSON", "/v1/echo?value=%7B%22a%22%3A%5B1%5D%7D", 200),
    ("half a value of JSON", "/v1/echo?struct=%7B%22a%22", 400),
    ("bytes that are no UTF-8", "/v1/shelves/a/books?page_token=%FF", 400),
    ("a lone percent sign", "/v1/shelves/a/books?page_token=%", 400),
    ("a plus is a space", "/v1/shelves/a/books?page_token=a+b", 200),
    ("any query beside a whole body", "/v1/echo?int32_field=1", 200),
];

#[test]
fn each_query_has_its_answer() {
    let world = start();
    let mut wrong = String::new();
    for (what, target, wanted) in QUERIES {
        let answer = world.client().get(target).unwrap();
        world.judge(&format!("{what} ({target})"), *wanted, &answer, &mut wrong);
    }
    let answer = world.client().json("POST", "/v1/echo?int32_field=1", b"{}").unwrap();
    world.judge("a query beside a body that is all of the message", 400, &answer, &mut wrong);
    let answer = world.client().json("POST", "/v1/shelves/a/books?book.title=x", b"{}").unwrap();
    world.judge("a query into the field of the body", 400, &answer, &mut wrong);
    all_good(&wrong);
}

#[test]
fn queries_have_bounds() {
    let world = configured("limits:\n  query_pairs: 50\n");
    let mut wrong = String::new();
    let many = "genres=1&".repeat(60);
    let deep = format!("{}string_field=1", "inner.".repeat(150));
    let name = "n".repeat(7_000);
    for (what, target, wanted) in [
        ("many pairs", format!("{BOOKS}?{many}"), 414),
        ("as many as are allowed", format!("{BOOKS}?{}", &many[..50 * 9 - 1]), 200),
        ("deep names", format!("/v1/echo?{deep}"), 400),
        ("a long name", format!("{BOOKS}?{name}=1"), 400),
        ("a longer one", format!("{BOOKS}?{name}{name}=1"), 414),
    ] {
        let answer = world.client().get(&target).unwrap();
        world.judge(what, wanted, &answer, &mut wrong);
    }
    all_good(&wrong);
    // what does not even fit into the head of a request
    let huge = format!("GET {BOOKS}?{}=1 HTTP/1.1\r\nhost: a\r\n\r\n", "n".repeat(1_000_000));
    let status = world.raw(huge.as_bytes()).expect("an answer").status;
    assert!([414, 431].contains(&status), "a target of 1 MB: {status}");
}

/// As much of a path and a query as HTTP libraries take.
const WIDE: &str = "limits:\n  uri: 60KiB\n  headers: 128KiB\n  query_pairs: 100000\n";

#[test]
fn tens_of_thousands_of_pairs_are_answered_at_once() {
    let world = configured(WIDE);
    let mut wrong = String::new();
    let began = std::time::Instant::now();
    for (what, target, wanted) in [
        ("6,000 pairs", format!("{BOOKS}?{}", "genres=1&".repeat(6_000)), 200),
        ("6,000 pairs of one field of a message", format!("{BOOKS}?{}", "filter.x=1&".repeat(5_000)), 400),
        ("30,000 unknown pairs", format!("{BOOKS}?{}", "x&".repeat(30_000)), 400),
        ("50,000 empty pairs", format!("{BOOKS}?{}", "&".repeat(50_000)), 200),
        (
            "5,000 keys of a map",
            {
                let pairs: Vec<String> = (0..2_500).map(|key| format!("string_map[{key}]=1")).collect();
                format!("/v1/echo?{}", pairs.join("&"))
            },
            200,
        ),
    ] {
        let answer = world.client().get(&target).unwrap();
        world.judge(what, wanted, &answer, &mut wrong);
    }
    all_good(&wrong);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    // what does not fit into any target
    let huge = format!("GET {BOOKS}?{} HTTP/1.1\r\nhost: a\r\n\r\n", "x=1&".repeat(100_000));
    let status = world.raw(huge.as_bytes()).expect("an answer").status;
    assert!([414, 431].contains(&status), "100,000 pairs: {status}");
}

#[test]
fn ten_thousand_segments_are_answered_at_once() {
    let world = configured(WIDE);
    let mut wrong = String::new();
    let many = "a/".repeat(10_000);
    let many = many.trim_end_matches('/');
    let began = std::time::Instant::now();
    for (what, target, wanted) in [
        ("below any depth", format!("/v1/files/{many}"), 200),
        ("and encoded ones", format!("/v1/files/{}", "%61/".repeat(10_000).trim_end_matches('/')), 200),
        ("and an empty one", format!("/v1/files/{many}//a"), 404),
        ("and dots at the end", format!("/v1/files/{many}/.."), 400),
        ("with a verb that is not there", format!("/v1/trees/{many}:nowhere"), 404),
        ("of no route", format!("/v2/{many}"), 404),
    ] {
        let answer = world.client().get(&target).unwrap();
        world.judge(&format!("10,000 segments {what}"), wanted, &answer, &mut wrong);
    }
    all_good(&wrong);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

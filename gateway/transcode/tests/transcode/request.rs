//! Requests: path, query and body become one message, each field once.

use transcode::{Body, Bound, RequestError, RequestErrorKind as K};

use crate::fixture::{platform, to_json};

fn bound(target: &str) -> Result<Bound, RequestError> {
    let (method, rest) = target.split_once(' ').unwrap();
    let (path, query) = rest.split_once('?').map_or((rest, None), |(p, q)| (p, Some(q)));
    platform().route(method, path).unwrap().bind(path, query)
}

/// The request message as JSON with Google's mapping, wire words and all else as proto3 says.
fn request(target: &str, body: &str) -> Result<String, String> {
    let body = Body { content_type: Some("application/json"), data: body.as_bytes() };
    let bound = bound(target).map_err(|e| e.to_string())?;
    let frame = bound.request(Some(body)).map_err(|e| e.to_string())?;
    let (header, message) = frame.split_at(transcode::FRAME_HEADER);
    assert_eq!(header[0], 0);
    assert_eq!(u32::from_be_bytes(header[1..].try_into().unwrap()) as usize, message.len());
    Ok(to_json(bound.route().method().input_type(), message).unwrap())
}

/// Target, body, and what is expected of them.
const JOINED: &[(&str, &str, &str)] = &[
    ("GET /v1/shelves/a/books/7", "", r#"{"shelf":"a","id":"7"}"#),
    ("GET /v1/shelves/a/books/7?with_text=true", "", r#"{"shelf":"a","id":"7","with_text":true}"#),
    ("GET /v1/shelves/a/books/7?withText=True", "", r#"{"shelf":"a","id":"7","with_text":true}"#),
    ("GET /v1/shelves/a/books/7?with-text=1", "", r#"{"shelf":"a","id":"7","with_text":true}"#),
    ("GET /v1/shelves/a/books/7?name=x%20y+z%2B", "", r#"{"shelf":"a","id":"7","name":"x y z+"}"#),
    ("GET /v1/shelves/a/books/7?name=a=b&&", "", r#"{"shelf":"a","id":"7","name":"a=b"}"#),
    (
        "GET /v1/shelves/a/books?words=x&words=&page_size=-3",
        "",
        r#"{"shelf":"a","words":["x",""],"page_size":-3}"#,
    ),
    ("GET /v1/shelves/a/books?years=1&years=300&years=0", "", r#"{"shelf":"a","years":[1,300,0]}"#),
    (
        "GET /v1/shelves/a/books?genres=hard-science&genres=GENRE_FICTION&genres=0",
        "",
        r#"{"shelf":"a","genres":["GENRE_SCIENCE","GENRE_FICTION","GENRE_UNSPECIFIED"]}"#,
    ),
    (
        "GET /v1/shelves/a/books?since=2026-01-02T03:04:05Z&age=1.5s&mask=fooBar,b&limit=0&token=_-8&score=NaN",
        "",
        r#"{"shelf":"a","since":"2026-01-02T03:04:05Z","age":"1.500s","mask":"fooBar,b","limit":0,"token":"/+8=","score":"NaN"}"#,
    ),
    ("GET /v1/shelves/a/books?weights[x]=1&weights%5By%5D=2", "", r#"{"shelf":"a","weights":{"x":1,"y":2}}"#),
    ("GET /v1/shelves/a/books?extra=%7B%22a%22%3A%5B1%5D%7D", "", r#"{"shelf":"a","extra":{"a":[1]}}"#),
    (
        "GET /v1/search/x?filter.title=t&filter.deeper.deeper.shelf=y",
        "",
        r#"{"filter":{"shelf":"x","title":"t","deeper":{"deeper":{"shelf":"y"}}}}"#,
    ),
    (
        "POST /v1/shelves/a/books?request_id=r",
        r#"{"title":"t","genre":"fiction"}"#,
        r#"{"shelf":"a","request_id":"r","book":{"title":"t","genre":"GENRE_FICTION"}}"#,
    ),
    ("POST /v1/shelves/a/books", "", r#"{"shelf":"a"}"#),
    ("POST /v1/shelves/a/books", "{}", r#"{"shelf":"a","book":{}}"#),
    ("POST /v1/shelves/a/books", "null", r#"{"shelf":"a"}"#),
    ("POST /v1/shelves/a/books", r#"{"ISBN":"1"}"#, r#"{"shelf":"a","book":{"isbn":"1"}}"#),
    (
        "PATCH /v1/shelves/a/books/b?update_mask=title",
        r#"{"title":"t"}"#,
        r#"{"update_mask":"title","book":{"title":"t","name":"shelves/a/books/b"}}"#,
    ),
    (
        "PATCH /v1/shelves/a/books/b",
        r#"{"name":"shelves/a/books/b"}"#,
        r#"{"book":{"name":"shelves/a/books/b"}}"#,
    ),
    (
        "PATCH /v1/shelves/a/books/b",
        r#"{"title":"t","author":{"given_name":"g"}}"#,
        r#"{"book":{"title":"t","author":{"given_name":"g"},"name":"shelves/a/books/b"},"update_mask":"title,author.givenName"}"#,
    ),
    ("PATCH /v1/shelves/a/books/b", "null", r#"{"book":{"name":"shelves/a/books/b"}}"#),
    ("PATCH /v1/shelves/a/books/b", "", r#"{"book":{"name":"shelves/a/books/b"}}"#),
    ("PUT /v1/shelves/a/all", r#"{"shelf":"a","titles":["x"]}"#, r#"{"titles":["x"],"shelf":"a"}"#),
    ("PUT /v1/shelves/a/all", r#"{"shelf":null}"#, r#"{"shelf":"a"}"#),
    ("PUT /v1/shelves/a/titles", r#"["x","y"]"#, r#"{"shelf":"a","titles":["x","y"]}"#),
    ("PUT /v1/shelves/a/labels", r#"{"b":"1","a":"2"}"#, r#"{"shelf":"a","labels":{"b":"1","a":"2"}}"#),
    (
        "PUT /v1/nested/n/all",
        r#"{"first":{"title":"t"},"shelf":"s"}"#,
        r#"{"first":{"title":"t","name":"n"},"shelf":"s"}"#,
    ),
    ("PUT /v1/nested/n/all", r#"{"first":{"name":"n"}}"#, r#"{"first":{"name":"n"}}"#),
    ("PUT /v1/nested/n/all", r#"{"first":null}"#, r#"{"first":{"name":"n"}}"#),
    ("PUT /v1/nested/n/all", "", r#"{"first":{"name":"n"}}"#),
    ("POST /v1/shelves/a/books/7:move", r#"{"shelf":"evil","id":8}"#, r#"{"shelf":"a","id":"7"}"#),
    ("POST /v1/loose", r#"{"shelf":"a","nope":{"x":[1,{}]}}"#, r#"{"shelf":"a"}"#),
    ("POST /v1/import", r#"{"name":"n","x":1}"#, r#"{"name":"n","unknown":["x"]}"#),
    (
        "POST /v1/import",
        r#"{"books":[{},{"author":{"given_name":"g","zip":1},"b":2}],"unknown":["forged"]}"#,
        r#"{"books":[{},{"author":{"given_name":"g"}}],"unknown":["books[1].author.zip","books[1].b","unknown"]}"#,
    ),
    ("PUT /v1/pick/a", r#"{"author":"a","note":"n"}"#, r#"{"note":"n","author":"a"}"#),
    ("PUT /v1/pick/a", r#"{"book":null}"#, r#"{"author":"a"}"#),
    ("PUT /v1/pick", "{}", r#"{"book":{}}"#),
    ("DELETE /v1/files/x", "{}", r#"{"path":"files/x"}"#),
];

#[test]
fn path_query_and_body_join() {
    for (target, body, expected) in JOINED {
        assert_eq!(request(target, body).as_deref(), Ok(*expected), "{target} {body}");
    }
}

/// Target, body, and what is expected of them.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "GET /v1/shelves/a/books/x",
        "",
        "id: expected an integer from -9223372036854775808 to 9223372036854775807, got \"x\"",
    ),
    (
        "GET /v1/shelves/a/books/7?nope=1",
        "",
        "nope: unknown query parameter, expected one of name, with-text",
    ),
    ("GET /v1/shelves/a/books/7?=1", "", ": unknown query parameter, expected one of name, with-text"),
    (
        "GET /v1/shelves/a/books/7?shelf=b",
        "",
        "shelf: expected no query parameter of this name, got one for a field that is bound by the path",
    ),
    (
        "GET /v1/shelves/a/books/7?shelf=a",
        "",
        "shelf: expected no query parameter of this name, got one for a field that is bound by the path",
    ),
    ("GET /v1/shelves/a/books/7?name=x&name=y", "", "name: the query parameter is given twice"),
    ("GET /v1/shelves/a/books/7?with_text=yes", "", "with_text: expected true or false, got \"yes\""),
    ("GET /v1/shelves/a/books?strict=True", "", "strict: expected true or false, got \"True\""),
    (
        "GET /v1/shelves/a/books?page_size=1e99",
        "",
        "page_size: expected an integer from -2147483648 to 2147483647, got \"1e99\"",
    ),
    (
        "GET /v1/shelves/a/books?genres=poetry",
        "",
        "genres: expected one of none, fiction, hard-science, got \"poetry\"",
    ),
    ("GET /v1/shelves/a/books?author=a&editor=b", "", "editor: expected not both editor and author"),
    (
        "GET /v1/shelves/a/books?words[0]=a",
        "",
        "words[0]: expected no key in brackets, for the field is no map, got \"a\"",
    ),
    ("GET /v1/shelves/a/books?page_size.x=1", "", "page_size.x: expected a dot only after a single message"),
    ("GET /v1/shelves/a/books?words=%FF", "", "words: expected percent-encoded UTF-8 without NUL, got %FF"),
    ("GET /v1/shelves/a/books?words=%", "", "words: expected two hexadecimal digits after every %, got %"),
    ("GET /v1/shelves/a/books?score=1e309", "", "score: expected a number"),
    (
        "GET /v1/shelves/a/books?extra=[",
        "",
        "extra: expected JSON (expected an object, got an array at position 0)",
    ),
    (
        "POST /v1/shelves/a/books?book.title=t",
        "{}",
        "book.title: expected no query parameter of this name, got one for a field that is bound by the body",
    ),
    (
        "PUT /v1/shelves/a/all?titles=x",
        "{}",
        "titles: expected no query parameter of this name, got one for a field of the body",
    ),
    (
        "PUT /v1/shelves/a/all",
        r#"{"shelf":"b"}"#,
        "shelf: expected \"a\" as in the path, got \"b\" at position 9",
    ),
    (
        "PATCH /v1/shelves/a/books/b",
        r#"{"name":"shelves/evil/books/b"}"#,
        "name: expected \"shelves/a/books/b\" as in the path, got \"shelves/evil/books/b\" at position 8",
    ),
    (
        "PUT /v1/nested/n/all",
        r#"{"first":{"name":"m"}}"#,
        "first.name: expected \"n\" as in the path, got \"m\" at position 17",
    ),
    (
        "PUT /v1/shelves/a/all",
        r#"{"shelf":"a","shelf":"a"}"#,
        "shelf: the field is given twice at position 21",
    ),
    ("PUT /v1/shelves/a/titles", r#"["x",1]"#, "[1]: expected a string, got 1 at position 5"),
    (
        "POST /v1/shelves/a/books",
        r#"{"genre":"GENRE"}"#,
        "genre: expected one of none, fiction, hard-science, got \"GENRE\" at position 9",
    ),
    ("POST /v1/shelves/a/books", "{}{}", "expected the end of the body, got '{' at position 2"),
    ("PUT /v1/pick/a", r#"{"book":{}}"#, "book: expected only one of author, book (oneof by) at position 8"),
    ("PUT /v1/pick?author=a", "{}", "expected no body beside author, of one oneof with book"),
    ("DELETE /v1/files/x", r#"{"a":1}"#, "expected no body, got one"),
];

#[test]
fn refusals_name_the_parameter_or_field() {
    for (target, body, expected) in REFUSED {
        let error = request(target, body).unwrap_err();
        assert!(error.starts_with(expected.trim_start_matches(": ")), "{target} {body}\n{error}");
    }
}

#[test]
fn errors_are_typed() {
    let kind = |target: &str| bound(target).unwrap_err().kind();
    assert_eq!(kind("GET /v1/shelves/a/books/x"), K::PathValue);
    assert_eq!(kind("GET /v1/shelves/a/books/7?nope="), K::UnknownParameter);
    assert_eq!(kind("GET /v1/shelves/a/books/7?id=7"), K::BoundParameter);
    let create = bound("POST /v1/shelves/a/books").unwrap();
    let with = |content_type, data: &'static str| {
        create
            .request(Some(Body { content_type, data: data.as_bytes() }))
            .map_err(|e| (e.kind(), e.kind().http_status()))
    };
    assert_eq!(with(Some("text/xml"), "{}"), Err((K::MediaType, 415)));
    assert_eq!(with(Some("application/x-www-form-urlencoded"), "a=b"), Err((K::MediaType, 415)));
    assert_eq!(with(Some("application/json"), r#"{"pages":"x"}"#), Err((K::Value, 400)));
    assert_eq!(with(Some("application/json"), r#"{"x":1}"#), Err((K::UnknownField, 400)));
    assert_eq!(with(Some("application/json"), "{"), Err((K::Syntax, 400)));
    for fine in [
        None,
        Some("application/json; charset=utf-8"),
        Some("Application/JSON"),
        Some("application/merge-patch+json"),
    ] {
        assert!(with(fine, "{}").is_ok(), "{fine:?}");
    }
    let error = create
        .request(Some(Body { content_type: None, data: br#"{"author":{"given_name":1}}"# }))
        .unwrap_err();
    assert_eq!(
        (error.path(), error.position(), error.expected(), error.found()),
        ("author.given_name", Some(24), "a string", "1")
    );
}

#[test]
fn path_values_are_known_before_the_body() {
    let bound = bound("POST /v1/shelves/a%20b/books").unwrap();
    assert_eq!(bound.path_value("shelf"), Some("a b"));
    assert_eq!(bound.path_value("book"), None);
    assert!(bound.takes_body());
}

#[test]
fn raw_bodies_without_bytes_keep_their_type() {
    let upload = bound("POST /v1/files/n").unwrap();
    let of = |body| to_json("test.library.UploadRequest", &upload.request(body).unwrap()[5..]).unwrap();
    let body = |content_type| Some(Body { content_type, data: b"" });
    assert_eq!(of(body(Some("image/png"))), r#"{"file":{"content_type":"image/png"},"name":"n"}"#);
    // nothing was said of a body
    assert_eq!(of(body(None)), r#"{"name":"n"}"#);
    assert_eq!(of(None), r#"{"name":"n"}"#);
    // of JSON no bytes are no body, whatever its type
    let create = bound("POST /v1/shelves/s/books").unwrap();
    assert_eq!(create.request(body(Some("text/plain"))).unwrap(), create.request(None).unwrap());
}

#[test]
fn raw_bodies_go_up_as_they_are() {
    let upload = bound("POST /v1/files/n").unwrap();
    let data = b"\xff\x00{";
    let frame = upload.request(Some(Body { content_type: Some("image/png"), data })).unwrap();
    assert_eq!(
        to_json("test.library.UploadRequest", &frame[5..]).unwrap(),
        r#"{"file":{"content_type":"image/png","data":"/wB7"},"name":"n"}"#
    );
    let echo = bound("POST /v1/echo").unwrap();
    let frame = echo.request(Some(Body { content_type: None, data: b"x" })).unwrap();
    assert_eq!(
        to_json("google.api.HttpBody", &frame[5..]).unwrap(),
        r#"{"content_type":"application/octet-stream","data":"eA=="}"#
    );
}

/// The number of occurrences of a top-level field.
fn occurrences(wire: &[u8], number: u32) -> usize {
    use prost_reflect::prost::encoding::{DecodeContext, decode_key, skip_field};
    let mut rest = wire;
    let mut count = 0;
    while !rest.is_empty() {
        let (n, kind) = decode_key(&mut rest).unwrap();
        skip_field(kind, n, &mut rest, DecodeContext::default()).unwrap();
        count += usize::from(n == number);
    }
    count
}

#[test]
fn what_is_told_about_unknown_fields_is_bounded() {
    let long = "k".repeat(10_000);
    let unknown: Vec<String> = (0..5_000).map(|i| format!(r#""x{i}":0"#)).collect();
    let body = format!(r#"{{"{long}":0,"books":[{{"author":{{{}}}}}]}}"#, unknown.join(","));
    let import = bound("POST /v1/import").unwrap();
    let frame = import.request(Some(Body { content_type: None, data: body.as_bytes() })).unwrap();
    assert!((60_000..90_000).contains(&frame.len()), "{}", frame.len());
    let word = br#"{"books":[{"genre":"poetry"}]}"#;
    let error = import.request(Some(Body { content_type: None, data: word })).unwrap_err();
    assert_eq!(error.path(), "books[0].genre");
}

#[test]
fn a_bound_field_is_on_the_wire_once() {
    for body in ["", "{}", r#"{"shelf":"a"}"#, r#"{"titles":["x"],"shelf":"a"}"#, r#"{"shelf":null}"#] {
        let bound = bound("PUT /v1/shelves/a/all").unwrap();
        let frame = bound.request(Some(Body { content_type: None, data: body.as_bytes() })).unwrap();
        assert_eq!(occurrences(&frame[5..], 1), 1, "{body}");
    }
    let nested = bound("PUT /v1/nested/n/all").unwrap();
    for body in ["", "{}", r#"{"first":{"name":"n","title":"t"}}"#, r#"{"first":{}}"#, r#"{"first":null}"#] {
        let frame = nested.request(Some(Body { content_type: None, data: body.as_bytes() })).unwrap();
        assert_eq!(occurrences(&frame[5..], 5), 1, "{body}");
    }
}

#[test]
fn big_queries_are_read_in_one_go() {
    let query = "words=x&".repeat(10_000);
    let bound = bound(&format!("GET /v1/shelves/a/books?{query}")).unwrap();
    assert_eq!(occurrences(&bound.request(None).unwrap()[5..], 5), 10_000);
    let query = query.repeat(2);
    let error = self::bound(&format!("GET /v1/shelves/a/books?{query}")).unwrap_err();
    assert_eq!((error.kind(), error.kind().http_status()), (K::QuerySize, 414));
    let deep = "filter.".to_owned() + &"deeper.".repeat(10_000) + "title=x";
    assert_eq!(self::bound(&format!("GET /v1/search/x?{deep}")).unwrap_err().kind(), K::Depth);
    let long = format!("GET /v1/search/x?{}=1", "n".repeat(1_000_000));
    assert_eq!(self::bound(&long).unwrap_err().kind(), K::UnknownParameter);
}

//! The requests, and which of them Envoy answers otherwise.

use std::fmt;

/// Differences, as the documentation names them.
pub(crate) const RESPONSE_BODY: &str = "`response_body` that names a field";
pub(crate) const REFUSALS: &str = "refusals that are the proxy's own";
const RESERVED: &str = "reserved characters, percent-encoded, in a variable of several segments";
const SLASH: &str = "a slash at the end of a path";
const EMPTY_SEGMENT: &str = "an empty segment in a variable";
const ENCODING: &str = "bytes in a path that are no UTF-8, a NUL, a broken `%`";
const METHODS: &str = "a method that the path does not take";
const HEAD: &str = "`HEAD` and `OPTIONS`";
const NO_BODY: &str = "no body where the rule has a field for it";
const CONTRADICTION: &str = "a body that contradicts the path";
const MASK: &str = "`PATCH` without an `update_mask`";
const EMPTY_VALUE: &str = "an empty key or text in a map";
const TWICE: &str = "a query parameter twice for a single field";
const OPEN_ENUM: &str = "a number that an enum does not name, in the query";
const MAP: &str = "a map in the query, `m[key]=value`";
const MESSAGES: &str = "a field of repeated messages in the query";
const VALUE: &str = "`google.protobuf.Value` in the query";
const REBOUND: &str = "a query parameter for a field of the path or the body";
const PLUS: &str = "`+` in the query";
const NAMELESS: &str = "a query parameter without a name";
const DIGITS: &str = "digits of very small floats";
const LAX: &str = "lax JSON: trailing commas, bare or single-quoted names, raw control characters";
const DUPLICATES: &str = "a field twice in JSON";
const UNKNOWN: &str = "a field that the message does not have";
const KINDS: &str = "a value of another kind";
const LATE: &str = "a failure after the first message of a stream";
const FORMATS: &str = "`Accept` of a stream";
const HEADERS: &str = "headers that reach the service";

/// One request.
pub(crate) struct Row {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: String,
    /// The difference, as the documentation names it.
    pub(crate) difference: Option<&'static str>,
}

impl Row {
    fn but(mut self, difference: &'static str) -> Self {
        self.difference = Some(difference);
        self
    }

    fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {:?} {}", self.method, self.target, self.headers, self.body)
    }
}

fn row(method: &'static str, target: &str) -> Row {
    Row { method, target: target.to_owned(), headers: Vec::new(), body: String::new(), difference: None }
}

pub(crate) fn get(target: &str) -> Row {
    row("GET", target)
}

fn send(method: &'static str, target: &str, body: &str) -> Row {
    Row { body: body.to_owned(), ..row(method, target) }.header("content-type", "application/json")
}

fn echo(body: &str) -> Row {
    send("POST", "/v1/echo", body)
}

/// Every request.
pub(crate) fn all() -> Vec<Row> {
    [paths(), bodies(), queries(), values(), well_known_types(), refusals(), streams(), failures()]
        .into_iter()
        .flatten()
        .collect()
}

fn paths() -> Vec<Row> {
    vec![
        get("/v1/shelves/1/books/2"),
        get("/v1/shelves/a%20b/books/c"),
        get("/v1/shelves/%C3%A9/books/c"),
        get("/v1/shelves/a%2Fb/books/c"),
        get("/v1/shelves/a%2fb/books/c"),
        get("/v1/shelves/a%3Ab/books/c").but(RESERVED),
        get("/v1/shelves/a%40b/books/c%21").but(RESERVED),
        get("/v1/shelves/a+b/books/c"),
        get("/v1/shelves/a:b/books/c"),
        get("/v1/shelves/1/books/2:nothing"),
        get("/v1/isbn/a%2Fb"),
        get("/v1/isbn/a%20b"),
        get("/v1/files/a"),
        get("/v1/files/a/b/c"),
        get("/v1/files/a%2Fb/c"),
        get("/v1/trees/a/b/c:stat"),
        get("/v1/trees/a:stat"),
        get("/v1/shelves/1/books/2/").but(SLASH),
        row("DELETE", "/v1/shelves//books/2").but(EMPTY_SEGMENT),
        get("/v1//shelves/1/books/2"),
        get("/v1/shelves/1/books/").but(SLASH),
        get("/v1/isbn/%FF").but(ENCODING),
        get("/v1/isbn/%00").but(ENCODING),
        get("/v1/isbn/%zz").but(ENCODING),
        get("/v1/isbn/%").but(ENCODING),
        get("/v1/isbn/%2").but(ENCODING),
        get("/nothing"),
        get("/"),
        get("/v1/echo/a/7/true"),
        get("/v1/echo/a/x/true"),
        get("/v1/echo/a/7/maybe"),
        get("/v1/echo/a/2147483648/true"),
        get("/v1/shelves/1;a=b/books/2"),
        row("REPORT", "/v1/report/x?depth=2"),
        row("POST", "/v1/report/x").but(METHODS),
        row("DELETE", "/v1/shelves/1/books/2"),
        row("DELETE", "/v1/shelves/1/books/missing"),
        row("HEAD", "/v1/shelves/1/books/2").but(HEAD),
        row("OPTIONS", "/v1/shelves/1/books/2").but(HEAD),
        row("PUT", "/v1/isbn/1").but(METHODS),
        row("get", "/v1/isbn/1").but(METHODS),
        row("POST", "/library.v1.Library/Unbound"),
    ]
}

fn bodies() -> Vec<Row> {
    let book = r#"{"title": "T", "tags": ["a", "b"], "labels": {"k": "v"}, "genre": "GENRE_POETRY"}"#;
    vec![
        send("POST", "/v1/shelves/1/books", book),
        send("POST", "/v1/shelves/1/books?book_id=x&validate_only=true", book),
        send("POST", "/v1/shelves/1/books?bookId=x", book),
        send("POST", "/v1/shelves/1/books", "{}"),
        send("POST", "/v1/shelves/1/books", "").but(NO_BODY),
        row("POST", "/v1/shelves/1/books").but(NO_BODY),
        send("PUT", "/v1/shelves/1/books/2", book),
        send("PUT", "/v1/shelves/1/books/2?allow_missing=true", book),
        send("PUT", "/v1/shelves/1/books/2", r#"{"name": "shelves/1/books/2", "title": "T"}"#),
        send("PUT", "/v1/shelves/1/books/2", r#"{"name": "shelves/9/books/9", "title": "T"}"#)
            .but(CONTRADICTION),
        send("PATCH", "/v1/shelves/1/books/2", r#"{"title": "T"}"#).but(MASK),
        send("PATCH", "/v1/shelves/1/books/2?update_mask=title,pages", r#"{"title": "T"}"#),
        send("PATCH", "/v1/shelves/1/books/2?updateMask=readingTime", r#"{"title": "T"}"#),
        send("POST", "/v1/shelves/1/books/2:move", r#"{"toShelf": "3", "position": 4}"#),
        send("POST", "/v1/shelves/1/books/2:move", r#"{"to_shelf": "3"}"#),
        send("POST", "/v1/shelves/1/books/2:move", "").but(EMPTY_VALUE),
        row("POST", "/v1/shelves/1/books/2:move").but(EMPTY_VALUE),
        row("POST", "/v1/shelves/1/books/2/to/3:move"),
        send("POST", "/v1/shelves/1/books/2:move?position=4", r#"{"toShelf": "3"}"#).but(REBOUND),
        send("PUT", "/v1/echo/name", r#"{"int32Field": 5}"#),
        send("PUT", "/v1/echo/name?int64_field=9", r#"{"int32Field": 5}"#),
        send("POST", "/v1/inspect", "{}").header("x-none", "1").but(HEADERS),
        send("POST", "/v1/fail", r#"{"code": 0}"#),
    ]
}

fn queries() -> Vec<Row> {
    let echo = |query: &str| get(&format!("/v1/echo?{query}"));
    vec![
        get("/v1/shelves/1/books"),
        get("/v1/shelves/1/books?page_size=2"),
        get("/v1/shelves/1/books?pageSize=2&pageToken=x"),
        get("/v1/shelves/1/books?page_size=-1"),
        get("/v1/shelves/1/books?page_size=1&filter.title=x&filter.min_pages=3&filter.tags=a&filter.tags=b"),
        get("/v1/shelves/1/books?page_size=1&genres=GENRE_NOVEL&genres=2"),
        get("/v1/shelves/1/books?page_size=1&published_after=2020-01-02T03:04:05Z"),
        echo("string_field=a%20b"),
        echo("string_field=a+b").but(PLUS),
        echo("string_field="),
        echo("string_field"),
        echo("string_field=%C3%A9"),
        echo("string_field=a%26b%3Dc"),
        echo("int32_field=-1&uint32_field=4294967295&int64_field=-9223372036854775808"),
        echo("double_field=1.5&float_field=-2.5e3"),
        echo("double_field=NaN&float_field=-Infinity"),
        echo("bool_field=true&bool_field=false").but(TWICE),
        echo("int32_field=1&int32_field=2").but(TWICE),
        echo("bytes_field=aGk%3D"),
        echo("bytes_field=_-8"),
        echo("enum_field=GENRE_POETRY"),
        echo("enum_field=3"),
        echo("enum_field=99").but(OPEN_ENUM),
        echo("int32_list=1&int32_list=2"),
        echo("string_list=a&string_list="),
        echo("inner.inner.string_field=deep"),
        echo("inner.string_field=a&int32_field=1&inner.int32_field=2"),
        echo("wrapped_int32=7&wrapped_string=x&wrapped_bool=false"),
        echo("duration=1.5s"),
        echo("timestamp=2020-01-02T03:04:05.006Z"),
        echo("mask=a,bC"),
        echo("choice_string=x"),
        echo("maybe_int32=0"),
        echo(""),
        echo("&&string_field=a&"),
        echo("string_map[a]=b").but(MAP),
        echo("string_map.a=b"),
        echo("inner_list.string_field=a").but(MESSAGES),
        echo("struct.a=1"),
        echo("value=3").but(VALUE),
        echo("choice_string=x&choice_int64=2"),
        get("/v1/shelves/1/books/2?name=shelves/9/books/9").but(REBOUND),
        get("/v1/shelves/1/books/2?read_mask=title"),
    ]
}

fn values() -> Vec<Row> {
    vec![
        echo("{}"),
        echo(
            r#"{"doubleField": 1.5, "floatField": 2.5, "int32Field": -1, "int64Field": "-2", "uint32Field": 3}"#,
        ),
        echo(
            r#"{"uint64Field": "18446744073709551615", "sint32Field": -4, "sint64Field": -5, "fixed32Field": 6}"#,
        ),
        echo(
            r#"{"fixed64Field": "7", "sfixed32Field": -8, "sfixed64Field": -9, "boolField": true, "stringField": "é\n"}"#,
        ),
        echo(r#"{"double_field": 1e300, "float_field": 1e-40, "int32_field": 1e3, "int64_field": 1.0}"#)
            .but(DIGITS),
        echo(r#"{"doubleField": "NaN", "floatField": "-Infinity"}"#),
        echo(r#"{"doubleField": 0.1, "floatField": 0.1}"#),
        echo(r#"{"doubleField": -0.0}"#),
        echo(r#"{"int32Field": "12", "uint32Field": "13", "doubleField": "1.25"}"#),
        echo(r#"{"bytesField": "AP+APj8="}"#),
        echo(r#"{"bytesField": "AP-APj8"}"#),
        echo(r#"{"enumField": "GENRE_NOVEL", "maybeEnum": 2, "enumList": ["GENRE_POETRY", 1, 77]}"#),
        echo(r#"{"maybeInt32": 0, "maybeString": ""}"#),
        echo(
            r#"{"int32List": [1, 2], "stringList": ["a", ""], "boolList": [true, false], "doubleList": [1, 2.5]}"#,
        ),
        echo(r#"{"unpackedList": [1, 2, 3], "bytesList": ["aGk=", ""]}"#),
        echo(r#"{"stringMap": {"a": "b", "": ""}, "intMap": {"-1": "2"}, "boolMap": {"true": 1}}"#)
            .but(EMPTY_VALUE),
        echo(r#"{"stringMap": {"a": ""}}"#).but(EMPTY_VALUE),
        echo(r#"{"stringMap": {"": "b"}}"#).but(EMPTY_VALUE),
        echo(r#"{"stringField": ""}"#),
        echo(
            r#"{"innerMap": {"x": {"inner": {"boolField": true}}}, "bytesMap": {"18446744073709551615": "aGk="}}"#,
        ),
        echo(r#"{"inner": {"inner": {"inner": {"stringField": "deep"}}}}"#),
        echo(r#"{"innerList": [{}, {"int32Field": 1}]}"#),
        echo(r#"{"choiceString": ""}"#),
        echo(r#"{"choiceInt64": "5"}"#),
        echo(r#"{"choiceAuthor": {"givenName": "A"}}"#),
        echo(r#"{"choiceNull": null}"#),
    ]
}

fn well_known_types() -> Vec<Row> {
    vec![
        echo(r#"{"wrappedDouble": 0, "wrappedFloat": 1.5, "wrappedInt64": "0", "wrappedUint64": 1}"#),
        echo(
            r#"{"wrappedInt32": 0, "wrappedUint32": 1, "wrappedBool": false, "wrappedString": "", "wrappedBytes": "aGk="}"#,
        ),
        echo(r#"{"timestamp": "2020-01-02T03:04:05Z"}"#),
        echo(r#"{"timestamp": "2020-01-02T03:04:05.120000001+01:30"}"#),
        echo(r#"{"timestamp": "9999-12-31T23:59:59.999999999Z"}"#),
        echo(r#"{"duration": "1.5s"}"#),
        echo(r#"{"duration": "-3.000000001s"}"#),
        echo(r#"{"mask": "aB,c.dE"}"#),
        echo(r#"{"struct": {"a": 1, "b": [true, null, "x"], "c": {"d": 1.5}}}"#),
        echo(r#"{"value": "x"}"#),
        echo(r#"{"value": null}"#),
        echo(r#"{"value": {"a": [1]}}"#),
        echo(r#"{"listValue": [1, "a", null, [2]]}"#),
        echo(r#"{"any": {"@type": "type.googleapis.com/library.v1.Author", "givenName": "A"}}"#),
        echo(r#"{"any": {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}}"#),
        echo(r#"{"any": {"givenName": "A", "@type": "type.googleapis.com/library.v1.Author"}}"#),
        echo(r#"{"empty": {}, "timestamps": ["2020-01-02T03:04:05Z"], "valueMap": {"a": null, "b": 1}}"#),
        echo(r#"{"stringField": null, "inner": null, "int32List": null}"#),
        echo(r#"{"stringField": "\u00e9\ud83d\ude00\u0000\u001f\"\\\/\b\f\n\r\t"}"#),
        echo("{\"stringField\": \"<>&'\u{7f}\u{2028}\"}"),
        echo(r#"  {  "int32Field" : 1 ,"boolField":true }  "#),
    ]
}

fn refusals() -> Vec<Row> {
    let mut rows = vec![
        echo(r#"{"int32Field": 1,}"#).but(LAX),
        echo("{int32Field: 1}").but(LAX),
        echo("{'int32Field': 1}").but(LAX),
        echo(r#"{"int32Field": 1, "int32Field": 2}"#).but(DUPLICATES),
        echo(r#"{"int32Field": 1, "int32_field": 2}"#).but(DUPLICATES),
        echo(r#"{"nothing": 1}"#).but(UNKNOWN),
        echo(r#"{"inner": {"nothing": 1}}"#).but(UNKNOWN),
        echo(r#"{"int32Field": 2147483648}"#),
        echo(r#"{"int32Field": 1.5}"#),
        echo(r#"{"int32Field": "x"}"#),
        echo(r#"{"int32Field": true}"#),
        echo(r#"{"boolField": 1}"#),
        echo(r#"{"boolField": "true"}"#).but(KINDS),
        echo(r#"{"stringField": 1}"#),
        echo(r#"{"enumField": "GENRE_NOTHING"}"#),
        echo(r#"{"enumField": "genre_novel"}"#),
        echo(r#"{"int32List": 1}"#).but(KINDS),
        echo(r#"{"int32List": [null]}"#).but(KINDS),
        echo(r#"{"stringMap": {"a": null}}"#).but(EMPTY_VALUE),
        echo(r#"{"stringMap": ["a"]}"#),
        echo(r#"{"choiceString": "a", "choiceInt64": "1"}"#),
        echo(r#"{"bytesField": "%"}"#),
        echo(r#"{"timestamp": "2020-13-02T03:04:05Z"}"#),
        echo(r#"{"timestamp": "yesterday"}"#),
        echo(r#"{"duration": "1"}"#),
        echo(r#"{"duration": "1m"}"#),
        echo(r#"{"any": {"@type": "type.googleapis.com/no.Such"}}"#),
        echo(r#"{"any": {"givenName": "A"}}"#),
        echo(r#"{"doubleField": NaN}"#),
        echo(r#"{"doubleField": 1e400}"#),
        echo(r#"{"int32Field": 01}"#),
        echo(r#"{"int32Field": +1}"#),
        echo(r#"{"stringField": "a"#),
        echo(r#"{"stringField": "a"}}"#),
        echo(r#"{"stringField": "a"} {}"#),
        echo(r#"{"stringField": "\ud800"}"#),
        echo("{\"stringField\": \"a\nb\"}").but(LAX),
        echo("[]"),
        echo("1"),
        echo("null"),
        echo("{\"inner\":".repeat(120).as_str()),
    ];
    let query = |query: &str| get(&format!("/v1/echo?{query}"));
    rows.extend([
        query("nothing=1"),
        query("int32_field=x"),
        query("int32_field="),
        query("bool_field=yes").but(KINDS),
        query("inner=x"),
        query("enum_field=GENRE_NOTHING"),
        query("duration=1"),
        query("timestamp=now"),
        query("string_field.a=1"),
        query("=1").but(NAMELESS),
        query("int32_list=1,2"),
    ]);
    rows
}

fn streams() -> Vec<Row> {
    vec![
        get("/v1/shelves/1/books:watch?count=3"),
        get("/v1/shelves/1/books:watch?count=0"),
        get("/v1/shelves/1/books:watch?fail_code=5"),
        get("/v1/shelves/1/books:watch?count=2&fail_code=10").but(LATE),
        get("/v1/shelves/1/books:watch?count=2").header("accept", "text/event-stream").but(FORMATS),
        get("/v1/shelves/1/books:watch?count=2").header("accept", "application/x-ndjson").but(FORMATS),
        get("/v1/raw/x?size=5&content_type=text/plain"),
        get("/v1/raw/x:parts?size=3&parts=3"),
        row("POST", "/v1/raw/x").header("content-type", "image/png"),
        Row { body: "some bytes".to_owned(), ..row("POST", "/v1/raw/x").header("content-type", "image/png") },
        Row {
            body: "some bytes".to_owned(),
            ..row("POST", "/v1/raw/x?note=n").header("content-type", "a/b")
        },
    ]
}

fn failures() -> Vec<Row> {
    let codes = (1..=16).map(|code| get(&format!("/v1/fail/{code}?message=so%20it%20is")));
    let more = [
        get("/v1/fail/17?message=x"),
        get("/v1/fail/5?message="),
        get("/v1/fail/9?message=x&details=true"),
        get("/v1/fail/3?message=%C3%A9%0Ax"),
        get("/v1/shelves/1/books/missing"),
        get("/v1/fail/0"),
    ];
    codes.chain(more).collect()
}

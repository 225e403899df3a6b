//! Streamed requests: bodies cut into messages at every byte, by every form, each message bound like a body of its own.

use bytes::Bytes;
use transcode::{InputFormat, RequestError, RequestErrorKind as K, RequestStream, StreamReader};

use crate::fixture::{platform, to_json};

/// The records of a body that arrives in these chunks, and the error that ends it.
fn records(format: InputFormat, limit: usize, chunks: &[&[u8]]) -> (Vec<String>, Option<RequestError>) {
    let mut reader = StreamReader::new(format, limit);
    let mut found = Vec::new();
    let read = (|| {
        for chunk in chunks {
            let mut chunk = Bytes::copy_from_slice(chunk);
            while let Some(record) = reader.next(&mut chunk)? {
                found.push(record);
            }
            assert!(chunk.is_empty());
        }
        found.extend(reader.end()?);
        Ok(())
    })();
    let whole = chunks.concat();
    for (number, record) in (1..).zip(&found) {
        assert_eq!(record.number, number);
        assert_eq!(&whole[record.position..record.position + record.json.len()], &record.json);
    }
    (found.iter().map(|r| String::from_utf8_lossy(&r.json).into_owned()).collect(), read.err())
}

/// The same whatever way the body is cut.
fn everywhere(format: InputFormat, body: &[u8]) -> (Vec<String>, Option<String>) {
    let whole = records(format, 1000, &[body]);
    for cut in 0..=body.len() {
        let (a, b) = body.split_at(cut);
        assert_eq!(records(format, 1000, &[a, b]), whole, "cut at {cut}");
    }
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(records(format, 1000, &bytes), whole);
    (whole.0, whole.1.map(|e| e.to_string()))
}

#[test]
fn bodies_are_cut_into_values() {
    use InputFormat::{Json, NdJson};
    let rows: &[(InputFormat, &str, &[&str])] = &[
        (Json, "", &[]),
        (Json, " \n", &[]),
        (Json, "[]", &[]),
        (Json, " [ ] \r\n", &[]),
        (
            Json,
            r#"[{"a":"]}\"\\"},[1,[2]], "x,\"y" ,-1.5e3,null,{}]"#,
            &[r#"{"a":"]}\"\\"}"#, "[1,[2]]", r#""x,\"y""#, "-1.5e3", "null", "{}"],
        ),
        (Json, r#"{"a":1}{"b":"}"} {}"#, &[r#"{"a":1}"#, r#"{"b":"}"}"#, "{}"]),
        (Json, "1 2\n\"é\"\"b\"true{}3", &["1", "2", "\"é\"", "\"b\"", "true", "{}", "3"]),
        (NdJson, "{\"a\":1}\n\r\n  \n[2]\r\n3", &["{\"a\":1}", "[2]\r", "3"]),
        (NdJson, "1 2\n", &["1 2"]),
    ];
    for (format, body, expected) in rows {
        let (found, error) = everywhere(*format, body.as_bytes());
        assert_eq!(
            (found.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), error),
            (*expected, None),
            "{body}"
        );
    }
}

#[test]
fn broken_streams_say_where() {
    let rows = [
        ("[", "expected a value or the closing bracket, got the end of the input at position 1 in message 1"),
        ("[1", "expected the rest of the value, got the end of the input at position 2 in message 1"),
        (
            "[1 ",
            "expected a comma or the closing bracket, got the end of the input at position 3 in message 2",
        ),
        ("[1,", "expected a value after the comma, got the end of the input at position 3 in message 2"),
        ("[1,]", "expected a JSON value, got ']' at position 3 in message 2"),
        ("[,1]", "expected a JSON value, got ',' at position 1 in message 1"),
        ("[1 2]", "expected a comma or the closing bracket, got '2' at position 3 in message 2"),
        ("[1}", "expected a comma or the closing bracket, got '}' at position 2 in message 2"),
        ("[1]x", "expected the end of the body, got 'x' at position 3 in message 2"),
        ("[1][2]", "expected the end of the body, got '[' at position 3 in message 2"),
        ("{} ,{}", "expected a JSON value, got ',' at position 3 in message 2"),
        ("{} ]", "expected a JSON value, got ']' at position 3 in message 2"),
        ("{\"a", "expected the rest of the value, got the end of the input at position 3 in message 1"),
        ("[1]\u{0}", "expected the end of the body, got the byte 0x00 at position 3 in message 2"),
    ];
    for (body, expected) in rows {
        assert_eq!(everywhere(InputFormat::Json, body.as_bytes()).1.as_deref(), Some(expected), "{body}");
    }
}

#[test]
fn a_reader_that_refused_goes_on_refusing() {
    let mut reader = StreamReader::new(InputFormat::Json, 10);
    assert!(reader.next(&mut Bytes::from_static(b"[,")).is_err());
    assert_eq!(reader.next(&mut Bytes::from_static(b"1]")).unwrap_err().kind(), K::Syntax);
    assert_eq!(reader.end().unwrap_err().kind(), K::Syntax);
}

#[test]
fn long_messages_are_refused_while_they_arrive() {
    let long = format!("[1,\"{}\"]", "x".repeat(20));
    let chunks: Vec<&[u8]> = long.as_bytes().chunks(1).collect();
    for chunks in [&chunks[..], &[long.as_bytes()][..]] {
        let (found, error) = records(InputFormat::Json, 10, chunks);
        let error = error.unwrap();
        assert_eq!((found.len(), error.kind(), error.kind().http_status()), (1, K::Size, 413));
        assert_eq!((error.record(), error.position()), (Some(2), Some(3)));
    }
    let exact = format!("\"{}\"", "x".repeat(8));
    assert_eq!(records(InputFormat::Json, 10, &[exact.as_bytes()]).0.len(), 1);
    let over = format!("\"{}\"", "x".repeat(9));
    assert!(records(InputFormat::Json, 10, &[over.as_bytes()]).1.is_some());
    // endless brackets are counted, not stacked
    let (_, error) = records(InputFormat::Json, 1 << 20, &["[".repeat(2 << 20).as_bytes()]);
    assert_eq!(error.unwrap().kind(), K::Size);
}

#[test]
fn the_content_type_says_the_form() {
    let form = |given| InputFormat::of(given).map_err(|e| (e.kind(), e.to_string()));
    for json in [
        None,
        Some("application/json; charset=utf-8"),
        Some("Application/JSON"),
        Some("application/x+json"),
        Some(""),
    ] {
        assert_eq!(form(json), Ok(InputFormat::Json), "{json:?}");
    }
    for lines in ["application/x-ndjson", "application/NDJSON;x=y", "application/jsonl"] {
        assert_eq!(form(Some(lines)), Ok(InputFormat::NdJson), "{lines}");
    }
    let reason =
        "expected the content type application/json or application/x-ndjson, got \"text/event-stream\"";
    assert_eq!(form(Some("text/event-stream")), Err((K::MediaType, reason.to_owned())));
}

fn stream(target: &str, content_type: Option<&str>) -> RequestStream {
    let (method, rest) = target.split_once(' ').unwrap();
    let (path, query) = rest.split_once('?').map_or((rest, None), |(p, q)| (p, Some(q)));
    let bound = platform().route(method, path).unwrap().bind(path, query).unwrap();
    bound.stream(content_type, 1000).unwrap()
}

/// The messages of a streamed request as JSON, and the error that ends it.
fn messages(target: &str, content_type: Option<&str>, body: &[&str]) -> (Vec<String>, Option<String>) {
    let (method, path) = target.split_once(' ').unwrap();
    let path = path.split('?').next().unwrap();
    let input = platform().route(method, path).unwrap().method().input_type().to_owned();
    let mut stream = stream(target, content_type);
    let mut found = Vec::new();
    let read = (|| {
        for chunk in body {
            let mut chunk = Bytes::copy_from_slice(chunk.as_bytes());
            while let Some(frame) = stream.next(&mut chunk)? {
                found.push(frame);
            }
        }
        found.extend(stream.end()?);
        assert_eq!(stream.end()?, None);
        Ok::<_, RequestError>(())
    })();
    assert_eq!(stream.messages(), found.len() as u64);
    let json = |frame: &Vec<u8>| {
        assert_eq!(u32::from_be_bytes(frame[1..5].try_into().unwrap()) as usize, frame.len() - 5);
        to_json(&input, &frame[5..]).unwrap()
    };
    (found.iter().map(json).collect(), read.err().map(|e| e.to_string()))
}

type Row<'r> = (&'r str, Option<&'r str>, &'r [&'r str], &'r [&'r str]);

#[test]
fn bound_values_go_into_the_first_message() {
    let lines = Some("application/x-ndjson");
    let rows: &[Row<'_>] = &[
        (
            "PUT /v1/shelves/a/all",
            None,
            &[r#"[{"titles":["x"]},"#, r#"{"titles":["y"]},{"shelf":"a"}]"#],
            &[r#"{"titles":["x"],"shelf":"a"}"#, r#"{"titles":["y"]}"#, r#"{"shelf":"a"}"#],
        ),
        ("PUT /v1/shelves/a/all", None, &["[]"], &[]),
        (
            "POST /v1/shelves/a/books?request_id=r",
            lines,
            &["{\"title\":\"t\"}\n{\"ti", "tle\":\"u\"}\nnull"],
            &[r#"{"shelf":"a","request_id":"r","book":{"title":"t"}}"#, r#"{"book":{"title":"u"}}"#, "{}"],
        ),
        (
            "PATCH /v1/shelves/a/books/b",
            None,
            &[r#"{"title":"t"}{"title":"u"}"#, r#"{"name":"shelves/a/books/b"}"#],
            &[
                r#"{"book":{"title":"t","name":"shelves/a/books/b"},"update_mask":"title"}"#,
                r#"{"book":{"title":"u"},"update_mask":"title"}"#,
                r#"{"book":{"name":"shelves/a/books/b"}}"#,
            ],
        ),
        (
            "PUT /v1/shelves/a/titles",
            lines,
            &["[\"x\"]\n[\"y\",\"z\"]\n"],
            &[r#"{"shelf":"a","titles":["x"]}"#, r#"{"titles":["y","z"]}"#],
        ),
        (
            "POST /v1/shelves/a/books/7:move",
            lines,
            &["{}\n{\"shelf\":\"b\",\"name\":\"n\"}\n"],
            &[r#"{"shelf":"a","id":"7"}"#, r#"{"shelf":"a","name":"n"}"#],
        ),
        ("GET /v1/shelves/a/books/7?name=n", None, &[], &[r#"{"shelf":"a","id":"7","name":"n"}"#]),
    ];
    for (target, content_type, body, expected) in rows {
        let (found, error) = messages(target, *content_type, body);
        assert_eq!(
            (found.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), error),
            (*expected, None),
            "{target}"
        );
    }
}

#[test]
fn a_later_message_cannot_contradict_the_path() {
    let (found, error) = messages("PUT /v1/shelves/a/all", None, &[r#"[{},{"shelf":"b"}]"#]);
    assert_eq!(found.len(), 1);
    assert_eq!(error.unwrap(), "shelf: expected \"a\" as in the path, got \"b\" at position 13 in message 2");
    let (found, error) = messages("PUT /v1/shelves/a/all", None, &["{}{}", "{\"titles\":[\n1]}"]);
    assert_eq!(found.len(), 2);
    assert_eq!(error.unwrap(), "titles[0]: expected a string, got 1 at position 16 in message 3");
    let (_, error) = messages("PUT /v1/shelves/a/all", Some("application/x-ndjson"), &["{} {}\n"]);
    assert_eq!(error.unwrap(), "expected the end of the body, got '{' at position 3 in message 1");
    let (_, error) = messages("GET /v1/shelves/a/books/7", None, &["{}"]);
    assert_eq!(error.unwrap(), "expected no body, got one");
}

#[test]
fn raw_chunks_become_messages() {
    let (found, error) = messages("POST /v1/files/n", Some("image/png"), &["ab", "", "c"]);
    assert_eq!(error, None);
    assert_eq!(
        found,
        [r#"{"file":{"content_type":"image/png","data":"YWI="},"name":"n"}"#, r#"{"file":{"data":"Yw=="}}"#,]
    );
    let (found, _) = messages("POST /v1/echo", None, &[]);
    assert_eq!(found, [r#"{"content_type":"application/octet-stream"}"#]);
    let long = "x".repeat(2500);
    let (found, _) = messages("POST /v1/echo", Some("text/plain"), &[&long]);
    assert_eq!(found.len(), 3);
}

#[test]
fn messages_that_come_framed() {
    let mut socket = stream("PUT /v1/shelves/a/all", None);
    let json = |frame: Result<Vec<u8>, RequestError>| {
        frame.map(|f| to_json("test.library.PutAllRequest", &f[5..]).unwrap()).map_err(|e| e.to_string())
    };
    assert_eq!(json(socket.message(b" {\"titles\":[\"x\"]} ")).unwrap(), r#"{"titles":["x"],"shelf":"a"}"#);
    assert_eq!(json(socket.message(b"{}")).unwrap(), "{}");
    assert_eq!(
        json(socket.message(b"{}{}")).unwrap_err(),
        "expected the end of the body, got '{' at position 2 in message 3"
    );
    assert_eq!(
        json(socket.message(&[b' '; 1001])).unwrap_err(),
        "expected messages of at most 1000 bytes in message 3"
    );
    let mut upload = stream("POST /v1/files/n", None);
    assert!(upload.message(b"\xff").is_ok() && upload.messages() == 1);
    assert!(stream("GET /v1/shelves/a/books/7", None).message(b"{}").is_ok());
    assert!(stream("GET /v1/shelves/a/books/7", None).message(b"{\"name\":1}").is_err());
}

//! How much of a hostile request an error shows: enough to find the place, never as much as was sent.

use transcode::{Body, CompileOptions, GoogleRules, RequestError, UnknownFields};

use crate::fixture::{compile, google};

/// What any error may take: a header and a trailer carry it.
const MOST: usize = 4_000;

fn refused(json: &str) -> RequestError {
    google()
        .json_to_message("test.v1.All", json.as_bytes(), UnknownFields::Reject, &mut Vec::new())
        .unwrap()
        .unwrap_err()
}

#[test]
fn long_names_and_keys_are_cut() {
    for piece in ["k", "\u{7f}", "é", "\u{10ffff}", "\\u0001"] {
        let long = piece.repeat(100_000);
        for json in [
            format!(r#"{{"m_double":{{"{long}":true}}}}"#),
            format!(r#"{{"m_int32":{{"{long}":1}}}}"#),
            format!(r#"{{"m_string":{{"{long}":"","{long}":""}}}}"#),
            format!(r#"{{"{long}":1}}"#),
            format!(r#"{{"w_any":{{"@type":"x/{long}"}}}}"#),
            format!(r#"{{"w_any":{{"@type":"x/google.protobuf.Duration","{long}":1}}}}"#),
            format!(r#"{{"w_struct":{{"{long}":{{"{long}":[{{"{long}":nope}}]}}}}}}"#),
            format!(r#"{{"f_int32":"{long}"}}"#),
            format!(r#"{{"f_color":"{long}"}}"#),
        ] {
            let error = refused(&json);
            let beginning: String = json.chars().take(60).collect();
            assert!(error.to_string().len() < MOST, "{beginning}: {}", error.to_string().len());
            assert!(error.path().len() < MOST, "{beginning}");
        }
    }
}

#[test]
fn a_cut_name_shows_how_it_begins() {
    let error = refused(&format!(r#"{{"m_double":{{"key-{}":true}}}}"#, "x".repeat(1_000)));
    assert!(error.path().starts_with("m_double.key-xxx"), "{error}");
    assert!(error.path().ends_with("x…"), "{error}");
    let error = refused(&format!(r#"{{"m_double":{{"a b{}":true}}}}"#, "x".repeat(1_000)));
    assert!(error.path().starts_with(r#"m_double["a bxxx"#), "{error}");
    assert!(error.path().ends_with(r#"x…"]"#), "{error}");
}

#[test]
fn a_deep_path_shows_its_beginning_and_its_end() {
    let key = "a key".repeat(10);
    let open = format!(r#"{{"{key}":"#).repeat(80);
    let error = refused(&format!(r#"{{"w_struct":{open}{{"last":nope}}{}}}"#, "}".repeat(80)));
    assert!(error.path().starts_with(r#"w_struct["a key"#), "{error}");
    assert!(error.path().ends_with(r#"a key"].last"#), "{error}");
    assert!(error.path().contains('…') && error.path().len() < MOST, "{error}");
}

#[test]
fn what_the_path_says_is_cut_where_it_is_repeated() {
    let long = "%7F".repeat(50_000);
    let program = compile(&GoogleRules, CompileOptions::default()).program;
    for (path, body) in [
        (format!("/v1/shelves/{long}/books/7:move"), r#"{"shelf":"other"}"#),
        (format!("/v1/shelves/a/books/{long}:move"), ""),
    ] {
        let bound = program.route("POST", &path).unwrap().bind(&path, None);
        let data = body.as_bytes();
        let answer = bound.and_then(|bound| bound.request(Some(Body { content_type: None, data })));
        assert!(answer.unwrap_err().to_string().len() < MOST);
    }
    let error = program.route("POST", &format!("/v1/shelves/%zz{long}/books")).unwrap_err();
    assert!(error.to_string().len() < MOST);
    let path = "/v1/shelves/a/books";
    for query in [
        format!("{long}=1"),
        format!("weights[{long}]=x"),
        format!("page_size={long}"),
        format!("extra={long}"),
    ] {
        let error = program.route("GET", path).unwrap().bind(path, Some(&query)).unwrap_err();
        assert!(error.to_string().len() < MOST, "{}", error.to_string().len());
    }
}

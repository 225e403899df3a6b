//! The grammar by table.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::{Segment, Template};

/// A template written back in a normal form: `{name=segments}`, verb.
fn shown(text: &str) -> Result<String, String> {
    let template = Template::parse(text).map_err(|e| e.to_string())?;
    let segments: Vec<String> = template
        .segments
        .iter()
        .map(|s| match s {
            Segment::Literal(text) => text.clone(),
            Segment::One => "*".to_owned(),
            Segment::Many => "**".to_owned(),
        })
        .collect();
    let variables: Vec<String> = template
        .variables
        .iter()
        .map(|v| format!("{}={}..{}{}", v.field_path, v.from, v.to, if v.multi { "+" } else { "" }))
        .collect();
    Ok(format!("{} [{}] {}", segments.join("/"), variables.join(" "), template.verb.unwrap_or_default()))
}

#[test]
fn templates_are_parsed() {
    let rows = [
        ("/", " [] "),
        ("/v1", "v1 [] "),
        ("/v1/*/x", "v1/*/x [] "),
        ("/v1/**", "v1/** [] "),
        ("/v1/{name}", "v1/* [name=1..2] "),
        ("/v1/{name=*}", "v1/* [name=1..2] "),
        ("/v1/{name=**}", "v1/** [name=1..2+] "),
        ("/v1/{a.b_c.d1=shelves/*/books/*}:cancel", "v1/shelves/*/books/* [a.b_c.d1=1..5+] cancel"),
        ("/v1/{name=fixed}", "v1/fixed [name=1..2] "),
        ("/{a}/{b=x/**}/tail", "*/x/**/tail [a=0..1 b=1..3+] "),
        ("/v1:verb", "v1 [] verb"),
        ("/v1/%7Bx%7D", "v1/{x} [] "),
        ("/a-b_c.d~e", "a-b_c.d~e [] "),
    ];
    for (text, expected) in rows {
        assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn templates_that_break_the_grammar_are_refused_with_the_place() {
    let rows = [
        ("", 0),
        ("v1", 0),
        ("/v1/", 4),
        ("//v1", 1),
        ("/v1//x", 4),
        ("/v1/{", 5),
        ("/v1/{}", 5),
        ("/v1/{name", 9),
        ("/v1/{name=", 10),
        ("/v1/{name=a/}", 12),
        ("/v1/{a={b}}", 7),
        ("/v1/{1a}", 5),
        ("/v1/{a..b}", 5),
        ("/v1/{a}{b}", 7),
        ("/v1/x{a}", 5),
        ("/v1/***", 6),
        ("/v1/a*", 5),
        ("/v1:", 4),
        ("/v1:a:b", 5),
        ("/v1:a/b", 5),
        ("/v1/{a}/{a}", 9),
        ("/v1/%zz", 4),
        ("/v1/%FF", 4),
        ("/v1/a=b", 5),
    ];
    for (text, position) in rows {
        let error = Template::parse(text).unwrap_err();
        assert_eq!(error.position, position, "{text}: {error}");
    }
}

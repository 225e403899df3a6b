//! What `google/api/http.proto` says, sentence by sentence, each with a rule of its own.

use transcode::{CompileOptions, Compiled, GoogleRules, HttpRule, RouteError, SelectedHttpRule, Warning};

use crate::binding::{compile, request};

const METHOD: &str = "test.binding.Binding.Nested";

/// A rule as `METHOD /template body response_body`; `-` stands for nothing.
fn rule(text: &str) -> HttpRule {
    let mut words = text.split(' ').map(|word| if word == "-" { "" } else { word }.to_owned());
    let mut word = || words.next().unwrap_or_default();
    let (method, path, body, response_body) = (word(), word(), word(), word());
    HttpRule { method, path, body, response_body, additional_bindings: Vec::new() }
}

/// The test service with these rules for a method that takes a `Thing`: the first is its rule, the others are added.
fn with(selector: &str, rules: &[&str]) -> Compiled {
    let mut all = rules.iter().map(|text| rule(text));
    let mut first = all.next().unwrap();
    first.additional_bindings = all.collect();
    let http_rules = vec![SelectedHttpRule { selector: selector.parse().unwrap(), rule: first }];
    compile(&GoogleRules, CompileOptions { http_rules, ..CompileOptions::default() })
}

type Sentence =
    (&'static str, &'static [&'static str], &'static str, &'static str, Result<&'static str, &'static str>);

/// What a sentence is about, the rules, a request, and the message or the beginning of the refusal.
const SENTENCES: &[Sentence] = &[
    (
        "fields are bound by path, body or query",
        &["POST /v1/{name} other_thing"],
        "POST /v1/n?display_name=d&parent_thing.display_name=p",
        r#"{"text":"t"}"#,
        Ok(
            r#"{"name":"n","display_name":"d","parent_thing":{"display_name":"p"},"other_thing":{"text":"t"}}"#,
        ),
    ),
    (
        "without a body what the path does not bind is a parameter, inside messages too",
        &["GET /v1/messages/{name}"],
        "GET /v1/messages/123456?number=2&parent_thing.display_name=foo",
        "",
        Ok(r#"{"name":"123456","number":2,"parent_thing":{"display_name":"foo"}}"#),
    ),
    (
        "a repeated field is a parameter that is repeated",
        &["GET /v1/messages"],
        "GET /v1/messages?all.r_string=A&all.r_string=B",
        "",
        Ok(r#"{"all":{"r_string":["A","B"]}}"#),
    ),
    (
        "a message is one parameter for each of its fields",
        &["GET /v1/messages"],
        "GET /v1/messages?parent_thing.name=A&parent_thing.text=B&parent_thing.all.f_bool=true",
        "",
        Ok(r#"{"parent_thing":{"name":"A","text":"B","all":{"f_bool":true}}}"#),
    ),
    (
        "a repeated message is no parameter",
        &["GET /v1/messages"],
        "GET /v1/messages?children={}",
        "",
        Err("children: expected no list of messages"),
    ),
    (
        "the body is the field that the rule names",
        &["PATCH /v1/messages/{name} parent_thing"],
        "PATCH /v1/messages/123456",
        r#"{"text":"Hi!"}"#,
        Ok(r#"{"name":"123456","parent_thing":{"text":"Hi!"}}"#),
    ),
    (
        "the body * is everything that the path does not bind",
        &["PATCH /v1/messages/{name} *"],
        "PATCH /v1/messages/123456",
        r#"{"text":"Hi!"}"#,
        Ok(r#"{"text":"Hi!","name":"123456"}"#),
    ),
    (
        "with the body * there are no parameters",
        &["PATCH /v1/messages/{name} *"],
        "PATCH /v1/messages/123456?text=x",
        "{}",
        Err("text: expected no query parameter of this name"),
    ),
    (
        "without a body in the rule there is none",
        &["GET /v1/messages"],
        "GET /v1/messages",
        r#"{"text":"x"}"#,
        Err("expected no body"),
    ),
    (
        "a method has as many rules as it likes",
        &["GET /v1/messages/{name}", "GET /v1/users/{parent_thing.name}/messages/{name}"],
        "GET /v1/users/me/messages/123456",
        "",
        Ok(r#"{"name":"123456","parent_thing":{"name":"me"}}"#),
    ),
    (
        "a variable alone is one segment",
        &["GET /v1/{name}"],
        "GET /v1/a%20b%2Fc%25%3A",
        "",
        Ok(r#"{"name":"a b/c%:"}"#),
    ),
    ("and so it is with a star", &["GET /v1/{name=*}"], "GET /v1/a%2fb", "", Ok(r#"{"name":"a/b"}"#)),
    (
        "a variable of several segments keeps an escaped slash as it stands",
        &["GET /v1/{name=a/*/b/*}"],
        "GET /v1/a/x%20%2F%2f/b/%25%3F%24%26%2B",
        "",
        Ok(r#"{"name":"a/x %2F%2f/b/%?$&+"}"#),
    ),
    (
        "two stars are several segments",
        &["GET /v1/{name=a/**}"],
        "GET /v1/a/b/c%2Fd",
        "",
        Ok(r#"{"name":"a/b/c%2Fd"}"#),
    ),
    ("or one", &["GET /v1/{name=a/**}"], "GET /v1/a/b", "", Ok(r#"{"name":"a/b"}"#)),
    ("or none", &["GET /v1/{name=a/**}"], "GET /v1/a", "", Ok(r#"{"name":"a"}"#)),
    ("a verb ends the path", &["GET /v1/{name=**}:go"], "GET /v1/a/b:go", "", Ok(r#"{"name":"a/b"}"#)),
    ("a variable may be all of the path", &["GET /{name=**}"], "GET /a/b", "", Ok(r#"{"name":"a/b"}"#)),
    ("a custom kind is a method", &["HEAD /v1/{name}"], "HEAD /v1/a", "", Ok(r#"{"name":"a"}"#)),
    ("the custom kind * is every method", &["* /v1/{name}"], "LOCK /v1/a", "", Ok(r#"{"name":"a"}"#)),
    (
        "fields inside messages may be in the path",
        &["GET /v1/{parent_thing.all.f_int32}"],
        "GET /v1/-7",
        "",
        Ok(r#"{"parent_thing":{"all":{"f_int32":-7}}}"#),
    ),
    (
        "literals are compared decoded",
        &["GET /v1/a%20b/{name}"],
        "GET /v1/a%20b/x",
        "",
        Ok(r#"{"name":"x"}"#),
    ),
];

/// JSON without the order of its members.
fn value(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap()
}

#[test]
fn sentences_of_the_specification() {
    for (sentence, rules, target, body, expected) in SENTENCES {
        let compiled = with(METHOD, rules);
        // the annotations of the service itself: one is empty
        assert_eq!(compiled.warnings.len(), 1, "{sentence}: {:?}", compiled.warnings);
        let found = request(&compiled.program, target, body);
        match expected {
            Ok(json) => assert_eq!(value(&found.unwrap()), value(json), "{sentence}"),
            Err(begin) => {
                assert!(found.as_ref().is_err_and(|e| e.starts_with(begin)), "{sentence}: {found:?}");
            }
        }
    }
}

#[test]
fn paths_that_a_rule_does_not_mean() {
    let rows = [
        ("GET /v1/{name=a/*}", "GET", "/v1/a"),
        ("GET /v1/{name=a/*}", "GET", "/v1/a/b/c"),
        ("GET /v1/{name=a/*}", "GET", "/v1/a/"),
        ("GET /v1/{name}", "GET", "/v1/"),
        ("GET /v1/{name}", "GET", "/v1"),
        ("GET /v1/{name}", "GET", "/v1/a/"),
        ("GET /v1/{name}", "GET", "//v1/a"),
        ("GET /v1/{name=a/**}", "GET", "/v1/b"),
        ("GET /v1/{name=a/**}", "GET", "/v1/a//b"),
        ("GET /v1/{name=a/**}:go", "GET", "/v1/a/b:stop"),
        ("GET /v1/{name=a/**}:go", "GET", "/v1/a/b"),
        ("GET /v1/{name=a/**}:go", "GET", "/v1/a/b%3Ago"),
        ("GET /v1/a/b", "GET", "/v1/a%2Fb"),
        ("GET /v1/a", "GET", "/v1/A"),
    ];
    for (rule, method, path) in rows {
        let compiled = with(METHOD, &[rule]);
        assert_eq!(compiled.program.route(method, path).unwrap_err(), RouteError::NotFound, "{rule} {path}");
    }
    let program = with(METHOD, &["GET /v1/{name}", "CANCEL /v1/{name}:go"]).program;
    for method in ["POST", "get", "GETgo", "", "*", "HEAD "] {
        let refused = program.route(method, "/v1/a").unwrap_err();
        assert!(matches!(refused, RouteError::MethodNotAllowed { .. }), "{method}");
    }
    assert_eq!(program.route("GET", "/v1/a:b:go").unwrap().template(), "/v1/{name}");
    assert_eq!(program.route("CANCEL", "/v1/a:b:go").unwrap().template(), "/v1/{name}:go");
}

/// Rules that do not fit their method or the grammar, and what is said about each.
#[test]
fn rules_that_mean_nothing_are_left_out() {
    let rows = [
        ("GET v1", "expected a slash at position 0"),
        ("GET /v1/", "expected a literal"),
        ("GET /v1//a", "expected a literal"),
        ("GET /v1/{name", "expected a closing brace at position 9"),
        ("GET /v1/{}", "expected a field path"),
        ("GET /v1/{name=}", "expected a literal"),
        ("GET /v1/{name={text}}", "expected a literal"),
        ("GET /v1/{name}x", "expected the end of the template"),
        ("GET /v1/***", "expected the end of the template"),
        ("GET /v1/a*", "expected the end of the template"),
        ("GET /v1/a:", "expected a literal"),
        ("GET /v1/a:b/c", "expected the end of the template"),
        ("GET /v1/a:{name}", "expected a literal"),
        ("GET /v1/%zz", "expected two hexadecimal digits"),
        ("GET /v1/%FF", "expected percent-encoded UTF-8"),
        ("GET /v1/{name}/{name}", "expected a field path that no other variable"),
        ("GET /v1/{nope}", "variable nope: there is no such field"),
        ("GET /v1/{name.x}", "variable name.x: a path goes through single messages only"),
        ("GET /v1/{children.name}", "variable children.name: a path goes through single messages only"),
        ("GET /v1/{children}", "variable children is not a single value"),
        ("GET /v1/{labels}", "variable labels is not a single value"),
        ("GET /v1/{parent_thing}", "variable parent_thing is not a single value"),
        ("POST /v1 nope", "there is no field nope in test.binding.Thing"),
        ("POST /v1 parent_thing.all", "there is no field parent_thing.all in test.binding.Thing"),
        ("POST /v1/{name} name", "the body's field is bound by the path"),
        ("POST /v1 - nope", "there is no field nope in test.binding.Thing"),
        ("POST /v1 * *", "there is no field * in test.binding.Thing"),
        ("GE(T /v1", "the HTTP method is not a token"),
        ("- /v1", "the HTTP method is not a token"),
    ];
    for (text, expected) in rows {
        let compiled = with(METHOD, &[text, "GET /other"]);
        let warning = compiled.warnings.iter().find_map(|w| match w {
            Warning::UnusableRule { method, reason, .. } if method == METHOD => Some(reason.as_str()),
            _ => None,
        });
        assert!(warning.is_some_and(|w| w.starts_with(expected)), "{text}: {warning:?}");
        assert!(compiled.program.route("GET", "/other").is_ok(), "the other rule serves: {text}");
    }
    let long = format!("GET {}", "/a".repeat(129));
    assert!(
        with(METHOD, &[&long])
            .warnings
            .iter()
            .any(|w| w.to_string().contains("expected at most 128 segments"))
    );
    assert_eq!(with(METHOD, &[&format!("GET {}", "/a".repeat(128))]).warnings.len(), 1);
}

#[test]
fn the_response_body_is_all_of_it_or_a_field_of_the_top_level() {
    let program = with(METHOD, &["GET /whole", "GET /field - display_name", "GET /map - labels"]).program;
    let mut wire = Vec::new();
    let json = br#"{"name":"n","display_name":"d","labels":{"a":"b"}}"#;
    program
        .json_to_message("test.binding.Thing", json, transcode::UnknownFields::Reject, &mut wire)
        .unwrap()
        .unwrap();
    for (path, expected) in
        [("/whole", std::str::from_utf8(json).unwrap()), ("/field", r#""d""#), ("/map", r#"{"a":"b"}"#)]
    {
        let mut out = Vec::new();
        program.route("GET", path).unwrap().response(&wire, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{path}");
    }
}

#[test]
fn the_last_rule_of_a_configuration_wins() {
    let one = |path: &str| SelectedHttpRule { selector: METHOD.parse().unwrap(), rule: rule(path) };
    let http_rules = vec![one("GET /first"), one("GET /last")];
    let program = compile(&GoogleRules, CompileOptions { http_rules, ..CompileOptions::default() }).program;
    assert!(program.route("GET", "/last").is_ok());
    for gone in ["/first", "/nested"] {
        assert_eq!(program.route("GET", gone).unwrap_err(), RouteError::NotFound, "{gone}");
    }
}

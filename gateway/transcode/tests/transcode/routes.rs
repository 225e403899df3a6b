//! The route trie: which rule a path meets, what it captures, what is refused.

use transcode::{CompileOptions, GoogleRules, RouteError, Warning};

use crate::fixture::{compile, platform};

/// The method's short name and the captured values.
fn found(http_method: &str, path: &str) -> Result<String, RouteError> {
    let route = platform().route(http_method, path)?;
    let bound =
        route.bind(path, None).map_err(|e| RouteError::BadPath { segment: e.to_string(), expected: "" })?;
    let values: Vec<String> = bound.path_values().map(|(k, v)| format!("{k}={v}")).collect();
    let method = route.method();
    let name = method.full_name().rsplit('.').next().unwrap();
    Ok(format!("{name} {}", values.join(" ")).trim_end().to_owned())
}

#[test]
fn paths_meet_their_rules() {
    let rows = [
        ("GET", "/v1/shelves/a/books/7", "GetBook shelf=a id=7"),
        ("HEAD", "/v1/shelves/a/books/7", "GetBook shelf=a id=7"),
        ("GET", "/v1/shelves/lucas.test/books/7", "GetBook shelf=lucas.test id=7"),
        ("GET", "/v1/shelves/a%2Fb/books/7", "GetBook shelf=a/b id=7"),
        ("GET", "/v1/shelves/a%252Fb/books/7", "GetBook shelf=a%2Fb id=7"),
        ("GET", "/v1/shelves/a%25252F/books/7", "GetBook shelf=a%252F id=7"),
        ("GET", "/v1/shelves/a%5Cb/books/7", "GetBook shelf=a\\b id=7"),
        ("GET", "/v1/shelves/a:b:c/books/7", "GetBook shelf=a:b:c id=7"),
        ("GET", "/v1/shelves/:/books/7", "GetBook shelf=: id=7"),
        ("GET", "/v1/shelves/%3A/books/7", "GetBook shelf=: id=7"),
        ("GET", "/v1/shelves/.../books/7", "GetBook shelf=... id=7"),
        ("GET", "/v1/shelves/a;x=1/books/7", "GetBook shelf=a;x=1 id=7"),
        ("GET", "/v1/shelves/a+b/books/7", "GetBook shelf=a+b id=7"),
        ("GET", "/v1/shelves/%C3%A9/books/7", "GetBook shelf=é id=7"),
        ("GET", "/%76%31/shelves/a/books/7", "GetBook shelf=a id=7"),
        ("GET", "/v1/archive/x/books/y", "GetBook name=archive/x/books/y"),
        ("GET", "/v1/archive/x%2Fz%20/books/y", "GetBook name=archive/x%2Fz /books/y"),
        ("GET", "/v1/shelves/a/books", "ListBooks shelf=a"),
        ("GET", "/v1/shelves/a/books/", "ListBooks shelf=a"),
        ("GET", "/v1/shelves/a/books:watch", "Watch shelf=a"),
        ("GET", "/v1/shelves/a:b/books:watch", "Watch shelf=a:b"),
        ("POST", "/v1/shelves/a/books/7:move", "MoveBook shelf=a id=7"),
        ("POST", "/v1/shelves/a/books/", "CreateBook shelf=a"),
        ("PATCH", "/v1/shelves/a/books/b", "UpdateBook book.name=shelves/a/books/b"),
        ("DELETE", "/v1/files", "Purge path=files"),
        ("DELETE", "/v1/files/a", "Purge path=files/a"),
        ("DELETE", "/v1/files/a/b/c", "Purge path=files/a/b/c"),
        ("DELETE", "/v1/files/a%2Fb/c", "Purge path=files/a%2Fb/c"),
        ("DELETE", "/v1/files/a:b", "Purge path=files/a:b"),
        ("GET", "/v1/tree/tail:now", "Tail path=tree"),
        ("GET", "/v1/tree/a/tail/b/tail:now", "Tail path=tree/a/tail/b"),
        ("REPORT", "/v1/probe", "Probe"),
        ("BREW", "/v1/whatever", "AnyMethod"),
        ("GET", "/v1/search/x", "Search filter.shelf=x"),
    ];
    for (method, path, expected) in rows {
        assert_eq!(found(method, path).as_deref(), Ok(expected), "{method} {path}");
    }
}

#[test]
fn paths_without_a_rule() {
    let missing = [
        "/",
        "/v1",
        "/v1/shelves",
        "/v1/shelves//books",
        "/v1/shelves/a/books//",
        "//v1/shelves/a/books",
        "/v1/shelves/a/books/7/",
        "/v1/shelves/a/books/7:nope/x",
        "/V1/shelves/a/books",
        "/v1/shelves/a/Books",
        "/v1/tree/a/tail",
        "/v1/shelves/a%2Fbooks",
        "/v1/probe:watch",
        "/v1/probe:",
        "/v1/shelves/a/books:move",
        "/v1/shelves/a/books%3Awatch/7:watch/x",
        "/v1/shelves/a/books/7:watch:move/x",
        "/v1/shelves/a%2Fbooks/7",
        "/v1/files/a//b",
    ];
    for path in missing {
        assert_eq!(found("GET", path), Err(RouteError::NotFound), "{path}");
    }
}

#[test]
fn a_known_path_with_another_method_names_the_methods() {
    let allow = |method: &str, path: &str| match platform().route(method, path) {
        Err(RouteError::MethodNotAllowed { allow }) => allow.into_iter().collect::<Vec<_>>().join(","),
        other => panic!("{other:?}"),
    };
    assert_eq!(allow("DELETE", "/v1/shelves/a/books"), "GET,HEAD,POST");
    assert_eq!(allow("GETcancel", "/v1/shelves/a/books"), "GET,HEAD,POST");
    assert_eq!(allow("get", "/v1/shelves/a/books"), "GET,HEAD,POST");
    assert_eq!(allow("GET", "/v1/probe"), "REPORT");
    assert_eq!(allow("POST", "/v1/shelves/a/books/7"), "GET,HEAD,PATCH");
    assert_eq!(allow("POSTmove", "/v1/shelves/a/books/7:move"), "GET,HEAD,PATCH,POST");
}

#[test]
fn malformed_paths_are_refused() {
    for path in [
        "v1/probe",
        "",
        "*",
        "http://x/v1/probe",
        "x:80",
        "\\v1\\probe",
        "/v1/shelves/a%/books/7",
        "/v1/shelves/a%4/books/7",
        "/v1/shelves/%u0041/books/7",
        "/v1/shelves/%ED%A0%80/books/7",
        "/v1/shelves/%2E/books/7",
        "/v1/shelves/.%2e/books/7",
        "/v1/shelves/%/books",
        "/v1/shelves/%zz/books",
        "/v1/shelves/%F/books",
        "/v1/shelves/%FF/books",
        "/v1/shelves/%C0%AF/books",
        "/v1/shelves/%00/books",
        "/v1/shelves/../books",
        "/v1/shelves/%2e%2E/books",
        "/v1/./shelves/a/books",
        "/v1/files/a/..",
    ] {
        let answer = platform().route("GET", path);
        assert!(matches!(answer, Err(RouteError::BadPath { .. })), "{path}: {answer:?}");
    }
}

#[test]
fn long_paths_stay_linear() {
    let long = "x".repeat(64 * 1024);
    assert_eq!(
        found("GET", &format!("/v1/shelves/{long}/books/7")),
        Ok(format!("GetBook shelf={long} id=7"))
    );
    let escaped = "%61".repeat(64 * 1024);
    assert!(found("GET", &format!("/v1/shelves/{escaped}/books/7")).is_ok());
    let many = "/a".repeat(20_000);
    assert!(found("DELETE", &format!("/v1/files{many}")).is_ok());
    assert_eq!(found("GET", &format!("/v1/tree{many}")), Err(RouteError::NotFound));
    assert_eq!(found("GET", &format!("/v1/tree{}", "/tail".repeat(20_000))), Err(RouteError::NotFound));
    assert!(found("GET", &format!("/v1/shelves/{}/books", "x".repeat(65_536))).is_ok());
}

#[test]
fn a_collision_names_both_places_and_the_rest_serves() {
    let compiled = compile(&GoogleRules, CompileOptions::default());
    let collision = compiled.warnings.iter().find(|w| matches!(w, Warning::Collision { .. })).unwrap();
    assert_eq!(
        collision.to_string(),
        "the rule \"GET /v1/shelves/{id}/books/{shelf}\" of test.library.Library.Clash is left out: \
         \"GET /v1/shelves/{shelf}/books/{id}\" of test.library.Library.GetBook has the same path and method"
    );
    assert_eq!(compiled.warnings.len(), 1, "{:?}", compiled.warnings);
}

#[test]
fn without_the_rule_no_trailing_slash() {
    let google = compile(&GoogleRules, CompileOptions::default()).program;
    assert_eq!(google.route("GET", "/v1/shelves/a/books/").unwrap_err(), RouteError::NotFound);
    assert_eq!(google.route("DELETE", "/v1/shelves/a/books/").unwrap_err(), RouteError::NotFound);
}

#[test]
fn default_bindings_by_option() {
    let path = "/test.library.Library/Unbound";
    assert_eq!(platform().route("POST", path).unwrap_err(), RouteError::NotFound);
    let options = CompileOptions { default_bindings: true, ..CompileOptions::default() };
    let program = compile(&GoogleRules, options).program;
    let route = program.route("POST", path).unwrap();
    assert_eq!(route.method().path(), path);
}

#[test]
fn a_default_binding_takes_a_slash_where_the_method_does() {
    let options = CompileOptions { default_bindings: true, ..CompileOptions::default() };
    let program = compile(&crate::fixture::PlatformRules, options).program;
    let path = |method: &str| format!("/test.library.Library/{method}/");
    assert!(program.route("POST", &path("ListBooks")).is_ok());
    assert_eq!(program.route("POST", &path("GetBook")).unwrap_err(), RouteError::NotFound);
}

#[test]
fn methods_tell_about_themselves() {
    let method = platform().method("/test.library.Library/Watch").unwrap();
    assert!(method.server_streaming() && !method.client_streaming());
    assert_eq!(method.full_name(), "test.library.Library.Watch");
    assert_eq!(method.service(), "test.library.Library");
    assert_eq!(method.input_type(), "test.library.ListBooksRequest");
    assert_eq!(method.output_type(), "test.library.Book");
    assert_eq!(method.input_field_number("page_size"), Some(2));
    assert_eq!(method.input_field_number("pageSize"), Some(2));
    assert!(transcode::last_len_field(method.options(), 72_295_728).is_some());
    assert_eq!(platform().methods().count(), 19);
    assert!(platform().routes().any(|r| r == ("GET", "/v1/shelves/{shelf}/books:watch", method.path())));
}

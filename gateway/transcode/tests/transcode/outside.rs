//! Rules from outside the descriptors: HTTP rules by selector, rules of methods, what a path takes.

use transcode::{
    CompileOptions, GoogleRules, HttpRule, MethodRules, Overrides, Program, RouteError, Rules as _,
    SelectedHttpRule, Selector, Unused, Warning,
};

use crate::binding::{compile, request};

fn rule(method: &str, path: &str) -> HttpRule {
    HttpRule { method: method.into(), path: path.into(), ..HttpRule::default() }
}

fn selected(selector: &str, rule: HttpRule) -> SelectedHttpRule {
    SelectedHttpRule { selector: selector.parse().unwrap(), rule }
}

#[test]
fn a_verb_is_met_in_any_encoding() {
    let mut rules = rule("GET", "/verbs/{thing.name}:do%20it");
    rules.additional_bindings = vec![
        rule("GET", "/verbs/{thing.name}:cancel"),
        rule("GET", "/verbs/{thing.name}:a%3Ab"),
        rule("GET", "/verbs/{thing.name}"),
    ];
    let http_rules = vec![selected("test.binding.Binding.Unbound", rules)];
    let compiled = compile(&GoogleRules, CompileOptions { http_rules, ..CompileOptions::default() });
    let template = |path: &str| compiled.program.route("GET", path).map(|route| route.template().to_owned());
    for (path, expected) in [
        ("/verbs/7:do%20it", "/verbs/{thing.name}:do%20it"),
        ("/verbs/7:%64o%20%69t", "/verbs/{thing.name}:do%20it"),
        ("/verbs/7:cancel", "/verbs/{thing.name}:cancel"),
        ("/verbs/7:%63ancel", "/verbs/{thing.name}:cancel"),
        ("/verbs/7%3A:cance%6C", "/verbs/{thing.name}:cancel"),
        ("/verbs/7:a%3Ab", "/verbs/{thing.name}:a%3Ab"),
        // no colon, another verb: an id
        ("/verbs/7%3Acancel", "/verbs/{thing.name}"),
        ("/verbs/7:do+it", "/verbs/{thing.name}"),
        ("/verbs/7:a:b", "/verbs/{thing.name}"),
        ("/verbs/7:cancel%2F", "/verbs/{thing.name}"),
    ] {
        assert_eq!(template(path).as_deref(), Ok(expected), "{path}");
    }
    for path in ["/verbs/7:%6", "/verbs/7:%FF", "/verbs/7:cancel%00"] {
        assert!(matches!(template(path), Err(RouteError::BadPath { .. })), "{path}");
    }
}

#[test]
fn reserved_expansion_can_be_decoded_in_full() {
    let mut rules = rule("GET", "/one/{thing.name}");
    rules.additional_bindings = vec![
        rule("GET", "/many/{thing.name=**}"),
        rule("GET", "/{thing.name=named/*/**}"),
        rule("GET", "/{thing.name=pair/*/*}"),
    ];
    let http_rules = vec![selected("test.binding.Binding.Unbound", rules)];
    let program = |fully_decode_reserved_expansion| {
        let options = CompileOptions {
            http_rules: http_rules.clone(),
            fully_decode_reserved_expansion,
            ..CompileOptions::default()
        };
        compile(&GoogleRules, options).program
    };
    let (usual, full) = (program(false), program(true));
    let value = |program: &Program, path: &str| {
        let route = program.route("GET", path).unwrap();
        route
            .bind(path, None)
            .map(|bound| bound.path_value("thing.name").unwrap().to_owned())
            .map_err(|e| e.to_string())
    };
    for (path, kept, decoded) in [
        ("/one/a%2Fb%20c", "a/b c", "a/b c"),
        ("/many/a%2Fb/c%2f%20", "a%2Fb/c%2f ", "a/b/c/ "),
        ("/many/a%252Fb", "a%2Fb", "a%2Fb"),
        ("/many/a/b", "a/b", "a/b"),
        ("/many", "", ""),
        ("/named/a%2Fb/c%2Fd/e%2Ff", "named/a%2Fb/c%2Fd/e%2Ff", "named/a%2Fb/c/d/e/f"),
        ("/named/a", "named/a", "named/a"),
        ("/pair/a%2Fb/c", "pair/a%2Fb/c", "pair/a%2Fb/c"),
    ] {
        assert_eq!(value(&usual, path).as_deref(), Ok(kept), "{path}");
        assert_eq!(value(&full, path).as_deref(), Ok(decoded), "{path}");
    }
    for path in ["/many/a%2F..%2Fb", "/many/..%2Fb", "/many/a/b%2F%2E", "/named/x/a%2F.%2Fb"] {
        let error = value(&full, path).unwrap_err();
        assert!(error.contains("expected a path without dot segments"), "{error}");
        assert!(value(&usual, path).is_ok());
    }
}

#[test]
fn selectors_select() {
    let rows = [
        ("a.b.C", "a.b.C", true),
        ("a.b.C", "a.b.Cd", false),
        ("a.b.C", "a.b", false),
        ("a.b.*", "a.b.C", true),
        ("a.b.*", "a.b.C.d", true),
        ("a.b.*", "a.b", false),
        ("a.b.*", "a.bc.d", false),
        ("*", "a", true),
        ("x.Y, a.b.*", "a.b.C", true),
        ("x.Y,z.*", "a.b.C", false),
    ];
    for (selector, name, expected) in rows {
        assert_eq!(selector.parse::<Selector>().unwrap().matches(name), expected, "{selector} {name}");
    }
    for bad in ["", "a.b*", "a.*.b", ".*", "a..b", "**", "a,", "a b", "a.1", "*.a"] {
        assert!(bad.parse::<Selector>().is_err(), "{bad}");
    }
    assert_eq!("x.Y, a.*".parse::<Selector>().unwrap().to_string(), "x.Y, a.*");
}

#[test]
fn rules_from_outside_stand_before_annotations() {
    let whole = HttpRule {
        body: "*".into(),
        response_body: "name".into(),
        additional_bindings: vec![rule("REPORT", "/out/{thing.name}")],
        ..rule("POST", "/out")
    };
    let http_rules = vec![
        selected("test.binding.*", rule("GET", "/everything")),
        selected("test.binding.Binding.Unbound", rule("GET", "/lost")),
        selected("test.binding.Binding.Get", rule("GET", "/new")),
        selected("test.binding.Binding.Unbound", whole),
        selected("test.other.*", rule("GET", "/other")),
        selected("test.binding.Binding.Update", rule("GET", "no/slash")),
    ];
    let compiled = compile(&GoogleRules, CompileOptions { http_rules, ..CompileOptions::default() });
    let program = &compiled.program;
    let name =
        |method: &str, path: &str| program.route(method, path).map(|r| r.method().full_name().to_owned());
    assert_eq!(name("GET", "/new").unwrap(), "test.binding.Binding.Get");
    assert_eq!(name("POST", "/out").unwrap(), "test.binding.Binding.Unbound");
    assert_eq!(name("REPORT", "/out/x").unwrap(), "test.binding.Binding.Unbound");
    assert_eq!(name("GET", "/everything").unwrap(), "test.binding.Binding.GetOne");
    for gone in ["/all", "/lost", "/things/a", "/other"] {
        assert_eq!(name("GET", gone), Err(RouteError::NotFound), "{gone}");
    }
    assert_eq!(
        request(program, "POST /out", r#"{"thing":{"text":"t"}}"#).unwrap(),
        r#"{"thing":{"text":"t"}}"#
    );
    let texts: Vec<String> = compiled.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 6, "{texts:#?}");
    assert!(texts.contains(&"the rule \"GET /other\" for test.other.* is left out: it selects no method that has a usable type".to_owned()));
    assert!(texts.iter().any(|t| t.starts_with(
        "the rule \"GET no/slash\" of test.binding.Binding.Update is left out: expected a slash"
    )));
    let collision = Warning::Collision {
        method: "test.binding.Binding.UpdateOther".into(),
        rule: "GET /everything".into(),
        taken_by: "test.binding.Binding.GetOne".into(),
        taken_rule: "GET /everything".into(),
    };
    assert!(compiled.warnings.contains(&collision));
}

#[test]
fn annotations_that_say_nothing_useful_are_told() {
    let compiled = compile(&GoogleRules, CompileOptions::default());
    let texts: Vec<String> = compiled.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "the rule \"GET /nested/2\" of test.binding.Binding.Nested is left out: additional bindings have none of their own",
            "the rule \" \" of test.binding.Binding.Empty is left out: it has no path",
        ]
    );
    assert!(compiled.program.route("GET", "/nested/2").is_ok());
    assert_eq!(compiled.program.route("GET", "/nested/3").unwrap_err(), RouteError::NotFound);
}

#[test]
fn later_changes_see_earlier_ones() {
    let rules = Overrides::new(GoogleRules)
        .with("*".parse().unwrap(), |rules| rules.success_status = Some(202))
        .with("a.B.*".parse().unwrap(), |rules| rules.success_status = rules.success_status.map(|s| s + 1))
        .with("a.B.D".parse().unwrap(), |rules| *rules = MethodRules::default());
    assert_eq!(rules.method("a.C.D", b"").success_status, Some(202));
    assert_eq!(rules.method("a.B.C", b"").success_status, Some(203));
    assert_eq!(rules.method("a.B.D", b"").success_status, None);
    assert!(format!("{rules:?}").contains("a.B.*"));
}

#[test]
fn fields_and_words_of_enums_from_outside() {
    let selector = |text: &str| text.parse::<Selector>().unwrap();
    let rules = Overrides::new(GoogleRules)
        .with_fields(selector("test.v1.Inner.*"), |rules| rules.always_present = true)
        .with_fields(selector("test.v1.Inner.next"), |rules| rules.always_present = false)
        .with_fields(selector("test.v1.All.f_bool, test.v1.All.f_bol"), |rules| {
            rules.lenient_bool = true;
            rules.query_name = Some("flag".to_owned());
        })
        .with_enum_values(selector("test.v1.Color.*"), "other".to_owned())
        .with_enum_values(selector("test.v1.Color.COLOR_RED"), "red".to_owned())
        .with_enum_values(selector("test.v1.COLOR_RED"), "rot".to_owned())
        .with(selector("test.v1.Nothing"), |rules| rules.hidden = true);
    let program = compile(&rules, CompileOptions::default()).program;
    let unused = [
        Unused::Method("test.v1.Nothing".to_owned()),
        Unused::Field("test.v1.All.f_bol".to_owned()),
        Unused::EnumValue("test.v1.COLOR_RED".to_owned()),
    ];
    assert_eq!(rules.unused(), unused);
    assert_eq!(
        request(&program, "GET /all?flag=True&f_color=red&f_inner.name=x", "").unwrap(),
        r#"{"f_bool":true,"f_color":"red","f_inner":{"name":"x","count":0,"children":[]}}"#
    );
    assert_eq!(request(&program, "GET /all?f_color=COLOR_GREEN", "").unwrap(), r#"{"f_color":"other"}"#);
}

#[test]
fn trailing_slashes_for_every_path() {
    let options =
        CompileOptions { trailing_slash: true, default_bindings: true, ..CompileOptions::default() };
    let program = compile(&GoogleRules, options).program;
    assert!(program.route("GET", "/all").is_ok() && program.route("GET", "/all/").is_ok());
    assert!(program.route("POST", "/test.binding.Binding/Unbound/").is_ok());
    assert_eq!(program.route("GET", "/all//").unwrap_err(), RouteError::NotFound);
    let bound = program.route("PATCH", "/things/a/").unwrap().bind("/things/a/", None).unwrap();
    assert_eq!(bound.path_value("thing.name"), Some("things/a"));
}

#[test]
fn a_path_tells_its_methods() {
    let http_rules = vec![selected("test.binding.Binding.Unbound", rule("*", "/any/{thing.name}"))];
    let options = CompileOptions { http_rules, ..CompileOptions::default() };
    let program = compile(&GoogleRules, options).program;
    let allow = |path: &str| program.allow(path).map(|a| a.into_iter().collect::<Vec<_>>().join(","));
    assert_eq!(allow("/all").unwrap(), "GET,HEAD");
    assert_eq!(allow("/things/a").unwrap(), "PATCH,PUT");
    assert_eq!(allow("/any/x").unwrap(), "DELETE,GET,HEAD,PATCH,POST,PUT");
    assert_eq!(program.route("BREW", "/any/x").unwrap().http_method(), "*");
    assert_eq!(allow("/nowhere"), Err(RouteError::NotFound));
    assert!(matches!(allow("/%"), Err(RouteError::BadPath { .. })));
    assert!(matches!(allow("*"), Err(RouteError::BadPath { .. })));
}

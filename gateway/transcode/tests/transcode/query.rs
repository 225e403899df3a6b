//! What a query can say, what it cannot, and the leniencies that a method may have.

use transcode::{
    CompileOptions, GoogleRules, MethodRules, Overrides, Program, RequestErrorKind as K, UnknownParameters,
};

use crate::binding::{compile, program, request, wire};

/// Query, and the message as JSON.
const SAID: &[(&str, &str)] = &[
    ("", "{}"),
    ("&&", "{}"),
    (
        "f_int32=-5&fInt64=9007199254740993&f_uint64=18446744073709551615&f_sint32=1e3",
        r#"{"f_int32":-5,"f_int64":"9007199254740993","f_uint64":"18446744073709551615","f_sint32":1000}"#,
    ),
    (
        "f_fixed32=7&f_sfixed64=-7&f_double=1.5&f_float=-Infinity",
        r#"{"f_double":1.5,"f_float":"-Infinity","f_fixed32":7,"f_sfixed64":"-7"}"#,
    ),
    (
        "f_bool=true&f_string=a%26b+c%3D%2B&f_bytes=-_8&o_bool=false&o_string=",
        r#"{"f_bool":true,"f_string":"a&b c=+","f_bytes":"+/8=","o_string":"","o_bool":false}"#,
    ),
    ("f_bytes=%2B%2F8%3D", r#"{"f_bytes":"+/8="}"#),
    ("f_bytes=-_8%3D", r#"{"f_bytes":"+/8="}"#),
    (
        "f_color=COLOR_RED&o_color=2&r_color=-1&r_color=99",
        r#"{"f_color":"COLOR_RED","o_color":"COLOR_GREEN","r_color":["COLOR_NEGATIVE",99]}"#,
    ),
    (
        "f_inner.name=n&f_inner.next.next.count=3&fInner.count=1",
        r#"{"f_inner":{"name":"n","count":1,"next":{"next":{"count":3}}}}"#,
    ),
    (
        "r_int32=1&r_int32=0&r_string=a&r_string=&r_bytes=YQ&r_unpacked=5&r_unpacked=6",
        r#"{"r_int32":[1,0],"r_string":["a",""],"r_bytes":["YQ=="],"r_unpacked":[5,6]}"#,
    ),
    ("f_inner.name=n&r_string=x&f_inner.count=2", r#"{"f_inner":{"name":"n","count":2},"r_string":["x"]}"#),
    (
        "m_string[a]=1&m_string[a.b]=2&m_string[]=3&mString%5Bx%5D=4",
        r#"{"m_string":{"a":"1","a.b":"2","":"3","x":"4"}}"#,
    ),
    (
        "m_int32[-1]=1&m_bool[true]=COLOR_RED&m_double[x]=NaN&m_sint32[2]=YQ",
        r#"{"m_int32":{"-1":"1"},"m_bool":{"true":"COLOR_RED"},"m_sint32":{"2":"YQ=="},"m_double":{"x":"NaN"}}"#,
    ),
    ("c_string=x", r#"{"c_string":"x"}"#),
    ("c_int64=0", r#"{"c_int64":"0"}"#),
    ("c_inner.name=n&c_inner.count=1", r#"{"c_inner":{"name":"n","count":1}}"#),
    ("c_null=NULL_VALUE", r#"{"c_null":null}"#),
    (
        "w_timestamp=2026-01-02T03:04:05.5%2B01:00&w_duration=-1.5s",
        r#"{"w_timestamp":"2026-01-02T02:04:05.500Z","w_duration":"-1.500s"}"#,
    ),
    ("w_mask=fooBar.baz,b", r#"{"w_mask":"fooBar.baz,b"}"#),
    ("w_mask=foo_bar.baz,b", r#"{"w_mask":"fooBar.baz,b"}"#),
    ("w_mask=", r#"{"w_mask":""}"#),
    ("w_value=3", r#"{"w_value":3}"#),
    ("w_value=%223%22", r#"{"w_value":"3"}"#),
    ("w_value=null", r#"{"w_value":null}"#),
    (
        "w_value=[1,{%22a%22:true}]&w_struct={%22b%22:null}&w_list=[[]]",
        r#"{"w_struct":{"b":null},"w_value":[1,{"a":true}],"w_list":[[]]}"#,
    ),
    (
        "w_int64=-3&w_string=&w_bytes=YQ&w_bool=false&w_double=Infinity",
        r#"{"w_double":"Infinity","w_int64":"-3","w_bool":false,"w_string":"","w_bytes":"YQ=="}"#,
    ),
];

/// The members of an object, in the order of their names.
fn sorted(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap()
}

#[test]
fn queries_say_every_kind_of_field() {
    for (query, expected) in SAID {
        let json =
            request(program(), &format!("GET /all?{query}"), "").unwrap_or_else(|e| panic!("{query}: {e}"));
        assert_eq!(sorted(&json), sorted(expected), "{query}");
    }
}

/// Query, kind, and how the sentence begins.
const REFUSED: &[(&str, K, &str)] = &[
    ("nope=1", K::UnknownParameter, "nope: unknown query parameter, expected one of f_double,"),
    ("f_inner.nope=1", K::UnknownParameter, "f_inner.nope: unknown"),
    (
        "f_inner=x",
        K::Parameter,
        "f_inner: expected the fields of a single message one by one, as name.field=value",
    ),
    ("f_int32.x=1", K::Parameter, "f_int32.x: expected a dot only after a single message"),
    ("r_inner.name=x", K::Parameter, "r_inner.name: expected a dot only after a single message"),
    ("r_inner={}", K::Parameter, "r_inner: expected no list of messages, which a query cannot say"),
    ("m_uint64[1]={}", K::Parameter, "m_uint64[1]: expected no map of messages"),
    ("m_uint64[1].name=x", K::UnknownParameter, "m_uint64[1].name: unknown query parameter"),
    ("m_string=x", K::Parameter, "m_string: expected an entry of the map, as name[key]=value"),
    ("m_string[a]=1&m_string[a]=2", K::DuplicateParameter, "m_string[a]: the query parameter is given twice"),
    ("m_int32[1]=1&m_int32[1.0]=2", K::DuplicateParameter, "m_int32[1.0]: the query"),
    ("m_int32[x]=1", K::Parameter, "m_int32[x]: expected an integer from"),
    ("r_int32=1,2", K::Parameter, "r_int32: expected an integer"),
    ("r_string[0]=a", K::Parameter, "r_string[0]: expected no key in brackets"),
    ("r_string[]=a", K::Parameter, "r_string[]: expected no key in brackets"),
    ("f_int32=1&f_int32=1", K::DuplicateParameter, "f_int32: the query parameter is given twice"),
    ("f_int32=1&fInt32=1", K::DuplicateParameter, "fInt32: the query parameter is given twice"),
    ("c_string=a&c_int64=1", K::Oneof, "c_int64: expected not both c_int64 and c_string"),
    ("c_inner.name=a&c_string=a", K::Oneof, "c_string: expected not both"),
    (
        "f_int32=2147483648",
        K::Parameter,
        "f_int32: expected an integer from -2147483648 to 2147483647, got \"2147483648\"",
    ),
    ("f_int32=", K::Parameter, "f_int32: expected an integer"),
    ("f_int32=+1", K::Parameter, "f_int32: expected an integer"),
    ("f_int32=1.5", K::Parameter, "f_int32: expected an integer"),
    ("f_uint32=-1", K::Parameter, "f_uint32: expected an integer from 0"),
    ("f_double=1e309", K::Parameter, "f_double: expected a number"),
    ("f_double=inf", K::Parameter, "f_double: expected a number"),
    ("f_bool=1", K::Parameter, "f_bool: expected true or false"),
    ("f_color=color_red", K::Parameter, "f_color: expected one of COLOR_UNSPECIFIED"),
    ("f_color=2147483648", K::Parameter, "f_color: expected one of"),
    ("f_bytes=!", K::Parameter, "f_bytes: expected a string of base64"),
    ("w_timestamp=yesterday", K::Parameter, "w_timestamp: expected"),
    ("w_duration=1h", K::Parameter, "w_duration: expected"),
    ("w_value=abc", K::Parameter, "w_value: expected JSON"),
    ("w_struct=[]", K::Parameter, "w_struct: expected JSON"),
    ("w_mask=a..%2A", K::Parameter, "w_mask: expected"),
    ("=1", K::UnknownParameter, "unknown query parameter"),
    ("%=1", K::Parameter, "%: expected two hexadecimal digits after every %, got %"),
    ("f_string=%00", K::Parameter, "f_string: expected percent-encoded UTF-8 without NUL"),
    ("f_string=%C0%AF", K::Parameter, "f_string: expected percent-encoded UTF-8"),
    (".=1", K::UnknownParameter, ".: unknown query parameter"),
    ("f_inner.=1", K::UnknownParameter, "f_inner.: unknown query parameter"),
];

#[test]
fn what_a_query_cannot_say_is_refused_by_name() {
    for (query, kind, expected) in REFUSED {
        let error = wire(program(), &format!("GET /all?{query}"), "").unwrap_err();
        assert!(
            error.kind() == *kind && error.to_string().starts_with(expected),
            "{query}\n{error:?}\n{error}"
        );
        assert_eq!(error.kind().http_status(), 400);
    }
}

#[test]
fn names_that_are_bound_elsewhere_are_refused() {
    let rows = [
        (
            "GET /all/a/b?f_string=a",
            "f_string: expected no query parameter of this name, got one for a field that is bound by the path",
        ),
        (
            "GET /all/a/b?fInner.name=b",
            "fInner.name: expected no query parameter of this name, got one for a field that is bound by the path",
        ),
        (
            "POST /all/a?f_inner.count=1",
            "f_inner.count: expected no query parameter of this name, got one for a field that is bound by the body",
        ),
        (
            "POST /whole/a?f_int32=1",
            "f_int32: expected no query parameter of this name, got one for a field of the body",
        ),
        (
            "POST /whole/a?f_string=a",
            "f_string: expected no query parameter of this name, got one for a field that is bound by the path",
        ),
        ("POST /whole/a?nope=1", "nope: unknown query parameter, expected none at all"),
    ];
    for (target, expected) in rows {
        assert_eq!(request(program(), target, "{}").unwrap_err(), expected, "{target}");
    }
    let beside = request(program(), "GET /all/a/b?f_inner.count=1", "").unwrap();
    assert_eq!(beside, r#"{"f_string":"a","f_inner":{"name":"b","count":1}}"#);
}

/// Every method of the test service with these rules.
fn with(change: impl Fn(&mut MethodRules) + Send + Sync + 'static) -> Program {
    let rules = Overrides::new(GoogleRules).with("*".parse().unwrap(), change);
    compile(&rules, CompileOptions::default()).program
}

#[test]
fn a_method_may_step_over_unknown_parameters() {
    let program = with(|rules| rules.unknown_parameters = UnknownParameters::Ignore);
    let json = request(&program, "GET /all?f_int32=1&nope=%FF&a.b.c=2&f_inner.nope=3", "").unwrap();
    assert_eq!(json, r#"{"f_int32":1}"#);
    assert!(request(&program, "POST /whole/a?nope=1", "{}").is_ok());
    for still in
        ["GET /all/a/b?f_string=b", "POST /whole/a?f_int32=1", "GET /all?f_int32.x=1", "GET /all?f_int32=x"]
    {
        assert!(request(&program, still, "").is_err(), "{still}");
    }
}

#[test]
fn a_method_may_step_over_parameters_by_name() {
    let program = with(|rules| {
        rules.ignored_parameters = vec!["$alt".into(), "key".into(), "f_int32".into()];
    });
    let json = request(&program, "GET /all?%24alt=json&key=1&key=2&f_int32=7", "").unwrap();
    assert_eq!(json, r#"{"f_int32":7}"#);
    assert_eq!(wire(&program, "GET /all?keys=1", "").unwrap_err().kind(), K::UnknownParameter);
}

#[test]
fn a_method_may_let_the_path_win() {
    let program = with(|rules| rules.path_wins = true);
    let json = request(&program, "GET /all/a/b?f_string=evil&f_inner.name=evil&f_int32=1", "").unwrap();
    assert_eq!(json, r#"{"f_string":"a","f_inner":{"name":"b"},"f_int32":1}"#);
    assert_eq!(wire(&program, "POST /whole/a?f_int32=1", "{}").unwrap_err().kind(), K::BoundParameter);
}

#[test]
fn a_method_may_take_enum_words_in_any_case() {
    let program = with(|rules| rules.any_case_enums = true);
    let rows = [
        ("GET /all?f_color=color_Red", "", r#"{"f_color":"COLOR_RED"}"#),
        ("GET /colors/color_green", "", r#"{"f_color":"COLOR_GREEN"}"#),
        ("POST /whole/a", r#"{"f_color":"Color_red"}"#, r#"{"f_color":"COLOR_RED","f_string":"a"}"#),
        (
            "POST /whole/a",
            r#"{"r_color":["color_red",2]}"#,
            r#"{"r_color":["COLOR_RED","COLOR_GREEN"],"f_string":"a"}"#,
        ),
    ];
    for (target, body, expected) in rows {
        assert_eq!(request(&program, target, body).as_deref(), Ok(expected), "{target}");
        assert!(body.is_empty() || request(self::program(), target, body).is_err());
    }
    assert!(request(&program, "GET /all?f_color=color_blue", "").is_err());
}

#[test]
fn queries_have_limits() {
    let limits = CompileOptions { query_bytes: 100, query_parameters: 3, ..CompileOptions::default() };
    let program = compile(&GoogleRules, limits).program;
    let kind =
        |query: &str| wire(&program, &format!("GET /all?{query}"), "").map_err(|e| (e.kind(), e.to_string()));
    assert!(kind("r_int32=1&&r_int32=2&&&r_int32=3").is_ok());
    let many = kind("r_int32=1&r_int32=2&r_int32=3&r_int32=4").unwrap_err();
    assert_eq!(many, (K::QuerySize, "expected at most 3 query parameters".to_owned()));
    assert!(kind(&format!("f_string={}", "x".repeat(91))).is_ok());
    let long = kind(&format!("f_string={}", "x".repeat(92))).unwrap_err();
    assert_eq!(long, (K::QuerySize, "expected a query of at most 100 bytes".to_owned()));
    assert_eq!(K::QuerySize.http_status(), 414);
}

#[test]
fn names_have_limits() {
    let deep =
        |levels: usize| wire(program(), &format!("GET /all?f_inner.{}name=x", "next.".repeat(levels)), "");
    assert!(deep(98).is_ok());
    for levels in [99, 10_000] {
        let error = deep(levels).unwrap_err();
        assert_eq!((error.kind(), error.expected()), (K::Depth, "a name with fewer dots"));
        assert!(error.path().len() < 200, "{}", error.path().len());
    }
    let error = wire(program(), &format!("GET /all?{}=1", "n".repeat(1_000_000)), "").unwrap_err();
    assert!(error.kind() == K::UnknownParameter && error.to_string().len() < 1000);
}

fn program_of_depth(depth: u32) -> Program {
    compile(&GoogleRules, CompileOptions { depth, ..CompileOptions::default() }).program
}

#[test]
fn a_query_nests_as_deep_as_a_body() {
    // as in a body: what stands in the query is one level deeper
    for depth in [3, 40, 150] {
        let program = program_of_depth(depth);
        let list = |levels: usize| format!("GET /all?w_value={}{}", "[".repeat(levels), "]".repeat(levels));
        let most = usize::try_from(depth).unwrap() - 1;
        assert!(wire(&program, &list(most), "").is_ok(), "{depth}");
        let error = wire(&program, &list(most + 1), "").unwrap_err();
        assert!(error.to_string().contains("expected fewer levels of nesting at"), "{error}");
        let values =
            |levels: usize| format!("GET /all?w_values={}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(wire(&program, &values(most - 1), "").is_ok(), "{depth}");
        assert!(wire(&program, &values(most), "").is_err(), "{depth}");

        let name = |levels: usize| format!("GET /all?f_inner.{}name=x", "next.".repeat(levels - 2));
        let most = most + 1;
        let read = wire(&program, &name(most), "").unwrap();
        let mut json = Vec::new();
        program.message_to_json("test.v1.All", &read, &mut json).unwrap();
        let error = wire(&program, &name(most + 1), "").unwrap_err();
        assert_eq!(error.kind(), K::Depth, "{error}");
    }
}

//! The OpenAPI document: every route, every type it refers to, comments, statuses, streams.

use serde_json::{Value, json};
use transcode::{
    CompileOptions, MethodRules, OpenApiForms, OpenApiInfo, OpenApiVersion, OpenApiView, Overrides,
    UnknownFields, UnknownParameters,
};

use crate::fixture::{PlatformRules, compile, platform};

fn document(first_segment: Option<&str>) -> Value {
    let info = OpenApiInfo {
        title: "Library".to_owned(),
        version: "1".to_owned(),
        error_schema: Some(r#"{"type":"object","properties":{"error":{"type":"array"}}}"#.to_owned()),
        ..OpenApiInfo::default()
    };
    serde_json::from_str(&platform().openapi(&info, OpenApiView { first_segment, ..OpenApiView::default() }))
        .unwrap()
}

#[test]
fn every_route_is_in_it() {
    let document = document(None);
    let operations: usize = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|item| {
            let plain = item.as_object().unwrap().iter().filter(|(k, _)| !k.starts_with("x-")).count();
            plain + item["x-additionalOperations"].as_object().map_or(0, serde_json::Map::len)
        })
        .sum();
    let any_method = platform().routes().filter(|r| r.0 == "*").count();
    assert_eq!(operations, platform().routes().count() + 4 * any_method);
    assert_eq!(document["openapi"], "3.1.1");
}

#[test]
fn every_reference_is_resolved() {
    fn walk(value: &Value, root: &Value, seen: &mut usize) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    let pointer = target.strip_prefix('#').unwrap();
                    assert!(root.pointer(pointer).is_some(), "{target}");
                    *seen += 1;
                }
                members.values().for_each(|v| walk(v, root, seen));
            }
            Value::Array(items) => items.iter().for_each(|v| walk(v, root, seen)),
            _ => {}
        }
    }
    let document = document(None);
    let mut seen = 0;
    walk(&document, &document, &mut seen);
    assert!(seen > 30, "{seen}");
}

#[test]
fn operations_say_what_the_binder_does() {
    let document = document(None);
    let get = &document["paths"]["/v1/shelves/{shelf}/books/{id}"]["get"];
    assert_eq!(get["operationId"], "test.library.Library.GetBook");
    assert_eq!(get["summary"], "Gets one book.");
    let names: Vec<&str> =
        get["parameters"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["shelf", "id", "name", "with-text"]);
    assert_eq!(get["parameters"][1]["schema"]["format"], "int64");
    let create = &document["paths"]["/v1/shelves/{shelf}/books"]["post"];
    let body = &create["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    assert_eq!(body, "#/components/schemas/test.library.Book");
    assert!(create["responses"]["201"].is_object());
    let archive = &document["paths"]["/v1/archive/{name_1}/books/{name_2}"]["get"];
    assert_eq!(archive["operationId"], "test.library.Library.GetBook_2");
    let watch = &document["paths"]["/v1/shelves/{shelf}/books:watch"]["get"]["responses"]["200"]["content"];
    assert_eq!(watch.as_object().unwrap().len(), 3);
    assert_eq!(watch["application/json"]["schema"]["type"], "array");
    assert!(document["paths"]["/v1/probe"]["x-additionalOperations"]["REPORT"].is_object());
    let error = &document["components"]["schemas"]["Error"]["properties"]["error"]["type"];
    assert_eq!(error, "array");
}

#[test]
fn schemas_carry_words_and_comments() {
    let document = document(None);
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["test.library.Genre"]["enum"], serde_json::json!(["none", "fiction", "hard-science"]));
    assert_eq!(schemas["test.library.Book"]["description"], "One book.");
    assert_eq!(schemas["test.library.Book"]["properties"]["name"]["description"], "Its resource name.");
    assert!(schemas["test.library.ImportRequest"]["properties"]["unknown"].is_null());
}

#[test]
fn a_part_holds_its_own_routes_only() {
    assert_eq!(platform().first_segments().into_iter().collect::<Vec<_>>(), ["v1"]);
    assert_eq!(document(Some("v1"))["paths"], document(None)["paths"]);
    assert_eq!(document(Some("nope"))["paths"], serde_json::json!({}));
}

/// A document of the program whose methods are changed.
fn lenient(forms: OpenApiForms, change: fn(&mut MethodRules)) -> Value {
    let rules = Overrides::new(PlatformRules).with("*".parse().unwrap(), change);
    let program = compile(&rules, CompileOptions::default()).program;
    let view = OpenApiView { forms, ..OpenApiView::default() };
    serde_json::from_str(&program.openapi(&OpenApiInfo::default(), view)).unwrap()
}

#[test]
fn words_in_any_case_are_accepted_where_the_method_takes_them() {
    let pattern = "^(?:[Nn][Oo][Nn][Ee]|[Ff][Ii][Cc][Tt][Ii][Oo][Nn]|[Hh][Aa][Rr][Dd]-[Ss][Cc][Ii][Ee][Nn][Cc][Ee]|\
                   [Gg][Ee][Nn][Rr][Ee]_[Uu][Nn][Ss][Pp][Ee][Cc][Ii][Ff][Ii][Ee][Dd]|\
                   [Gg][Ee][Nn][Rr][Ee]_[Ff][Ii][Cc][Tt][Ii][Oo][Nn]|[Gg][Ee][Nn][Rr][Ee]_[Ss][Cc][Ii][Ee][Nn][Cc][Ee])$";
    let body = |document: &Value| {
        let create = &document["paths"]["/v1/shelves/{shelf}/books"]["post"];
        let body = &create["requestBody"]["content"]["application/json"]["schema"];
        let name = body["$ref"].as_str().or(body["anyOf"][0]["$ref"].as_str());
        name.unwrap().rsplit('/').next().unwrap().to_owned()
    };
    for (unknown, suffix) in
        [(UnknownFields::Reject, "AnyCaseInput"), (UnknownFields::Report, "ReportedAnyCaseInput")]
    {
        let change: fn(&mut MethodRules) = match unknown {
            UnknownFields::Report => |rules| {
                (rules.any_case_enums, rules.unknown_fields) = (true, UnknownFields::Report);
            },
            _ => |rules| (rules.any_case_enums, rules.unknown_fields) = (true, UnknownFields::Reject),
        };
        let document = lenient(OpenApiForms::Accepted, change);
        assert_eq!(body(&document), format!("test.library.Book-{suffix}"));
        let schemas = &document["components"]["schemas"];
        let word = &schemas[format!("test.library.Genre-{suffix}")]["anyOf"][0];
        assert_eq!(*word, json!({ "type": "string", "pattern": pattern }));
        let book = &schemas[format!("test.library.Book-{suffix}")];
        let strict = (unknown == UnknownFields::Reject).then_some(false);
        assert_eq!(book["additionalProperties"].as_bool(), strict);
        let genre = format!("#/components/schemas/test.library.Genre-{suffix}");
        assert!(book.to_string().contains(&genre), "{book}");
    }
    let canonical = lenient(OpenApiForms::Canonical, |rules| rules.any_case_enums = true);
    assert_eq!(canonical["components"]["schemas"]["test.library.Genre"]["enum"][1], "fiction");
}

#[test]
fn parameters_that_are_ignored_are_accepted() {
    let names = |document: &Value| -> Vec<String> {
        let get = &document["paths"]["/v1/shelves/{shelf}/books/{id}"]["get"]["parameters"];
        get.as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap().to_owned()).collect()
    };
    let ignoring: fn(&mut MethodRules) = |rules| {
        rules.unknown_parameters = UnknownParameters::Ignore;
        rules.ignored_parameters = vec!["key".to_owned(), "name".to_owned(), "with-text".to_owned()];
    };
    let document = lenient(OpenApiForms::Accepted, ignoring);
    assert_eq!(names(&document), ["shelf", "id", "name", "with-text", "key", "*"]);
    let all = document["paths"]["/v1/shelves/{shelf}/books/{id}"]["get"]["parameters"].as_array().unwrap();
    let rest = all.last().unwrap();
    assert_eq!((&rest["style"], &rest["explode"]), (&json!("form"), &json!(true)));
    assert_eq!(rest["schema"]["type"], "object");
    assert_eq!(names(&lenient(OpenApiForms::Canonical, ignoring)), ["shelf", "id", "name", "with-text"]);
}

/// The document of the library with these rules, each a method, a path and the HTTP method.
fn with_rules(rules: &[(&str, &str, &str)], version: OpenApiVersion) -> Value {
    let rule = |(name, path, method): &(&str, &str, &str)| transcode::SelectedHttpRule {
        selector: format!("test.library.Library.{name}").parse().unwrap(),
        rule: transcode::HttpRule {
            method: (*method).to_owned(),
            path: (*path).to_owned(),
            ..transcode::HttpRule::default()
        },
    };
    let options =
        CompileOptions { http_rules: rules.iter().map(rule).collect(), ..CompileOptions::default() };
    let compiled = compile(&PlatformRules, options);
    assert!(compiled.warnings.iter().all(|w| !w.to_string().contains("/v2")), "{:?}", compiled.warnings);
    let view = OpenApiView { first_segment: Some("v2"), version, ..OpenApiView::default() };
    serde_json::from_str(&compiled.program.openapi(&OpenApiInfo::default(), view)).unwrap()
}

#[test]
fn routes_that_are_one_path_to_openapi_are_all_in_it() {
    // the order of methods is that of the proto: GetBook comes before Purge, and that before Unbound
    for (one, many, name) in [("GetBook", "Purge", "name"), ("Unbound", "Purge", "path")] {
        let rules = [(one, "/v2/files/{name}", "GET"), (many, "/v2/files/{path=**}", "GET")];
        let document = with_rules(&rules, OpenApiVersion::V3_1);
        let paths = document["paths"].as_object().unwrap();
        let keys: Vec<&String> = paths.keys().collect();
        assert_eq!(keys, [&format!("/v2/files/{{{name}}}")]);
        let item = &paths[keys[0]];
        assert_eq!(item["get"]["operationId"], format!("test.library.Library.{one}"), "what is asked first");
        let other = &item["x-otherOperations"][0];
        assert_eq!((&other["method"], &other["template"]), (&json!("GET"), &json!("/v2/files/{path=**}")));
        assert_eq!(other["operation"]["operationId"], format!("test.library.Library.{many}"));
        assert_eq!(other["operation"]["parameters"][0]["name"], name);
        assert_eq!(item["x-otherOperations"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_rule_for_any_method_does_not_stand_before_one_for_a_method() {
    for version in [OpenApiVersion::V3_1, OpenApiVersion::V3_2] {
        for (explicit, any) in [("GetBook", "Purge"), ("Unbound", "Purge")] {
            let rules = [(explicit, "/v2/things", "GET"), (any, "/v2/things", "*")];
            let item = &with_rules(&rules, version)["paths"]["/v2/things"];
            assert_eq!(item["get"]["operationId"], format!("test.library.Library.{explicit}"));
            assert_eq!(item["post"]["operationId"], format!("test.library.Library.{any}_post"));
            assert_eq!(item.as_object().unwrap().len(), 5, "{item}");
        }
    }
}

#[test]
fn literals_are_encoded() {
    let document = with_rules(
        &[("GetBook", "/v2/%7Bx%7D/a%20b%25%3Fé-~!$&'()+,;@/{name}:do%3Ait", "GET")],
        OpenApiVersion::V3_1,
    );
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/v2/%7Bx%7D/a%20b%25%3F%C3%A9-~!$&'()+,;@/{name}:do%3Ait"]);
}

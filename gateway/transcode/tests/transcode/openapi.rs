//! The OpenAPI document: every route, every type it refers to, comments, statuses, streams.

use serde_json::Value;
use transcode::{OpenApiInfo, OpenApiView};

use crate::fixture::platform;

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

//! The table against hand-made descriptor sets.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use prost::Message as _;

use crate::descriptor::{FieldDescriptor, File, FileSet, Message, MethodDescriptor, Service};
use crate::{Access, Caller, Error, Method, MethodOptions, Table};

fn set(tool_field: &str, kind: i32) -> Vec<u8> {
    let access = Access {
        callers: vec![Caller::Tool.into(), Caller::Service.into()],
        tool_field: tool_field.into(),
        services: vec!["config".into()],
    };
    let method = MethodDescriptor {
        name: "Get".into(),
        input_type: ".a.b.GetRequest".into(),
        options: Some(MethodOptions { method: Some(Method { access: Some(access), ..Method::default() }) }),
        ..MethodDescriptor::default()
    };
    let bare =
        MethodDescriptor { name: "Bare".into(), input_type: ".a.b.GetRequest".into(), ..Default::default() };
    let request = Message {
        name: "GetRequest".into(),
        field: vec![FieldDescriptor { name: "tool".into(), number: 7, kind, options: None }],
        nested: Vec::new(),
    };
    let file = File {
        name: "a/b.proto".into(),
        package: "a.b".into(),
        message: vec![request],
        service: vec![Service { name: "Things".into(), method: vec![method, bare] }],
    };
    FileSet { file: vec![file] }.encode_to_vec()
}

#[test]
fn a_method_has_its_callers_and_its_tool_field() {
    let table = Table::read(&set("tool", 9)).unwrap();
    let rule = table.get("/a.b.Things/Get").unwrap();
    assert!(rule.admits(Caller::Tool) && !rule.admits(Caller::Admin));
    assert!(rule.admits_service("config") && !rule.admits_service("web"));
    assert_eq!(rule.tool_field.as_ref().unwrap().number, 7);
}

#[test]
fn a_method_without_access_admits_nobody() {
    let table = Table::read(&set("tool", 9)).unwrap();
    let rule = table.get("/a.b.Things/Bare").unwrap();
    let everyone = [Caller::Public, Caller::Tool, Caller::DeployToken, Caller::Admin, Caller::Service];
    assert!(everyone.into_iter().all(|caller| !rule.admits(caller)));
}

#[test]
fn a_tool_field_must_exist_and_be_a_string() {
    assert!(
        matches!(Table::read(&set("nothing", 9)), Err(Error::NoToolField { field, .. }) if field == "nothing")
    );
    assert!(matches!(Table::read(&set("tool", 5)), Err(Error::NoToolField { .. })));
}

#[test]
fn what_is_said_from_outside_stands_before_the_proto() {
    let outside = |name: &str| match name {
        "a.b.Things.Get" => Some(Access { callers: vec![Caller::Admin.into()], ..Access::default() }),
        "a.b.Things.Bare" => Some(Access {
            callers: vec![Caller::Public.into()],
            tool_field: "nothing".into(),
            ..Access::default()
        }),
        _ => None,
    };
    let (table, faults) = Table::read_over(&set("tool", 9), outside).unwrap();
    let get = table.get("/a.b.Things/Get").unwrap();
    assert!(get.admits(Caller::Admin) && !get.admits(Caller::Tool) && get.from_outside);
    assert_eq!(get.tool_field, None);
    let bare = table.get("/a.b.Things/Bare").unwrap();
    assert!(!bare.admits(Caller::Public) && bare.from_outside, "nobody can say for which tool it is");
    assert!(
        matches!(&faults[..], [Error::NoToolField { method, .. }] if method == "/a.b.Things/Bare"),
        "{faults:?}"
    );
    let (table, faults) = Table::read_over(&set("tool", 9), |_| None).unwrap();
    assert!(faults.is_empty() && !table.get("/a.b.Things/Get").unwrap().from_outside);
    assert_eq!(table.iter().count(), Table::read(&set("tool", 9)).unwrap().iter().count());
}

#[test]
fn broken_bytes_are_an_error() {
    let bytes = set("tool", 9);
    assert!(matches!(Table::read(&bytes[..bytes.len() - 3]), Err(Error::Undecodable(_))));
}

#[test]
fn services_without_any_rule_can_be_opened_and_others_cannot() {
    let mut set = FileSet::decode(&set("tool", 9)[..]).unwrap();
    let bare = MethodDescriptor {
        name: "Get".into(),
        input_type: ".a.b.GetRequest".into(),
        ..MethodDescriptor::default()
    };
    set.file[0].service.push(Service { name: "Foreign".into(), method: vec![bare] });
    let mut table = Table::read(&set.encode_to_vec()).unwrap();
    assert!(!table.get("/a.b.Foreign/Get").unwrap().admits(Caller::Public));
    table.admit_services_without_rules();
    assert!(table.get("/a.b.Foreign/Get").unwrap().admits(Caller::Public));
    for stated in ["/a.b.Things/Get", "/a.b.Things/Bare"] {
        assert!(!table.get(stated).unwrap().admits(Caller::Public), "{stated}");
    }
}

//! Updates: the mask that a PATCH gets from the fields its body names.

use transcode::{CompileOptions, GoogleRules, Overrides, RequestErrorKind as K, UnknownFields, UpdateMask};

use crate::binding::{compile, program, request, wire};

/// The paths of the mask in a request, in the order they stand there; nothing without a mask.
fn mask(target: &str, body: &str, number: u32) -> Option<String> {
    let wire = wire(program(), target, body).unwrap_or_else(|e| panic!("{target} {body}: {e}"));
    let mask = transcode::last_len_field(&wire, number)?;
    let mut json = Vec::new();
    program().message_to_json("google.protobuf.FieldMask", mask, &mut json).unwrap();
    Some(String::from_utf8(json).unwrap().trim_matches('"').to_owned())
}

#[test]
fn the_mask_names_what_the_body_names() {
    let rows = [
        (r#"{"display_name":"x"}"#, Some("displayName")),
        (r#"{"displayName":"x","text":"t"}"#, Some("displayName,text")),
        (r#"{"display_name":""}"#, Some("displayName")),
        (r#"{"display_name":null,"labels":null}"#, Some("displayName,labels")),
        (r#"{"name":"things/a","display_name":"x"}"#, Some("displayName")),
        (
            r#"{"all":{"f_int32":1,"f_inner":{"next":{"name":"n"},"count":2}}}"#,
            Some("all.fInt32,all.fInner.next.name,all.fInner.count"),
        ),
        (r#"{"all":{},"parent_thing":null}"#, Some("all,parentThing")),
        (
            r#"{"all":{"r_inner":[{"name":"n"}],"m_uint64":{"1":{"name":"n"}},"r_int32":[]}}"#,
            Some("all.rInner,all.mUint64,all.rInt32"),
        ),
        (
            r#"{"all":{"w_timestamp":"2026-01-01T00:00:00Z","w_struct":{"a":{"b":1}},"w_value":null,"w_int64":"3"}}"#,
            Some("all.wTimestamp,all.wStruct,all.wValue,all.wInt64"),
        ),
        (r#"{"labels":{"a":"b"},"children":[{"text":"x"}]}"#, Some("labels,children")),
        (r#"{"parent_thing":{"name":"p"}}"#, Some("parentThing.name")),
        (r#"{"name":"things/a"}"#, None),
        ("{}", None),
        ("null", None),
        ("", None),
    ];
    for (body, expected) in rows {
        assert_eq!(mask("PATCH /things/a", body, 3).as_deref(), expected, "{body}");
    }
}

#[test]
fn a_mask_that_is_given_stays() {
    let body = r#"{"display_name":"x","text":"t"}"#;
    assert_eq!(mask("PATCH /things/a?update_mask=text", body, 3).as_deref(), Some("text"));
    assert_eq!(mask("PATCH /things/a?updateMask=", body, 3).as_deref(), Some(""));
    let json = request(program(), "PATCH /things/a?update_mask=display_name,text", body).unwrap();
    assert_eq!(
        json,
        r#"{"update_mask":"displayName,text","thing":{"display_name":"x","text":"t","name":"things/a"}}"#
    );
    let star = wire(program(), "PATCH /things/a?update_mask=*", body).unwrap();
    assert_eq!(transcode::last_len_field(&star, 3), Some(&b"\x0a\x01*"[..]));
}

#[test]
fn only_updates_of_a_message_get_a_mask() {
    let body = r#"{"display_name":"x"}"#;
    assert_eq!(mask("PUT /things/a", body, 3), None);
    assert_eq!(mask("PATCH /whole/things/a", r#"{"thing":{"display_name":"x"}}"#, 3), None);
    assert_eq!(mask("PATCH /list", r#"[{"display_name":"x"}]"#, 3), None);
    assert_eq!(mask("PATCH /others", body, 2).as_deref(), Some("displayName"));
    assert_eq!(mask("PATCH /two", body, 2), None);
    assert_eq!(mask("PATCH /two", body, 3), None);
}

#[test]
fn a_method_may_leave_the_mask_to_its_callers() {
    let one = "test.binding.Binding.Update".parse().unwrap();
    let rules = Overrides::new(GoogleRules).with(one, |rules| rules.update_mask = UpdateMask::AsGiven);
    let program = compile(&rules, CompileOptions::default()).program;
    let json = request(&program, "PATCH /things/a", r#"{"text":"t"}"#).unwrap();
    assert_eq!(json, r#"{"thing":{"text":"t","name":"things/a"}}"#);
    let json = request(&program, "PATCH /others", r#"{"text":"t"}"#).unwrap();
    assert_eq!(json, r#"{"thing":{"text":"t"},"mask":"text"}"#);
}

#[test]
fn what_is_dropped_is_no_part_of_an_update() {
    let all = "*".parse().unwrap();
    let rules = Overrides::new(GoogleRules).with(all, |rules| rules.unknown_fields = UnknownFields::Ignore);
    let program = compile(&rules, CompileOptions::default()).program;
    let body = r#"{"nope":1,"all":{"f_color":"COLOR_NEW","x":{},"f_int32":0}}"#;
    let json = request(&program, "PATCH /things/a", body).unwrap();
    assert_eq!(json, r#"{"thing":{"all":{},"name":"things/a"},"update_mask":"all.fInt32"}"#);
}

/// Messages inside messages, two in each, `levels` deep.
fn branches(levels: usize) -> String {
    if levels == 0 {
        return r#"{"text":""}"#.to_owned();
    }
    let below = branches(levels - 1);
    format!(r#"{{"parent_thing":{below},"other_thing":{below}}}"#)
}

#[test]
fn masks_are_bounded() {
    let names = mask("PATCH /things/a", &branches(10), 3).unwrap();
    assert_eq!(names.split(',').count(), 1024);
    let error = wire(program(), "PATCH /things/a", &branches(13)).unwrap_err();
    assert_eq!(error.kind(), K::Size);
    assert!(error.position().is_some() && error.path().contains("_thing."), "{error}");
    assert!(wire(program(), "PATCH /things/a?update_mask=text", &branches(13)).is_ok());
    let entries: Vec<String> = (0..20_000).map(|i| format!("\"k{i}\":\"\"")).collect();
    let wide = format!(r#"{{"labels":{{{}}}}}"#, entries.join(","));
    assert_eq!(mask("PATCH /things/a", &wide, 3).as_deref(), Some("labels"));
}

//! What only proto2 has: groups, required fields, extensions, closed enums.

use crate::fixture::{round, to_json, to_wire};

const OLD: &str = "test.legacy.Old";

#[test]
fn groups_extensions_and_closed_enums_come_back() {
    let rows = [
        r#"{"id":"a","part":{"label":"x","inner":{"id":"b"}}}"#,
        r#"{"id":"a","row":[{"cell":1},{}]}"#,
        r#"{"id":"","size":0}"#,
        r#"{"id":"a","level":"LEVEL_HIGH","levels":["LEVEL_LOW","LEVEL_HIGH"]}"#,
        r#"{"id":"a","numbers":[1,2],"packed":[3,4]}"#,
        r#"{"id":"a","[test.legacy.nickname]":"n","[test.legacy.marks]":[1,2]}"#,
    ];
    for json in rows {
        assert_eq!(round(OLD, json).as_deref(), Ok(json));
    }
}

#[test]
fn a_missing_required_field_is_named() {
    assert_eq!(to_wire(OLD, "{}").unwrap_err(), "id: the field is required at position 2");
    let error = to_wire(OLD, r#"{"id":"a","part":{"inner":{}}}"#).unwrap_err();
    assert!(error.starts_with("part.inner.id: the field is required"), "{error}");
}

#[test]
fn a_closed_enum_takes_no_unknown_number_and_drops_it_from_the_wire() {
    assert!(to_wire(OLD, r#"{"id":"a","level":3}"#).is_err());
    // id, level 3, levels 3 and 1
    let wire = [0x0a, 1, b'a', 0x40, 3, 0x48, 3, 0x48, 1];
    assert_eq!(to_json(OLD, &wire).unwrap(), r#"{"id":"a","levels":["LEVEL_LOW"]}"#);
}

#[test]
fn a_broken_group_is_an_error() {
    for wire in [&[0x1b][..], &[0x1b, 0x24], &[0x1c], &[0x1b, 0x0a, 5, 0x1c]] {
        assert!(to_json(OLD, wire).is_err(), "{wire:?}");
    }
}

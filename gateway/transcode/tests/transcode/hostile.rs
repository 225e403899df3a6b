//! Bytes from a backend that no encoder would send: an error or the meaning the format gives them, never a panic.

use crate::fixture::{to_json, to_wire};

const ALL: &str = "test.v1.All";

fn json(wire: &[u8]) -> String {
    to_json(ALL, wire).unwrap()
}

#[test]
fn malformed_wire_is_an_error() {
    let long_varint = [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let too_big_varint = [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
    let rows: [(&[u8], &str); 12] = [
        (&long_varint, "longer than 64 bits"),
        (&too_big_varint, "longer than 64 bits"),
        (&[0x00, 0x00], "field number"),
        (&[0x1e], "wire type"),
        (&[0x1f], "wire type"),
        (&[0x1b], "truncated"),
        (&[0x1c], "not closed"),
        (&[0x72, 0x05, b'a'], "truncated"),
        (&[0x72, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], "truncated"),
        (&[0x72, 0x01, 0xff], "test.v1.All.f_string: a string is not valid UTF-8"),
        (&[0x8a, 0x01, 0x02, 0x08], "truncated"),
        (&[0x82, 0x02, 0x01, 0x80], "truncated"),
    ];
    for (wire, expected) in rows {
        let error = to_json(ALL, wire).unwrap_err();
        assert!(error.contains(expected), "{wire:?}: {error}");
    }
}

#[test]
fn nested_unknown_groups_are_bounded() {
    let mut wire = [0xa3, 0x06].repeat(100_000);
    wire.extend([0xa4, 0x06].repeat(100_000));
    assert!(to_json(ALL, &wire).unwrap_err().contains("deeper than the limit"));
}

#[test]
fn deep_messages_from_the_wire_are_bounded() {
    let mut wire = Vec::new();
    for _ in 0..2_000 {
        let mut outer = vec![0x1a];
        let mut len = wire.len();
        while len >= 0x80 {
            outer.push(u8::try_from(len & 0x7f).unwrap() | 0x80);
            len >>= 7;
        }
        outer.push(u8::try_from(len).unwrap());
        outer.extend(wire);
        wire = outer;
    }
    assert!(to_json("test.v1.Inner", &wire).unwrap_err().contains("deeper than the limit"));
}

#[test]
fn odd_orders_mean_what_the_format_says() {
    // r_int32: packed 1, 2; unpacked 3; then another field; then packed 4
    let mixed = [0x82, 0x02, 2, 1, 2, 0x80, 0x02, 3, 0x18, 9, 0x82, 0x02, 1, 4];
    assert_eq!(json(&mixed), r#"{"f_int32":9,"r_int32":[1,2,3,4]}"#);
    // f_int32 twice: the last counts, a default too
    assert_eq!(json(&[0x18, 1, 0x18, 2]), r#"{"f_int32":2}"#);
    assert_eq!(json(&[0x18, 1, 0x18, 0]), "{}");
    // f_inner in two pieces: they merge
    let pieces = [0x8a, 1, 3, 0x0a, 1, b'a', 0x18, 1, 0x8a, 1, 2, 0x10, 5];
    assert_eq!(json(&pieces), r#"{"f_int32":1,"f_inner":{"name":"a","count":5}}"#);
    // oneof: c_inner{name}, c_int64, c_inner{count}: only the last one, without what came before
    let oneof = [0xfa, 3, 3, 0x0a, 1, b'a', 0xf0, 3, 7, 0xfa, 3, 2, 0x10, 5];
    assert_eq!(json(&oneof), r#"{"c_inner":{"count":5}}"#);
    // a map key twice: the last entry counts; entries without key or value have their defaults
    let map =
        [0x9a, 3, 6, 0x0a, 1, b'k', 0x12, 1, b'1', 0x9a, 3, 6, 0x0a, 1, b'k', 0x12, 1, b'2', 0x9a, 3, 0];
    assert_eq!(json(&map), r#"{"m_string":{"k":"2","":""}}"#);
    // an entry's value before its key
    assert_eq!(json(&[0x9a, 3, 6, 0x12, 1, b'v', 0x0a, 1, b'k']), r#"{"m_string":{"k":"v"}}"#);
    // an empty packed record, an unknown field, a wrong wire type
    assert_eq!(json(&[0x82, 0x02, 0]), "{}");
    assert_eq!(json(&[0xa0, 0x06, 1, 0x18, 1]), r#"{"f_int32":1}"#);
    assert_eq!(json(&[0x1d, 1, 0, 0, 0]), "{}");
    // Value whose kind is set twice
    assert_eq!(json(&[0xda, 4, 6, 0x1a, 1, b'a', 0x1a, 1, b'b']), r#"{"w_value":"b"}"#);
}

#[test]
fn well_known_types_out_of_range_are_errors() {
    let rows: [&[u8]; 6] = [
        // Timestamp: one second past year 9999; negative nanos
        &[0xba, 4, 7, 0x08, 0x80, 0xdc, 0x84, 0xc2, 0xda, 0x07],
        &[0xba, 4, 11, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        // Duration: signs differ
        &[0xc2, 4, 13, 0x08, 1, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        // FieldMask: a path that camel case cannot say
        &[0xca, 4, 5, 0x0a, 3, b'f', b'_', b'1'],
        // Value: NaN
        &[0xda, 4, 9, 0x11, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
        // Any of an unknown type
        &[0xea, 4, 5, 0x0a, 3, b'a', b'/', b'b'],
    ];
    for wire in rows {
        assert!(to_json(ALL, wire).is_err(), "{wire:?}");
    }
}

#[test]
fn a_message_cut_at_each_byte_never_panics() {
    let body = r#"{"f_double":1.5,"f_string":"text","f_inner":{"name":"a","children":[{},{"count":300}]},"r_int32":[1,500],
        "m_uint64":{"1":{"name":"x"}},"w_timestamp":"2026-01-02T03:04:05.6Z","w_struct":{"a":[1,{"b":null}]},
        "w_any":{"@type":"x/test.v1.Inner","name":"y"},"far":"end"}"#;
    let wire = to_wire(ALL, body).unwrap();
    assert!(to_json(ALL, &wire).is_ok());
    let whole = (0..wire.len()).filter(|end| to_json(ALL, &wire[..*end]).is_ok()).count();
    // only the cuts between the nine fields are messages
    assert_eq!(whole, 9);
    for at in 0..wire.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bent = wire.clone();
            bent[at] ^= flip;
            let _ = to_json(ALL, &bent);
        }
    }
}

#[test]
fn a_body_cut_or_bent_at_each_byte_never_panics() {
    let body = r#"{"f_double":1.5e1,"f_string":"t\u00e9\n","f_inner":{"children":[{},{"count":-3}]},"m_bool":{"true":1},
        "w_timestamp":"2026-01-02T03:04:05.6Z","w_struct":{"a":[1,{"b":null}]},"f_bytes":"AAE="}"#;
    assert!(to_wire(ALL, body).is_ok());
    for end in 0..body.len() {
        assert!(to_wire(ALL, &body[..end]).is_err(), "{}", &body[..end]);
    }
    for at in 0..body.len() {
        for byte in [0, b'"', b'{', b'}', b',', b'\\', b'9', 0xff] {
            let mut bent = body.as_bytes().to_vec();
            bent[at] = byte;
            let _ = crate::fixture::bytes_to_wire(ALL, &bent);
        }
    }
}

#[test]
fn a_member_without_a_value_ends_the_reading() {
    use transcode::UnknownFields::{Ignore, Reject, Report};
    for body in [
        r#"{"":}"#,
        r#"{"":"#,
        r#"{"x":}"#,
        r#"{"w_any":{"":}}"#,
        r#"{"w_any":{"@type":"x/test.v1.Inner","":}}"#,
        r#"{"w_struct":{"":}}"#,
    ] {
        for unknown in [Ignore, Reject, Report] {
            let read =
                crate::fixture::google().json_to_message(ALL, body.as_bytes(), unknown, &mut Vec::new());
            assert!(read.unwrap().is_err(), "{body} {unknown:?}");
        }
    }
}

#[test]
fn a_million_unknown_fields_are_dropped_without_keeping_them() {
    let body = format!("{{{}\"f_int32\":1}}", r#""x":[{}],"#.repeat(1_000_000));
    let mut out = Vec::new();
    let read = crate::fixture::google().json_to_message(
        ALL,
        body.as_bytes(),
        transcode::UnknownFields::Ignore,
        &mut out,
    );
    read.unwrap().unwrap();
    assert_eq!(json(&out), r#"{"f_int32":1}"#);
}

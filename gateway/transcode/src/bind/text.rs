//! One field's value from the text of a path or a query.

use super::place::from_text;
use crate::json::Scanner;
use crate::json_to_wire::trail::Trail;
use crate::json_to_wire::wellknown::put_moment;
use crate::json_to_wire::{DecodeOptions, Encoder};
use crate::scalar::{self, Expected, TextStyle};
use crate::schema::{Field, Kind, MessageId, Schema, Shape, WellKnown};
use crate::wellknown as forms;
use crate::wire::{begin_len, end_len, put_len_field, put_tag};

/// Appends the field with its tag (without it for an element of a packed field). A default without presence is nothing.
pub(super) fn put_field(
    schema: &Schema,
    field: &Field,
    key: Option<&str>,
    value: &str,
    style: TextStyle,
    out: &mut Vec<u8>,
) -> Result<(), Expected> {
    match (field.shape, key) {
        (Shape::Map, Some(key)) => return put_entry(schema, field, key, value, style, out),
        (Shape::Map, None) => return Err("an entry of the map, as name[key]=value".into()),
        (_, Some(_)) => return Err("no key in brackets, for the field is no map".into()),
        (Shape::Repeated, None) if !from_text(schema, field.kind) => {
            return Err("no list of messages, which a query cannot say".into());
        }
        _ => {}
    }
    if field.packed {
        return put_value(schema, field.kind, value, style, out);
    }
    if let Some(id) = field.kind.message() {
        let content = field.begin(out);
        put_well_known(schema, id, value, style, out)?;
        field.end(out, content);
        return Ok(());
    }
    let start = out.len();
    field.tag.append(out);
    let content = out.len();
    put_value(schema, field.kind, value, style, out)?;
    let default = out.get(content..).is_some_and(|bytes| bytes.iter().all(|b| *b == 0));
    if field.shape == Shape::Single && !field.presence && default {
        out.truncate(start);
    }
    Ok(())
}

/// The encoded key of a map's entry, by which entries are told apart.
pub(super) fn key_bytes(schema: &Schema, field: &Field, key: &str) -> Option<Vec<u8>> {
    let (key_field, _) = field.kind.message().and_then(|id| schema.map_entry(id))?;
    let mut out = Vec::new();
    scalar::put_text(schema, key_field.kind, key, TextStyle::default(), &mut out).ok()?;
    Some(out)
}

fn put_entry(
    schema: &Schema,
    field: &Field,
    key: &str,
    value: &str,
    style: TextStyle,
    out: &mut Vec<u8>,
) -> Result<(), Expected> {
    let entry = field.kind.message().and_then(|id| schema.map_entry(id));
    let Some((key_field, value_field)) = entry else { return Err("no value".into()) };
    if !from_text(schema, value_field.kind) {
        return Err("no map of messages, which a query cannot say".into());
    }
    field.tag.append(out);
    let content = begin_len(out);
    put_tag(out, 1, key_field.kind.wire_type());
    scalar::put_text(schema, key_field.kind, key, style, out)?;
    put_tag(out, 2, value_field.kind.wire_type());
    put_value(schema, value_field.kind, value, style, out)?;
    end_len(out, content);
    Ok(())
}

fn put_value(
    schema: &Schema,
    kind: Kind,
    value: &str,
    style: TextStyle,
    out: &mut Vec<u8>,
) -> Result<(), Expected> {
    match kind {
        Kind::Message(id) => {
            let content = begin_len(out);
            put_well_known(schema, id, value, style, out)?;
            end_len(out, content);
            Ok(())
        }
        _ => scalar::put_text(schema, kind, value, style, out),
    }
}

fn put_well_known(
    schema: &Schema,
    id: MessageId,
    value: &str,
    style: TextStyle,
    out: &mut Vec<u8>,
) -> Result<(), Expected> {
    match schema.message(id).well_known {
        WellKnown::Timestamp => {
            let (seconds, nanos) = forms::parse_timestamp(value).ok_or(forms::TIMESTAMP)?;
            put_moment(out, seconds, nanos);
        }
        WellKnown::Duration => {
            let (seconds, nanos) = forms::parse_duration(value).ok_or(forms::DURATION)?;
            put_moment(out, seconds, nanos);
        }
        WellKnown::FieldMask => put_paths(out, value).ok_or(forms::FIELD_MASK)?,
        WellKnown::Wrapper => {
            let Some((_, field)) = schema.message(id).by_number(1) else { return Ok(()) };
            put_field(schema, field, None, value, style, out)?;
        }
        WellKnown::Struct | WellKnown::ListValue | WellKnown::Value => {
            put_json(schema, id, value, style.depth, out)?;
        }
        WellKnown::Any | WellKnown::None | WellKnown::HttpBody => {
            return Err("the fields of a single message one by one, as name.field=value".into());
        }
    }
    Ok(())
}

/// The paths of a `FieldMask`: in the JSON form (`displayName`), as the proto file has them (`display_name`), or `*`.
fn put_paths(out: &mut Vec<u8>, text: &str) -> Option<()> {
    for path in text.split(',').filter(|_| !text.is_empty()) {
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let as_given = path == "*" || (path.contains('_') && path.chars().all(name));
        let path = if as_given { path.to_owned() } else { forms::mask_to_snake(path)? };
        put_len_field(out, 1, path.as_bytes());
    }
    Some(())
}

/// Dynamic values stand in the query as JSON.
fn put_json(
    schema: &Schema,
    id: MessageId,
    value: &str,
    depth: u32,
    out: &mut Vec<u8>,
) -> Result<(), Expected> {
    let options = DecodeOptions::strict(depth);
    let mut encoder = Encoder::new(schema, Scanner::of_text(value), std::mem::take(out), options);
    let read = encoder.message(id, &Trail::ROOT, None).and_then(|()| encoder.scan.end());
    *out = encoder.out;
    read.map_err(|e| format!("JSON ({e})").into())
}

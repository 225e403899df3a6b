//! JSON Schemas of scalars and well-known types, in JSON and as text.

use serde_json::{Value, json};

use super::info::OpenApiForms;
use super::ranges;
use super::schemas::Schemas;
use super::sides::Side;
use super::words;
use crate::schema::{EnumId, Kind, MessageId, WellKnown};

/// Either alphabet of base64, padded or not.
const BASE64: &str = "^(?:(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?|\
                      (?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2}(?:==)?|[A-Za-z0-9_-]{3}=?)?)$";
/// Seconds up to ten thousand years.
const DURATION: &str = "^-?(?:[0-9]{1,11}|[0-2][0-9]{11}|30[0-9]{10}|31[0-4][0-9]{9}|315[0-4][0-9]{8}|3155[0-6][0-9]{7}|\
                        31557[0-5][0-9]{6}|315576000000)(?:\\.[0-9]{1,9})?s$";
/// The largest `float` as it is printed: its shortest digits, which are a little more than it is.
const LARGEST_FLOAT: f64 = 3.402_823_5e38;
const MASK_PATH: &str = "[a-z][A-Za-z0-9]*(?:\\.[a-z][A-Za-z0-9]*)*";

impl Schemas<'_> {
    /// One value's schema.
    pub(super) fn value(&mut self, kind: Kind, side: Side) -> Value {
        match kind {
            Kind::Message(id) | Kind::Group(id) => self.message(id, side),
            Kind::Enum(id) => self.enumeration(id, side),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => self.bytes(),
            Kind::Double | Kind::Float => self.floating(kind, side),
            _ => self.integer(kind, side),
        }
    }

    /// A value as text in a path or a query.
    pub(super) fn text(&mut self, kind: Kind, lenient_bool: bool, side: Side) -> Value {
        let accepted = self.forms == OpenApiForms::Accepted;
        match kind {
            Kind::Message(id) | Kind::Group(id) => match self.schema.message(id).well_known {
                WellKnown::Wrapper => {
                    let inner = self.schema.message(id).by_number(1).map_or(Kind::String, |(_, f)| f.kind);
                    self.text(inner, false, side)
                }
                _ => self.message(id, Side::Output),
            },
            Kind::String if accepted => json!({ "type": "string", "pattern": "^[^\\u0000]*$" }),
            Kind::Bool if accepted && lenient_bool => {
                json!({ "type": "string", "enum": ["true", "false", "True", "False", "1", "0"] })
            }
            Kind::Double | Kind::Float => number(kind, accepted),
            Kind::Enum(id) if accepted => self.enumeration(id, side),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 if accepted => {
                let (low, high, format) = limits(kind);
                json!({ "type": "integer", "format": format, "minimum": low, "maximum": high })
            }
            _ => self.value(kind, Side::Output),
        }
    }

    /// The form of a well-known type; nothing for messages that are objects of their fields.
    pub(super) fn well_known(&mut self, id: MessageId, side: Side) -> Option<Value> {
        let message = self.schema.message(id);
        let accepted = self.forms == OpenApiForms::Accepted;
        Some(match message.well_known {
            WellKnown::None | WellKnown::HttpBody => return None,
            WellKnown::Timestamp => json!({ "type": "string", "format": "date-time" }),
            WellKnown::Duration => {
                let pattern = if accepted { DURATION } else { "^-?[0-9]{1,12}(?:\\.[0-9]{1,9})?s$" };
                json!({ "type": "string", "pattern": pattern, "examples": ["3.5s"] })
            }
            WellKnown::FieldMask => {
                let path = if accepted { "[A-Za-z0-9.]+" } else { MASK_PATH };
                json!({
                    "type": "string",
                    "pattern": format!("^(?:{path}(?:,{path})*)?$"),
                    "description": "Field paths in lowerCamelCase joined by commas."
                })
            }
            WellKnown::Struct => json!({ "type": "object", "additionalProperties": true }),
            WellKnown::Value => json!({ "description": "Any JSON value." }),
            WellKnown::ListValue => json!({ "type": "array", "items": {} }),
            WellKnown::Any => json!({
                "type": "object",
                "properties": { "@type": { "type": "string", "description": "The URL of the type, which says what else there is." } },
                "additionalProperties": true
            }),
            WellKnown::Wrapper => {
                let kind = message.by_number(1).map_or(Kind::String, |(_, field)| field.kind);
                self.value(kind, side)
            }
        })
    }

    fn bytes(&self) -> Value {
        let mut schema = json!({ "type": "string", "format": "byte", "contentEncoding": "base64" });
        if self.forms == OpenApiForms::Accepted {
            schema["pattern"] = BASE64.into();
        }
        schema
    }

    fn floating(&self, kind: Kind, side: Side) -> Value {
        let accepted = self.forms == OpenApiForms::Accepted;
        let mut schema = number(kind, accepted);
        if accepted {
            schema["type"] = json!(["number", "string"]);
            schema["pattern"] = if side == Side::Output {
                "^(?:NaN|-?Infinity)$".into()
            } else {
                "^(?:NaN|-?Infinity|-?(?:0|[1-9][0-9]{0,30})(?:\\.[0-9]{1,30})?)$".into()
            };
        }
        schema
    }

    fn integer(&self, kind: Kind, side: Side) -> Value {
        let (low, high, format) = limits(kind);
        let quoted = matches!(format, "int64" | "uint64");
        let signed = low.as_i64().is_some_and(|low| low < 0);
        let exact = || ranges::integers(low.to_string().trim_start_matches(['-', '0']), &high.to_string());
        match (self.forms, side) {
            (OpenApiForms::Accepted, side) if side != Side::Output => json!({
                "type": ["integer", "string"], "format": format,
                "minimum": low, "maximum": high, "pattern": exact()
            }),
            (OpenApiForms::Accepted, _) if quoted => {
                json!({ "type": "string", "format": format, "pattern": exact() })
            }
            _ if quoted => {
                let pattern = if signed { "^-?(?:0|[1-9][0-9]{0,18})$" } else { "^(?:0|[1-9][0-9]{0,19})$" };
                json!({ "type": "string", "format": format, "pattern": pattern })
            }
            (OpenApiForms::Canonical, _) if signed => json!({ "type": "integer", "format": format }),
            _ => json!({ "type": "integer", "format": format, "minimum": low, "maximum": high }),
        }
    }

    /// What the keys of a map look like; nothing where any text is one.
    pub(super) fn key_pattern(&self, key: Kind) -> Option<String> {
        if matches!(key, Kind::String | Kind::Bool) {
            return None;
        }
        let (low, high, _) = limits(key);
        let low = low.to_string();
        if self.forms == OpenApiForms::Accepted {
            return Some(ranges::integers(low.trim_start_matches(['-', '0']), &high.to_string()));
        }
        let sign = if low.starts_with('-') { "-?" } else { "" };
        Some(format!("^{sign}(?:0|[1-9][0-9]*)$"))
    }

    fn enumeration(&mut self, id: EnumId, side: Side) -> Value {
        let entry = self.schema.enumeration(id);
        if entry.is_null {
            return match (self.forms, side) {
                (OpenApiForms::Accepted, side) if side != Side::Output => {
                    json!({ "enum": [null, "NULL_VALUE", 0] })
                }
                _ => json!({ "type": "null" }),
            };
        }
        self.enum_reference(id, side)
    }

    /// The body of an enum's schema.
    pub(super) fn enum_values(&self, id: EnumId, side: Side) -> Value {
        let entry = self.schema.enumeration(id);
        let mut words: Vec<&str> = Vec::with_capacity(entry.values.len());
        for value in &entry.values {
            if !words.contains(&&*value.word) {
                words.push(&value.word);
            }
        }
        if self.forms == OpenApiForms::Canonical {
            return json!({ "type": "string", "enum": words });
        }
        let number = if entry.open {
            json!({ "type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX })
        } else {
            json!({ "enum": entry.values.iter().map(|value| value.number).collect::<Vec<_>>() })
        };
        match side {
            Side::Output if entry.open => json!({ "anyOf": [{ "type": "string", "enum": words }, number] }),
            Side::Output => json!({ "type": "string", "enum": words }),
            Side::Lenient => json!({ "anyOf": [{ "type": "string" }, number] }),
            Side::Strict | Side::Reporting | Side::AnyCase | Side::ReportingAnyCase => {
                for value in &entry.values {
                    if !words.contains(&&*value.name) {
                        words.push(&value.name);
                    }
                }
                let word = if matches!(side, Side::AnyCase | Side::ReportingAnyCase) {
                    json!({ "type": "string", "pattern": words::in_any_case(&words) })
                } else {
                    json!({ "type": "string", "enum": words })
                };
                json!({ "anyOf": [word, number] })
            }
        }
    }
}

fn number(kind: Kind, accepted: bool) -> Value {
    match (kind, accepted) {
        (Kind::Float, false) => json!({ "type": "number", "format": "float" }),
        (Kind::Float, true) => {
            json!({ "type": "number", "format": "float", "minimum": -LARGEST_FLOAT, "maximum": LARGEST_FLOAT })
        }
        _ => json!({ "type": "number", "format": "double" }),
    }
}

/// Lowest and highest value of an integer kind, and the name of its format.
fn limits(kind: Kind) -> (Value, Value, &'static str) {
    match kind {
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => (i64::MIN.into(), i64::MAX.into(), "int64"),
        Kind::Uint64 | Kind::Fixed64 => (0.into(), u64::MAX.into(), "uint64"),
        Kind::Uint32 | Kind::Fixed32 => (0.into(), u32::MAX.into(), "uint32"),
        _ => (i32::MIN.into(), i32::MAX.into(), "int32"),
    }
}

/// The same schema with null as one more value.
pub(super) fn nullable(mut schema: Value) -> Value {
    if schema.get("enum").is_none()
        && let Some(of) = schema.get_mut("type")
    {
        match of {
            Value::Array(types) => types.push("null".into()),
            single if single != "null" => *single = json!([single.take(), "null"]),
            _ => {}
        }
        return schema;
    }
    let anything = schema.as_object().is_some_and(|s| s.keys().all(|key| key == "description"));
    if anything { schema } else { json!({ "anyOf": [schema, { "type": "null" }] }) }
}

//! Scalars from text: what a quoted JSON value, a map key, a path variable and a query parameter have in common.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::block::append;
use crate::json::number;
use crate::schema::{Kind, Schema};
use crate::wire::{put_varint, zigzag};

/// What the value should have been.
pub(crate) type Expected = Cow<'static, str>;

/// How text is read where several spellings are in use.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TextStyle {
    /// `True`, `False`, `1`, `0` are booleans.
    pub(crate) lenient_bool: bool,
    /// Enum numbers and unquoted forms are welcome: the text does not come from a JSON string.
    pub(crate) outside_json: bool,
    /// Enum words in upper and lower case.
    pub(crate) any_case_enums: bool,
    /// How many objects and arrays of JSON may stand in each other, where the text is JSON.
    pub(crate) depth: u32,
}

/// Encodes `text` as a value of `kind`, without its tag.
pub(crate) fn put_text(
    schema: &Schema,
    kind: Kind,
    text: &str,
    style: TextStyle,
    out: &mut Vec<u8>,
) -> Result<(), Expected> {
    let refuse = || expected(schema, kind);
    match kind {
        Kind::String => put_bytes(out, text.as_bytes()),
        Kind::Bytes => put_base64(text.as_bytes(), out).ok_or_else(refuse)?,
        Kind::Bool => put_varint(out, u64::from(boolean(text, style.lenient_bool).ok_or_else(refuse)?)),
        Kind::Double => put_double(text, out).ok_or_else(refuse)?,
        Kind::Float => put_float(text, out).ok_or_else(refuse)?,
        Kind::Enum(id) => {
            let entry = schema.enumeration(id);
            let number = match entry.by_word(text, style.any_case_enums) {
                Some(value) => value.number,
                None if style.outside_json => {
                    let number = text.parse().map_err(|_| refuse())?;
                    if !entry.open && entry.by_number(number).is_none() {
                        return Err(refuse());
                    }
                    number
                }
                None => return Err(refuse()),
            };
            put_int32(out, number);
        }
        Kind::Message(_) | Kind::Group(_) => return Err(refuse()),
        _ => {
            let value = Some(text).filter(|t| number::is_number(t)).and_then(number::integer);
            put_integer(kind, value.ok_or_else(refuse)?, out).ok_or_else(refuse)?;
        }
    }
    Ok(())
}

/// Encodes an integer of an integer kind; nothing when it is out of range.
pub(crate) fn put_integer(kind: Kind, value: i128, out: &mut Vec<u8>) -> Option<()> {
    if let Ok(value) = i64::try_from(value) {
        return put_int64(kind, value, out);
    }
    let value = u64::try_from(value).ok()?;
    match kind {
        Kind::Fixed64 => out.extend_from_slice(&value.to_le_bytes()),
        Kind::Uint64 => put_varint(out, value),
        _ => return None,
    }
    Some(())
}

/// As [`put_integer`], for an integer of 64 bits.
#[inline]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked against the kind's range"
)]
pub(crate) fn put_int64(kind: Kind, value: i64, out: &mut Vec<u8>) -> Option<()> {
    let in_range = match kind {
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => true,
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => i32::try_from(value).is_ok(),
        Kind::Uint32 | Kind::Fixed32 => u32::try_from(value).is_ok(),
        Kind::Uint64 | Kind::Fixed64 => value >= 0,
        _ => false,
    };
    if !in_range {
        return None;
    }
    match kind {
        Kind::Sint32 | Kind::Sint64 => put_varint(out, zigzag(value)),
        Kind::Fixed32 | Kind::Sfixed32 => out.extend_from_slice(&(value as u32).to_le_bytes()),
        Kind::Fixed64 | Kind::Sfixed64 => out.extend_from_slice(&value.to_le_bytes()),
        _ => put_varint(out, value as u64),
    }
    Some(())
}

#[inline]
#[allow(clippy::cast_sign_loss, reason = "negative enum numbers are ten bytes on the wire")]
pub(crate) fn put_int32(out: &mut Vec<u8>, value: i32) {
    put_varint(out, i64::from(value) as u64);
}

#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    append(out, bytes);
}

/// Lowest and highest value of an integer kind.
fn range(kind: Kind) -> Option<(i128, i128)> {
    Some(match kind {
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => (i32::MIN.into(), i32::MAX.into()),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => (i64::MIN.into(), i64::MAX.into()),
        Kind::Uint32 | Kind::Fixed32 => (0, u32::MAX.into()),
        Kind::Uint64 | Kind::Fixed64 => (0, u64::MAX.into()),
        _ => return None,
    })
}

/// A noun phrase for what a value of `kind` looks like.
pub(crate) fn expected(schema: &Schema, kind: Kind) -> Expected {
    match kind {
        Kind::Double | Kind::Float => "a number, \"NaN\", \"Infinity\" or \"-Infinity\"".into(),
        Kind::Bool => "true or false".into(),
        Kind::String => "a string".into(),
        Kind::Bytes => "a string of base64".into(),
        Kind::Enum(id) => schema.enumeration(id).words().into(),
        Kind::Message(_) | Kind::Group(_) => "an object".into(),
        _ => {
            let (low, high) = range(kind).unwrap_or_default();
            format!("an integer from {low} to {high}").into()
        }
    }
}

fn boolean(text: &str, lenient: bool) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        "True" | "1" if lenient => Some(true),
        "False" | "0" if lenient => Some(false),
        _ => None,
    }
}

fn put_double(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let value = match text {
        "NaN" => f64::NAN,
        "Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        _ if number::is_number(text) => number::double(text)?,
        _ => return None,
    };
    out.extend_from_slice(&value.to_le_bytes());
    Some(())
}

fn put_float(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let value = match text {
        "NaN" => f32::NAN,
        "Infinity" => f32::INFINITY,
        "-Infinity" => f32::NEG_INFINITY,
        _ if number::is_number(text) => number::float(text)?,
        _ => return None,
    };
    out.extend_from_slice(&value.to_le_bytes());
    Some(())
}

const LENIENT_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT_PADDING);

/// Appends the length and the bytes of standard or URL-safe base64, with all of its padding or none; nothing when it is none, or a mix of
/// both alphabets.
pub(crate) fn put_base64(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let padding = text.iter().rev().take(2).take_while(|b| **b == b'=').count();
    if padding > 0 && !text.len().is_multiple_of(4) {
        return None;
    }
    let most = (text.len() - padding) * 3 / 4;
    put_varint(out, most as u64);
    let start = out.len();
    // the strict form with its padding is the usual one
    if text.len().is_multiple_of(4) && base64_simd::STANDARD.decode_append(text, out).is_ok() {
        return (out.len() - start == most).then_some(());
    }
    out.truncate(start);
    let engine = if memchr::memchr2(b'-', b'_', text).is_some() { &URL_SAFE } else { &STANDARD };
    // the engine wants room for whole groups
    out.resize(start + most + 3, 0);
    let written = engine.decode_slice(text, out.get_mut(start..)?).ok()?;
    out.truncate(start + written);
    (written == most).then_some(())
}

//! `message_set_wire_format` (proto2): each extension is a group of a type number and a message, where other messages have
//! a field. Both codecs work on fields; these two functions stand between them and the wire.

use super::{Reader, WireFault, WireType, put_len_field, put_tag, put_varint};

/// The group around each message.
const ITEM: u32 = 1;
/// The extension's field number, inside the group.
const TYPE_ID: u32 = 2;
/// The extension's message, inside the group.
const MESSAGE: u32 = 3;

/// The items of a message set as fields; what is no item stays as it is. A part that comes again adds to its item's
/// message, as parts of one field do.
pub(crate) fn to_fields(wire: &[u8], depth: u32) -> Result<Vec<u8>, WireFault> {
    let mut out = Vec::with_capacity(wire.len());
    let mut reader = Reader::new(wire);
    while !reader.is_empty() {
        let start = wire.len() - reader.left();
        let (number, kind) = reader.tag()?;
        if (number, kind) == (ITEM, WireType::StartGroup) {
            item(reader.group(number, depth)?.bytes(), depth, &mut out)?;
        } else {
            reader.skip(number, kind, depth)?;
            out.extend_from_slice(wire.get(start..wire.len() - reader.left()).unwrap_or_default());
        }
    }
    Ok(out)
}

/// One item; nothing when it has no type. The type may come after the message.
fn item(wire: &[u8], depth: u32, out: &mut Vec<u8>) -> Result<(), WireFault> {
    let mut type_id = None;
    let mut message: Vec<u8> = Vec::new();
    let mut reader = Reader::new(wire);
    while !reader.is_empty() {
        match reader.tag()? {
            (TYPE_ID, WireType::Varint) => type_id = Some(reader.varint()?),
            (MESSAGE, WireType::Len) => message.extend_from_slice(reader.len_slice()?),
            (number, kind) => reader.skip(number, kind, depth)?,
        }
    }
    let number = type_id.and_then(|id| u32::try_from(id).ok()).filter(|n| (1..=0x1fff_ffff).contains(n));
    if let Some(number) = number {
        put_len_field(out, number, &message);
    }
    Ok(())
}

/// Fields as the items of a message set.
pub(crate) fn from_fields(fields: &[u8]) -> Result<Vec<u8>, WireFault> {
    let mut out = Vec::with_capacity(fields.len() + 16);
    let mut reader = Reader::new(fields);
    while !reader.is_empty() {
        let (number, kind) = reader.tag()?;
        if kind != WireType::Len {
            // a message set has extensions only, and those are messages
            return Err(WireFault::WireType);
        }
        let message = reader.len_slice()?;
        put_tag(&mut out, ITEM, WireType::StartGroup);
        put_tag(&mut out, TYPE_ID, WireType::Varint);
        put_varint(&mut out, number.into());
        put_len_field(&mut out, MESSAGE, message);
        put_tag(&mut out, ITEM, WireType::EndGroup);
    }
    Ok(out)
}

//! What the codecs find the fields of a message by: marks, numbers, names.

use super::{Kind, Message, NameTable, Shape};

/// Gives each field its bit and that of its oneof, if all of them fit into a word.
fn mark(message: &mut Message) {
    let fields = message.fields.len();
    if fields + message.oneofs.len() <= 64 {
        for (index, field) in message.fields.iter_mut().enumerate() {
            field.mark = 1 << index | field.oneof.map_or(0, |oneof| 1 << (fields + usize::from(oneof)));
        }
    }
}

/// Fills the look-ups of a message whose fields are complete.
pub(super) fn index(message: &mut Message) {
    const DENSE: u32 = 256;
    mark(message);
    let numbered = || (0_u16..).zip(&message.fields).map(|(i, f)| (f.number, i));
    let top = numbered().map(|(n, _)| n).filter(|n| *n < DENSE).max().unwrap_or(0);
    let mut dense = vec![0_u16; top as usize + 1];
    let mut sparse = Vec::new();
    for (number, i) in numbered() {
        match dense.get_mut(number as usize) {
            Some(slot) => *slot = i + 1,
            None => sparse.push((number, i)),
        }
    }
    sparse.sort_unstable();
    let json = (0_u16..).zip(&message.fields).map(|(i, f)| (&*f.json_name, i));
    let proto = (0_u16..).zip(&message.fields).map(|(i, f)| (&*f.name, i));
    let names = NameTable::new(json.chain(proto));
    let unknown_paths = message
        .fields
        .iter()
        .position(|f| f.rules.unknown_field_paths && f.shape == Shape::Repeated && f.kind == Kind::String);
    message.has_always_present = message.fields.iter().any(|f| f.rules.always_present);
    message.has_required = message.fields.iter().any(|f| f.required);
    message.unknown_paths = unknown_paths.and_then(|i| u16::try_from(i).ok());
    for (slot, index) in message.quick.iter_mut().zip(&dense) {
        *slot = u8::try_from(*index).unwrap_or(0);
    }
    (message.dense, message.sparse, message.names) = (dense, sparse, names);
}

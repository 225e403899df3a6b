//! The same message in other bytes: what a strange encoder may write and every decoder must take.
//!
//! Not among it, because the oracle refuses it: a known field in another wire type than its own, which the specification
//! lets pass as unknown.

use prost_reflect::prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field,
};
use prost_reflect::{Kind, MessageDescriptor};

use super::messages::Slot;

/// Small and repeatable; proptest gives the seed and prints it.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    pub(crate) fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }
}

/// One field occurrence: the content is what stands between tag and end, without a length.
#[derive(Clone)]
struct Record {
    number: u32,
    wire: WireType,
    content: Vec<u8>,
}

impl Record {
    fn write(&self, out: &mut Vec<u8>) {
        encode_key(self.number, self.wire, out);
        if self.wire == WireType::LengthDelimited {
            encode_varint(self.content.len() as u64, out);
        }
        out.extend_from_slice(&self.content);
        if self.wire == WireType::StartGroup {
            encode_key(self.number, WireType::EndGroup, out);
        }
    }
}

fn records(mut wire: &[u8]) -> Vec<Record> {
    let mut found = Vec::new();
    while !wire.is_empty() {
        let (number, kind) = decode_key(&mut wire).unwrap();
        let start = wire;
        skip_field(kind, number, &mut wire, DecodeContext::default()).unwrap();
        let mut content = &start[..start.len() - wire.len()];
        match kind {
            WireType::LengthDelimited => drop(decode_varint(&mut content).unwrap()),
            WireType::StartGroup => {
                let mut end = Vec::new();
                encode_key(number, WireType::EndGroup, &mut end);
                content = &content[..content.len() - end.len()];
            }
            _ => {}
        }
        found.push(Record { number, wire: kind, content: content.to_vec() });
    }
    found
}

fn join(records: &[Record]) -> Vec<u8> {
    let mut out = Vec::new();
    for record in records {
        record.write(&mut out);
    }
    out
}

/// The bytes of a message in another order and in other pieces.
pub(crate) fn scramble(wire: &[u8], descriptor: &MessageDescriptor, dice: &mut Dice) -> Vec<u8> {
    let mut out = Vec::new();
    for record in records(wire) {
        let Some(slot) = Slot::by_number(descriptor, record.number) else {
            out.push(record);
            continue;
        };
        let sibling = slot.siblings().find_map(|other| plain(&other)).filter(|_| dice.one_in(2));
        match slot.kind() {
            Kind::Message(entry) if slot.is_map() => out.push(scrambled_entry(&record, &entry, dice)),
            Kind::Message(inner) => {
                let content = scramble(&record.content, &inner, dice);
                let whole =
                    slot.is_list() || is_nothing_in_parts(&inner) && sibling.is_some() || dice.one_in(2);
                let parts = if whole { vec![content] } else { split(&content, dice) };
                out.extend(parts.into_iter().map(|content| Record { content, ..record }));
            }
            kind if slot.is_list() => repack(&record, kind.wire_type(), dice, &mut out),
            _ => {
                let padded = pad(&record, dice);
                // the last of several values is the one that counts
                let again = dice.one_in(6);
                out.extend(again.then(|| padded.clone()));
                out.push(padded);
            }
        }
        // what was said before another member of the oneof does not count
        if let Some(sibling) = sibling {
            out.insert(out.len() - dice.below(2), sibling);
        }
    }
    if dice.one_in(3) {
        out.push(unknown(descriptor, dice));
    }
    for place in 1..out.len() {
        // mostly the order of encoders, now and then any other
        if dice.one_in(3) {
            let other = dice.below(place + 1);
            out.swap(place, other);
        }
    }
    join(&out)
}

/// A value of a kind of which every value has a JSON form: numbers of enums may be unknown, messages may need a content.
fn plain(slot: &Slot) -> Option<Record> {
    let (wire, content) = match slot.kind() {
        Kind::Enum(_) | Kind::Message(_) => return None,
        kind => match kind.wire_type() {
            WireType::Varint => (WireType::Varint, vec![1]),
            WireType::SixtyFourBit => (WireType::SixtyFourBit, vec![7; 8]),
            WireType::ThirtyTwoBit => (WireType::ThirtyTwoBit, vec![7; 4]),
            _ => (WireType::LengthDelimited, b"text".to_vec()),
        },
    };
    Some(Record { number: slot.number(), wire, content })
}

/// Whether some of the fields of a message may be no message that has a JSON form.
fn is_nothing_in_parts(message: &MessageDescriptor) -> bool {
    matches!(message.full_name(), "google.protobuf.Value" | "google.protobuf.Any")
}

/// A message in two parts, to be merged by whoever reads them.
fn split(wire: &[u8], dice: &mut Dice) -> Vec<Vec<u8>> {
    let records = records(wire);
    let (one, other) = records.split_at(dice.below(records.len() + 1));
    vec![join(one), join(other)]
}

/// An entry of a map: its value first, in two parts, with something unknown, or its key or value missing.
fn scrambled_entry(record: &Record, entry: &MessageDescriptor, dice: &mut Dice) -> Record {
    let mut parts = Vec::new();
    let value = entry.map_entry_value_field().kind();
    let needed = value.as_message().is_some_and(is_nothing_in_parts);
    for part in records(&record.content) {
        match &value {
            _ if dice.one_in(12) && !(needed && part.number == 2) => {}
            Kind::Message(inner) if part.number == 2 => {
                let pieces = split(&scramble(&part.content, inner, dice), dice);
                parts.extend(pieces.into_iter().map(|content| Record { content, ..part }));
            }
            _ => parts.push(pad(&part, dice)),
        }
    }
    if dice.one_in(3) {
        parts.reverse();
    }
    if dice.one_in(4) {
        parts.push(Record { number: 3, wire: WireType::Varint, content: vec![1] });
    }
    Record { content: join(&parts), ..record.clone() }
}

/// Elements of a packed record apart, in several packed records, or both; single elements as packed records.
fn repack(record: &Record, element: WireType, dice: &mut Dice, out: &mut Vec<Record>) {
    if element == WireType::LengthDelimited {
        return out.push(record.clone());
    }
    let mut rest = &record.content[..];
    let mut elements = Vec::new();
    while !rest.is_empty() {
        let start = rest;
        skip_field(element, record.number, &mut rest, DecodeContext::default()).unwrap();
        let content = start[..start.len() - rest.len()].to_vec();
        elements.push(pad(&Record { number: record.number, wire: element, content }, dice));
    }
    while !elements.is_empty() {
        let count = 1 + dice.below(elements.len());
        let taken: Vec<Record> = elements.drain(..count).collect();
        if dice.one_in(2) {
            out.extend(taken);
        } else {
            let content = taken.into_iter().flat_map(|element| element.content).collect();
            out.push(Record { number: record.number, wire: WireType::LengthDelimited, content });
        }
    }
    if dice.one_in(4) {
        out.push(Record { number: record.number, wire: WireType::LengthDelimited, content: Vec::new() });
    }
}

/// A varint with zeroes behind its highest bits.
fn pad(record: &Record, dice: &mut Dice) -> Record {
    let mut padded = record.clone();
    if record.wire == WireType::Varint && record.content.len() < 9 && dice.one_in(4) {
        *padded.content.last_mut().unwrap() |= 0x80;
        padded.content.extend(std::iter::repeat_n(0x80, dice.below(9 - record.content.len())));
        padded.content.push(0);
    }
    padded
}

/// A field that the message does not have.
fn unknown(descriptor: &MessageDescriptor, dice: &mut Dice) -> Record {
    let number = (90..99).find(|n| Slot::by_number(descriptor, *n).is_none()).unwrap();
    match dice.below(4) {
        0 => Record { number, wire: WireType::Varint, content: vec![0x96, 1] },
        1 => Record { number, wire: WireType::LengthDelimited, content: b"unknown".to_vec() },
        2 => Record { number, wire: WireType::SixtyFourBit, content: vec![7; 8] },
        _ => Record { number, wire: WireType::StartGroup, content: vec![0x08, 1, 0x12, 1, b'x'] },
    }
}

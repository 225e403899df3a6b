//! The schema program: messages, enums and fields compiled for both codecs, immutable once built.

mod build;
mod comments;
mod index;
mod names;
mod pending;
mod variants;

use std::collections::HashMap;

pub(crate) use build::{build, join};
pub(crate) use comments::collect as collect_comments;
pub(crate) use names::NameTable;
pub(crate) use pending::Pending;
pub(crate) use variants::variants;

use crate::block::{Piece, append_block};
use crate::rules::FieldRules;
use crate::wire::{WireType, begin_len, end_len, put_tag};

/// Index of a message in its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MessageId(pub(crate) u32);

/// Index of an enum in its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EnumId(pub(crate) u32);

/// Every message and enum of one pool: of files that do not contradict each other.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    pub(crate) messages: Vec<Message>,
    pub(crate) enums: Vec<Enum>,
    pub(crate) message_ids: HashMap<Box<str>, MessageId>,
    /// Comments by full name (`pkg.Message`, `pkg.Message.field`, `pkg.Service.Method`, `pkg.VALUE`).
    pub(crate) comments: HashMap<String, String>,
    empty: Message,
    no_values: Enum,
}

impl Schema {
    #[inline]
    pub(crate) fn message(&self, id: MessageId) -> &Message {
        self.messages.get(id.0 as usize).unwrap_or(&self.empty)
    }

    #[inline]
    pub(crate) fn enumeration(&self, id: EnumId) -> &Enum {
        self.enums.get(id.0 as usize).unwrap_or(&self.no_values)
    }

    pub(crate) fn message_id(&self, full_name: &str) -> Option<MessageId> {
        self.message_ids.get(full_name.trim_start_matches('.')).copied()
    }

    /// Key and value fields of a map's entry message.
    pub(crate) fn map_entry(&self, id: MessageId) -> Option<(&Field, &Field)> {
        let entry = self.message(id);
        Some((entry.by_number(1)?.1, entry.by_number(2)?.1))
    }

    pub(crate) fn comment(&self, full_name: &str) -> Option<&str> {
        self.comments.get(full_name).map(String::as_str)
    }
}

/// A message as the codecs see it.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) full_name: Box<str>,
    /// Which of the definitions that this name has in the program; nearly always the only one, 0.
    pub(crate) variant: u16,
    pub(crate) fields: Vec<Field>,
    pub(crate) oneofs: Vec<Box<str>>,
    pub(crate) well_known: WellKnown,
    pub(crate) deprecated: bool,
    /// `message_set_wire_format`: its extensions are items of a group on the wire.
    pub(crate) is_message_set: bool,
    /// Some field must be printed when empty.
    pub(crate) has_always_present: bool,
    /// Some field is required (proto2).
    pub(crate) has_required: bool,
    /// The field that receives the paths of unknown fields.
    pub(crate) unknown_paths: Option<u16>,
    /// Index + 1 by field number, for the numbers whose tag is one byte.
    quick: [u8; 16],
    /// Index + 1 by field number, for the small numbers.
    dense: Vec<u16>,
    /// Number and index of the rest, sorted.
    sparse: Vec<(u32, u16)>,
    names: NameTable,
}

impl Message {
    #[inline]
    pub(crate) fn by_number(&self, number: u32) -> Option<(u16, &Field)> {
        let index = match self.dense.get(number as usize) {
            Some(0) => return None,
            Some(slot) => slot - 1,
            None => {
                let at = self.sparse.binary_search_by_key(&number, |e| e.0).ok()?;
                self.sparse.get(at)?.1
            }
        };
        Some((index, self.fields.get(usize::from(index))?))
    }

    /// The field whose tag is this one byte.
    #[inline]
    pub(crate) fn by_tag(&self, tag: u8) -> Option<(u16, &Field)> {
        let slot = self.quick.get(usize::from(tag >> 3)).filter(|_| tag < 0x80)?;
        let index = u16::from(slot.checked_sub(1)?);
        let field = self.fields.get(usize::from(index))?;
        (field.tag.bytes[0] == tag).then_some((index, field))
    }

    /// A field by its JSON name or its proto name.
    pub(crate) fn by_name(&self, name: &str) -> Option<(u16, &Field)> {
        let index = self.names.get(name)?;
        Some((index, self.fields.get(usize::from(index))?))
    }

    #[inline]
    pub(crate) fn field(&self, index: u16) -> Option<&Field> {
        self.fields.get(usize::from(index))
    }
}

/// Messages whose JSON form is their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum WellKnown {
    #[default]
    None,
    Any,
    Timestamp,
    Duration,
    FieldMask,
    Struct,
    Value,
    ListValue,
    Wrapper,
    HttpBody,
}

impl WellKnown {
    pub(crate) fn of(full_name: &str) -> Self {
        let Some(name) = full_name.strip_prefix("google.protobuf.") else {
            return if full_name == "google.api.HttpBody" { Self::HttpBody } else { Self::None };
        };
        match name {
            "Any" => Self::Any,
            "Timestamp" => Self::Timestamp,
            "Duration" => Self::Duration,
            "FieldMask" => Self::FieldMask,
            "Struct" => Self::Struct,
            "Value" => Self::Value,
            "ListValue" => Self::ListValue,
            "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value" | "UInt32Value"
            | "BoolValue" | "StringValue" | "BytesValue" => Self::Wrapper,
            _ => Self::None,
        }
    }

    /// Whether its JSON form is something else than an object of its fields (decides the form inside `Any`).
    pub(crate) fn is_special(self) -> bool {
        !matches!(self, Self::None | Self::HttpBody)
    }
}

/// The type of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Double,
    Float,
    Int64,
    Uint64,
    Int32,
    Fixed64,
    Fixed32,
    Bool,
    String,
    Group(MessageId),
    Message(MessageId),
    Bytes,
    Uint32,
    Enum(EnumId),
    Sfixed32,
    Sfixed64,
    Sint32,
    Sint64,
}

impl Kind {
    #[inline]
    pub(crate) fn wire_type(self) -> WireType {
        match self {
            Self::Double | Self::Fixed64 | Self::Sfixed64 => WireType::Fixed64,
            Self::Float | Self::Fixed32 | Self::Sfixed32 => WireType::Fixed32,
            Self::String | Self::Bytes | Self::Message(_) => WireType::Len,
            Self::Group(_) => WireType::StartGroup,
            _ => WireType::Varint,
        }
    }

    pub(crate) fn message(self) -> Option<MessageId> {
        match self {
            Self::Message(id) | Self::Group(id) => Some(id),
            _ => None,
        }
    }

    /// Whether several values may share one length-delimited record.
    pub(crate) fn packable(self) -> bool {
        !matches!(self.wire_type(), WireType::Len | WireType::StartGroup)
    }
}

/// How many values a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Single,
    Repeated,
    Map,
}

/// One field, ready for both directions.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: Box<str>,
    pub(crate) json_name: Box<str>,
    pub(crate) prints_json_name: bool,
    /// `,"name":` as it is printed.
    pub(crate) member: Piece,
    /// `"name":` as it is printed.
    pub(crate) output_key: Piece,
    /// `"name":` with the name that is not printed, where there are two.
    pub(crate) other_key: Option<Piece>,
    pub(crate) number: u32,
    /// The tag of one value (of the whole record when packed), encoded.
    pub(crate) tag: Tag,
    pub(crate) kind: Kind,
    /// The wire type of one value.
    pub(crate) wire: WireType,
    /// An enum whose other numbers count as unknown fields.
    pub(crate) closed: bool,
    /// The bits of a number that count.
    pub(crate) significant: u64,
    /// Its bit and that of its oneof, where those of the message fit into a word; else zero.
    pub(crate) mark: u64,
    pub(crate) shape: Shape,
    pub(crate) packed: bool,
    /// Set-to-default differs from unset.
    pub(crate) presence: bool,
    pub(crate) required: bool,
    pub(crate) oneof: Option<u16>,
    pub(crate) deprecated: bool,
    pub(crate) rules: FieldRules,
}

/// An encoded tag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag {
    bytes: [u8; 8],
    len: u8,
}

impl Tag {
    pub(crate) fn new(number: u32, wire: WireType) -> Self {
        let mut encoded = Vec::with_capacity(8);
        put_tag(&mut encoded, number, wire);
        let mut bytes = [0; 8];
        for (to, from) in bytes.iter_mut().zip(&encoded) {
            *to = *from;
        }
        Self { bytes, len: u8::try_from(encoded.len()).unwrap_or(8) }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        if self.len == 1 {
            &self.bytes[..1]
        } else {
            self.bytes.get(..usize::from(self.len)).unwrap_or_default()
        }
    }

    /// Its one byte; nothing when there are more.
    #[inline]
    pub(crate) fn single(self) -> Option<u8> {
        (self.len == 1).then_some(self.bytes[0])
    }

    #[inline]
    pub(crate) fn append(self, out: &mut Vec<u8>) {
        if self.len == 1 {
            out.push(self.bytes[0]);
        } else {
            append_block(out, &self.bytes, usize::from(self.len));
        }
    }
}

impl Field {
    /// Its message type, where it holds one message.
    pub(crate) fn single_message(&self) -> Option<MessageId> {
        self.kind.message().filter(|_| self.shape == Shape::Single)
    }

    fn is_group(&self) -> bool {
        matches!(self.kind, Kind::Group(_))
    }

    /// Begins a message in this field, length-delimited or a group; answers where the content begins, for [`Self::end`].
    pub(crate) fn begin(&self, out: &mut Vec<u8>) -> usize {
        self.tag.append(out);
        if self.is_group() { out.len() } else { begin_len(out) }
    }

    /// Ends the message whose content began at `content`.
    pub(crate) fn end(&self, out: &mut Vec<u8>, content: usize) {
        if self.is_group() {
            put_tag(out, self.number, WireType::EndGroup);
        } else {
            end_len(out, content);
        }
    }

    /// Extensions are named in brackets, as in JSON.
    pub(crate) fn is_extension(&self) -> bool {
        self.name.starts_with('[')
    }

    /// The name that is printed.
    pub(crate) fn output_name(&self) -> &str {
        if self.prints_json_name { &self.json_name } else { &self.name }
    }
}

/// An enum as the codecs see it.
#[derive(Debug, Default)]
pub(crate) struct Enum {
    pub(crate) full_name: Box<str>,
    /// Which of the definitions that this name has in the program.
    pub(crate) variant: u16,
    pub(crate) open: bool,
    /// `google.protobuf.NullValue`, whose JSON form is null.
    pub(crate) is_null: bool,
    pub(crate) values: Vec<EnumValue>,
    /// Number and index of the value that is printed for it, sorted by number.
    numbers: Vec<(i32, u16)>,
    names: NameTable,
}

/// One named number.
#[derive(Debug)]
pub(crate) struct EnumValue {
    pub(crate) name: Box<str>,
    pub(crate) number: i32,
    /// The word in JSON.
    pub(crate) word: Box<str>,
    /// The word with its quotes, escaped.
    pub(crate) quoted: Piece,
}

impl Enum {
    /// The number that an enum has where it is not there: the first one. Open enums begin with zero.
    pub(crate) fn default_number(&self) -> i32 {
        self.values.first().map_or(0, |value| value.number)
    }

    #[inline]
    pub(crate) fn by_number(&self, number: i32) -> Option<&EnumValue> {
        let at = match self.numbers.get(usize::try_from(number).unwrap_or(usize::MAX)) {
            Some(entry) if entry.0 == number => entry.1,
            _ => self.numbers.get(self.numbers.binary_search_by_key(&number, |e| e.0).ok()?)?.1,
        };
        self.values.get(usize::from(at))
    }

    /// A value by its word or its proto name.
    pub(crate) fn by_name(&self, name: &str) -> Option<&EnumValue> {
        self.values.get(usize::from(self.names.get(name)?))
    }

    /// As [`Self::by_name`], by request without a look at upper and lower case when there is no exact match.
    pub(crate) fn by_word(&self, word: &str, any_case: bool) -> Option<&EnumValue> {
        let alike = |name: &str| name.eq_ignore_ascii_case(word);
        let folded = || self.values.iter().find(|value| alike(&value.word) || alike(&value.name));
        self.by_name(word).or_else(|| if any_case { folded() } else { None })
    }

    /// The words that input may use, for a message to a person. Where values have words of their own, one without is
    /// the placeholder for none.
    pub(crate) fn words(&self) -> String {
        const SHOWN: usize = 20;
        let named = self.values.iter().any(|value| value.word != value.name);
        let shown = self.values.iter().filter(|value| !named || value.word != value.name);
        let words: Vec<&str> = shown.clone().take(SHOWN).map(|value| &*value.word).collect();
        let more = if shown.count() > SHOWN { ", …" } else { "" };
        format!("one of {}{more}", words.join(", "))
    }
}

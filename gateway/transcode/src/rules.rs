//! What a platform may say beyond Google's mapping: rules that the caller reads from its own options.

mod http;
mod overrides;
mod selector;

use crate::program::{InvalidUtf8, UnknownAny};
use crate::stream::StreamFormat;
pub use http::{HttpRule, SelectedHttpRule};
pub use overrides::{Overrides, Unused};
pub use selector::{Selector, SelectorError};

/// What to do with input fields that the message does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownFields {
    /// Refuse the request, naming the field.
    #[default]
    Reject,
    /// Drop them, and with them enum words that are not known.
    Ignore,
    /// Drop them and put their dotted paths into the field that is marked with [`FieldRules::unknown_field_paths`].
    Report,
}

/// Where the `FieldMask` of an update comes from, when the method is a PATCH whose body is a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UpdateMask {
    /// From the fields that the body names, unless the request gives a mask itself (AIP-134).
    #[default]
    FromBody,
    /// From the request only.
    AsGiven,
}

/// What to do with query parameters that the method does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownParameters {
    /// Refuse the request, naming the parameter.
    #[default]
    Reject,
    /// Step over them.
    Ignore,
}

/// Rules of one method.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MethodRules {
    /// The HTTP status of a success; 200 when absent.
    pub success_status: Option<u16>,
    /// What happens to unknown body fields.
    pub unknown_fields: UnknownFields,
    /// The path is also accepted with a slash at its end.
    pub trailing_slash: bool,
    /// The form of a server stream when `Accept` does not choose.
    pub stream_format: Option<StreamFormat>,
    /// A body that repeats a path-bound field with another value is overruled instead of refused.
    pub path_wins: bool,
    /// Where the mask of an update comes from.
    pub update_mask: UpdateMask,
    /// What happens to unknown query parameters.
    pub unknown_parameters: UnknownParameters,
    /// Names of query parameters that are not for the method (API keys, `$alt`): they are stepped over, unless the
    /// method has a field of that name.
    pub ignored_parameters: Vec<String>,
    /// Words of enums are taken in upper and lower case, in body, path and query.
    pub any_case_enums: bool,
    /// What happens to an `Any` whose type is in none of the files; as the program does it when absent.
    pub unknown_any: Option<UnknownAny>,
    /// What happens to strings from the wire that are not UTF-8; as the program does it when absent.
    pub invalid_utf8: Option<InvalidUtf8>,
    /// Left out of the OpenAPI documents.
    pub hidden: bool,
    /// Anyone may call, without any proof of who that is (told to readers of the OpenAPI document).
    pub public: bool,
}

/// Rules of one field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldRules {
    /// Printed when empty: `[]`, `{}`, `""`, 0, false; a message as `{}`, or null if its JSON form is no object; null for
    /// a scalar that tells unset from empty (`optional`). Members of oneofs are not concerned. A message that is printed for
    /// this has its own such fields, but those of a type that it stands in are `{}`.
    pub always_present: bool,
    /// `True`, `False`, `1` and `0` are taken for booleans in query and path.
    pub lenient_bool: bool,
    /// Another name in the query, taken beside the field's own names.
    pub query_name: Option<String>,
    /// Receives the dotted paths of unknown body fields; cannot be set by a request.
    pub unknown_field_paths: bool,
    /// The order of this map's entries has a meaning (told to readers of the OpenAPI document).
    pub ordered: bool,
    /// A request must carry it (told to readers of the OpenAPI document).
    pub required: bool,
    /// Set by the service only (told to readers of the OpenAPI document).
    pub output_only: bool,
    /// Never in a reply (told to readers of the OpenAPI document).
    pub input_only: bool,
    /// Cannot be changed once it is set (told to readers of the OpenAPI document).
    pub immutable: bool,
}

/// Reads rules from raw options bytes. Every answer is taken once, while a program is compiled.
pub trait Rules {
    /// The rules of the method `full_name` (`pkg.Service.Method`) with these encoded `MethodOptions`.
    fn method(&self, full_name: &str, options: &[u8]) -> MethodRules;
    /// The rules of the field `full_name` (`pkg.Message.field`) with these encoded `FieldOptions`.
    fn field(&self, full_name: &str, options: &[u8]) -> FieldRules;
    /// The word for the enum value `full_name` (`pkg.Enum.VALUE`, with its enum, which protobuf leaves out) in JSON, both
    /// ways, from these encoded `EnumValueOptions`; its proto name when absent. Input accepts the word, the proto name and
    /// the number.
    fn enum_value(&self, full_name: &str, options: &[u8]) -> Option<String>;
}

/// Google's mapping and nothing else.
#[derive(Debug, Clone, Copy, Default)]
pub struct GoogleRules;

impl Rules for GoogleRules {
    fn method(&self, _full_name: &str, _options: &[u8]) -> MethodRules {
        MethodRules::default()
    }

    /// Reads `google.api.field_behavior` (extension 1052), which only documents.
    fn field(&self, _full_name: &str, options: &[u8]) -> FieldRules {
        let behavior = field_behavior(options);
        FieldRules {
            required: behavior.contains(&2),
            output_only: behavior.contains(&3),
            input_only: behavior.contains(&4),
            immutable: behavior.contains(&5),
            ..FieldRules::default()
        }
    }

    fn enum_value(&self, _full_name: &str, _options: &[u8]) -> Option<String> {
        None
    }
}

/// The values of `google.api.field_behavior` in encoded `FieldOptions` (2 is REQUIRED, 3 is
/// `OUTPUT_ONLY`, 4 is `INPUT_ONLY`, 5 is IMMUTABLE).
pub fn field_behavior(options: &[u8]) -> Vec<u64> {
    use crate::wire::{Reader, WireType};
    const FIELD_BEHAVIOR: u32 = 1052;
    let mut values = Vec::new();
    let mut reader = Reader::new(options);
    while let Ok((number, wire)) = reader.tag() {
        let read = match (number, wire) {
            (FIELD_BEHAVIOR, WireType::Varint) => reader.varint().map(|v| values.push(v)),
            (FIELD_BEHAVIOR, WireType::Len) => reader.len_slice().map(|packed| {
                let mut inner = Reader::new(packed);
                while let Ok(value) = inner.varint() {
                    values.push(value);
                }
            }),
            _ => reader.skip(number, wire, 100),
        };
        if read.is_err() {
            break;
        }
    }
    values
}

//! Our options, as the rules that the transcoder asks for.

use options::{Caller, EnumValueOptions, FieldOptions, MethodOptions};
use prost::Message as _;
use transcode::{FieldRules, MethodRules, Rules, StreamFormat, UnknownFields, field_behavior};

/// `google.api.FieldBehavior` numbers that documents show.
const REQUIRED: u64 = 2;
const OUTPUT_ONLY: u64 = 3;
const INPUT_ONLY: u64 = 4;
const IMMUTABLE: u64 = 5;

/// Reads `toolforge.options.v1`. Methods and fields without them get exactly Google's mapping.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PlatformRules;

impl Rules for PlatformRules {
    fn method(&self, _: &str, options: &[u8]) -> MethodRules {
        let Some(method) = MethodOptions::decode(options).ok().and_then(|options| options.method) else {
            return MethodRules { public: true, ..MethodRules::default() };
        };
        let access = method.access.as_ref();
        MethodRules {
            success_status: u16::try_from(method.success_status)
                .ok()
                .filter(|status| (200..300).contains(status)),
            unknown_fields: match method.unknown_fields() {
                options::UnknownFields::Unspecified | options::UnknownFields::Reject => UnknownFields::Reject,
                options::UnknownFields::Ignore => UnknownFields::Ignore,
                options::UnknownFields::Report => UnknownFields::Report,
            },
            trailing_slash: method.trailing_slash,
            stream_format: match method.stream_format() {
                options::StreamFormat::Unspecified => None,
                options::StreamFormat::JsonArray => Some(StreamFormat::JsonArray),
                options::StreamFormat::Ndjson => Some(StreamFormat::NdJson),
                options::StreamFormat::Sse => Some(StreamFormat::Sse),
            },
            // where no rule is stated the service decides for itself
            public: access.is_none_or(|access| access.callers.contains(&i32::from(Caller::Public))),
            ..MethodRules::default()
        }
    }

    fn field(&self, options: &[u8]) -> FieldRules {
        let behavior = field_behavior(options);
        let field = FieldOptions::decode(options).ok().and_then(|options| options.field).unwrap_or_default();
        FieldRules {
            always_present: field.always_present,
            lenient_bool: field.lenient_bool,
            query_name: Some(field.query_name).filter(|name| !name.is_empty()),
            unknown_field_paths: field.unknown_field_paths,
            ordered: field.ordered,
            required: behavior.contains(&REQUIRED),
            output_only: behavior.contains(&OUTPUT_ONLY),
            input_only: behavior.contains(&INPUT_ONLY),
            immutable: behavior.contains(&IMMUTABLE),
        }
    }

    fn enum_value(&self, options: &[u8]) -> Option<String> {
        let value = EnumValueOptions::decode(options).ok()?.value?;
        Some(value.wire).filter(|word| !word.is_empty())
    }
}

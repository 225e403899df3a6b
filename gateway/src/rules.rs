//! Our options, as the rules that the transcoder asks for.

use options::{Caller, EnumValueOptions, FieldOptions, MethodOptions, Table};
use prost::Message as _;
use transcode::{FieldRules, MethodRules, Rules, StreamFormat, UnknownFields, field_behavior};

/// `google.api.FieldBehavior` numbers that documents show.
const REQUIRED: u64 = 2;
const OUTPUT_ONLY: u64 = 3;
const INPUT_ONLY: u64 = 4;
const IMMUTABLE: u64 = 5;

/// Reads `toolforge.options.v1`. Methods and fields without them get exactly Google's mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlatformRules<'t> {
    /// Who may call what.
    access: &'t Table,
}

impl<'t> PlatformRules<'t> {
    pub(crate) fn new(access: &'t Table) -> Self {
        Self { access }
    }

    /// Whether anyone may call a method.
    fn is_public(self, full_name: &str) -> bool {
        let path = full_name.rsplit_once('.').map(|(service, method)| format!("/{service}/{method}"));
        path.and_then(|path| self.access.get(&path)).is_some_and(|rule| rule.admits(Caller::Public))
    }
}

impl Rules for PlatformRules<'_> {
    fn method(&self, full_name: &str, options: &[u8]) -> MethodRules {
        let public = self.is_public(full_name);
        let Some(method) = MethodOptions::decode(options).ok().and_then(|options| options.method) else {
            return MethodRules { public, ..MethodRules::default() };
        };
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
            public,
            ..MethodRules::default()
        }
    }

    fn field(&self, _: &str, options: &[u8]) -> FieldRules {
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

    fn enum_value(&self, _: &str, options: &[u8]) -> Option<String> {
        let value = EnumValueOptions::decode(options).ok()?.value?;
        Some(value.wire).filter(|word| !word.is_empty())
    }
}

//! The rules of a method in the words of the config file, for those who run the gateway.

use options::{Caller, MethodRule};
use serde_json::{Map, Value, json};
use transcode::{
    InvalidUtf8, MethodRules, StreamFormat, UnknownAny, UnknownFields, UnknownParameters, UpdateMask,
};

use crate::bounds::MethodBounds;
use crate::state::AccessState;

/// Kinds of caller, in the words by which a config file knows them.
const CALLERS: [(Caller, &str); 5] = [
    (Caller::Public, "public"),
    (Caller::Tool, "tool"),
    (Caller::DeployToken, "deploy_token"),
    (Caller::Admin, "admin"),
    (Caller::Service, "service"),
];

/// Who may call.
pub(super) fn access(rule: Option<&MethodRule>) -> AccessState {
    let Some(rule) = rule else { return AccessState::default() };
    let callers = CALLERS.iter().filter(|(caller, _)| rule.admits(*caller));
    AccessState {
        callers: callers.map(|(_, word)| *word).collect(),
        tool_field: rule.tool_field.as_ref().map(|field| field.name.clone()),
        services: rule.rules.access.as_ref().map(|access| access.services.clone()).unwrap_or_default(),
    }
}

/// What differs from Google's mapping and from the bounds of all calls.
pub(super) fn rules(rules: &MethodRules, bounds: MethodBounds) -> Map<String, Value> {
    let usual = MethodRules::default();
    let flag = |said: bool| said.then_some(Value::Bool(true));
    let unknown_fields = match rules.unknown_fields {
        UnknownFields::Reject => None,
        UnknownFields::Ignore => Some(json!("ignore")),
        UnknownFields::Report => Some(json!("report")),
    };
    let stream = rules.stream_format.map(|format| match format {
        StreamFormat::JsonArray => json!("json"),
        StreamFormat::NdJson => json!("ndjson"),
        StreamFormat::Sse => json!("sse"),
    });
    let ignored =
        (rules.ignored_parameters != usual.ignored_parameters).then(|| json!(rules.ignored_parameters));
    let unknown_any = rules.unknown_any.map(|any| match any {
        UnknownAny::Refuse => json!("refuse"),
        UnknownAny::Opaque => json!("opaque"),
    });
    let invalid_utf8 = rules.invalid_utf8.map(|text| match text {
        InvalidUtf8::Refuse => json!("refuse"),
        InvalidUtf8::Replace => json!("replace"),
    });
    let all = [
        ("success_status", rules.success_status.map(Value::from)),
        ("unknown_fields", unknown_fields),
        ("unknown_query", (rules.unknown_parameters == UnknownParameters::Ignore).then(|| json!("ignore"))),
        ("ignored_query", ignored),
        ("path_wins", flag(rules.path_wins)),
        ("trailing_slash", flag(rules.trailing_slash)),
        ("stream", stream),
        ("update_mask", (rules.update_mask == UpdateMask::AsGiven).then(|| json!("request"))),
        ("any_case_enums", flag(rules.any_case_enums)),
        ("unknown_any", unknown_any),
        ("invalid_utf8", invalid_utf8),
        ("hidden", flag(rules.hidden)),
        ("deadline", bounds.deadline.map(|time| json!(format!("{}ms", time.as_millis())))),
        ("body", bounds.body.map(Value::from)),
        ("message", bounds.message.map(Value::from)),
    ];
    all.into_iter().filter_map(|(word, value)| Some((word.to_owned(), value?))).collect()
}

//! `mapping:` and `http:` of the config file.

use anyhow::{Context as _, Result, bail};
use gateway::MethodSetting;
use serde::Deserialize;
use transcode::{
    CompileOptions, HttpRule, InvalidUtf8, NameStyle, SelectedHttpRule, Selector, StreamFormat, UnknownAny,
    UnknownFields, UnknownParameters, UpdateMask,
};

/// What holds for all methods.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MappingFile {
    names: Option<Names>,
    print_defaults: bool,
    default_bindings: bool,
    trailing_slash: bool,
    depth: Option<u32>,
    unknown_fields: Option<Unknown>,
    unknown_query: Option<UnknownQuery>,
    ignored_query: Option<Vec<String>>,
    path_wins: Option<bool>,
    any_case_enums: Option<bool>,
    unknown_any: AnyOfUnknownType,
    invalid_utf8: WrongText,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AnyOfUnknownType {
    #[default]
    Refuse,
    Opaque,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WrongText {
    #[default]
    Refuse,
    Replace,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Names {
    Proto,
    Json,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Unknown {
    Reject,
    Ignore,
    Report,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum UnknownQuery {
    Reject,
    Ignore,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stream {
    Json,
    Ndjson,
    Sse,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mask {
    Body,
    Request,
}

impl MappingFile {
    pub(super) fn options(&self) -> CompileOptions {
        let usual = CompileOptions::default();
        let names = match self.names {
            Some(Names::Proto) => NameStyle::Proto,
            Some(Names::Json) | None => NameStyle::Json,
        };
        CompileOptions {
            names,
            depth: self.depth.unwrap_or(usual.depth),
            default_bindings: self.default_bindings,
            trailing_slash: self.trailing_slash,
            print_defaults: self.print_defaults,
            unknown_any: self.unknown_any.into(),
            invalid_utf8: self.invalid_utf8.into(),
            ..usual
        }
    }

    /// What of this is a rule of methods.
    pub(super) fn setting(&self) -> Result<MethodSetting> {
        let mut setting = MethodSetting::new("*".parse()?);
        setting.unknown_fields = self.unknown_fields.map(Into::into);
        setting.unknown_parameters = self.unknown_query.map(Into::into);
        setting.ignored_parameters.clone_from(&self.ignored_query);
        setting.path_wins = self.path_wins;
        setting.any_case_enums = self.any_case_enums;
        Ok(setting)
    }
}

impl From<AnyOfUnknownType> for UnknownAny {
    fn from(any: AnyOfUnknownType) -> Self {
        match any {
            AnyOfUnknownType::Refuse => Self::Refuse,
            AnyOfUnknownType::Opaque => Self::Opaque,
        }
    }
}

impl From<WrongText> for InvalidUtf8 {
    fn from(text: WrongText) -> Self {
        match text {
            WrongText::Refuse => Self::Refuse,
            WrongText::Replace => Self::Replace,
        }
    }
}

impl From<Unknown> for UnknownFields {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Reject => Self::Reject,
            Unknown::Ignore => Self::Ignore,
            Unknown::Report => Self::Report,
        }
    }
}

impl From<UnknownQuery> for UnknownParameters {
    fn from(unknown: UnknownQuery) -> Self {
        match unknown {
            UnknownQuery::Reject => Self::Reject,
            UnknownQuery::Ignore => Self::Ignore,
        }
    }
}

impl From<Stream> for StreamFormat {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::Json => Self::JsonArray,
            Stream::Ndjson => Self::NdJson,
            Stream::Sse => Self::Sse,
        }
    }
}

impl From<Mask> for UpdateMask {
    fn from(mask: Mask) -> Self {
        match mask {
            Mask::Body => Self::FromBody,
            Mask::Request => Self::AsGiven,
        }
    }
}

pub(super) fn selector(text: &str) -> Result<Selector> {
    text.parse().with_context(|| format!("selector {text:?}"))
}

/// `http:` of a service configuration (`google.api.Http`).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpFile {
    rules: Vec<RuleFile>,
    pub(super) fully_decode_reserved_expansion: bool,
}

/// `google.api.HttpRule`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RuleFile {
    selector: Option<String>,
    get: Option<String>,
    put: Option<String>,
    post: Option<String>,
    delete: Option<String>,
    patch: Option<String>,
    custom: Option<CustomFile>,
    body: String,
    response_body: String,
    additional_bindings: Vec<RuleFile>,
}

/// `google.api.CustomHttpPattern`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomFile {
    kind: String,
    path: String,
}

impl HttpFile {
    pub(super) fn rules(&self) -> Result<Vec<SelectedHttpRule>> {
        let selected = |(index, rule): (usize, &RuleFile)| {
            let text = rule.selector.as_deref().unwrap_or_default();
            let of = || format!("rule {index} ({text:?})");
            Ok(SelectedHttpRule {
                selector: selector(text).with_context(of)?,
                rule: rule.rule().with_context(of)?,
            })
        };
        self.rules.iter().enumerate().map(selected).collect()
    }
}

impl RuleFile {
    fn rule(&self) -> Result<HttpRule> {
        let additional = |rule: &Self| {
            if rule.selector.is_some() || !rule.additional_bindings.is_empty() {
                bail!("an additional binding has no selector and no additional bindings");
            }
            rule.rule()
        };
        let (method, path) = self.pattern()?;
        Ok(HttpRule {
            method,
            path,
            body: self.body.clone(),
            response_body: self.response_body.clone(),
            additional_bindings: self.additional_bindings.iter().map(additional).collect::<Result<_>>()?,
        })
    }

    /// The one pattern of a rule.
    fn pattern(&self) -> Result<(String, String)> {
        let plain = [
            ("GET", &self.get),
            ("PUT", &self.put),
            ("POST", &self.post),
            ("DELETE", &self.delete),
            ("PATCH", &self.patch),
        ];
        let plain = plain.into_iter().filter_map(|(method, path)| Some((method.to_owned(), path.clone()?)));
        let custom = self.custom.iter().map(|custom| (custom.kind.clone(), custom.path.clone()));
        let mut patterns: Vec<_> = plain.chain(custom).collect();
        match (patterns.pop(), patterns.is_empty()) {
            (Some(pattern), true) => Ok(pattern),
            _ => bail!("expected one of get, put, post, delete, patch and custom"),
        }
    }
}

//! `methods:`, `fields:` and `enum_values:` of the config file: what the options of descriptors say, for who cannot edit
//! them.

use anyhow::{Context as _, Result, bail};
use gateway::{Access, Caller, EnumValueSetting, FieldSetting, MethodBounds, MethodSetting};
use serde::Deserialize;

use super::mapping::{AnyOfUnknownType, Mask, Stream, Unknown, UnknownQuery, WrongText, selector};
use super::values::{Size, Time};

/// What holds for the methods that a selector names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MethodFile {
    selector: String,
    access: Option<AccessFile>,
    deadline: Option<Time>,
    body: Option<Size>,
    message: Option<Size>,
    success_status: Option<u16>,
    unknown_fields: Option<Unknown>,
    unknown_query: Option<UnknownQuery>,
    ignored_query: Option<Vec<String>>,
    path_wins: Option<bool>,
    trailing_slash: Option<bool>,
    stream: Option<Stream>,
    update_mask: Option<Mask>,
    any_case_enums: Option<bool>,
    unknown_any: Option<AnyOfUnknownType>,
    invalid_utf8: Option<WrongText>,
    hidden: Option<bool>,
}

/// Who may call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessFile {
    callers: Vec<CallerWord>,
    #[serde(default)]
    tool_field: String,
    #[serde(default)]
    services: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CallerWord {
    Public,
    Tool,
    DeployToken,
    Admin,
    Service,
}

impl MethodFile {
    pub(super) fn setting(&self) -> Result<MethodSetting> {
        if self.success_status.is_some_and(|status| !(200..300).contains(&status)) {
            bail!("success_status: expected a status from 200 to 299");
        }
        let bytes = |size: Option<Size>| size.map(|size| usize::try_from(size.0).unwrap_or(usize::MAX));
        Ok(MethodSetting {
            selector: selector(&self.selector)?,
            access: self.access.as_ref().map(AccessFile::access).transpose().context("access")?,
            bounds: MethodBounds {
                deadline: self.deadline.map(|time| time.0),
                body: bytes(self.body),
                message: bytes(self.message),
            },
            success_status: self.success_status,
            unknown_fields: self.unknown_fields.map(Into::into),
            unknown_parameters: self.unknown_query.map(Into::into),
            ignored_parameters: self.ignored_query.clone(),
            path_wins: self.path_wins,
            trailing_slash: self.trailing_slash,
            stream_format: self.stream.map(Into::into),
            update_mask: self.update_mask.map(Into::into),
            any_case_enums: self.any_case_enums,
            unknown_any: self.unknown_any.map(Into::into),
            invalid_utf8: self.invalid_utf8.map(Into::into),
            hidden: self.hidden,
        })
    }
}

impl AccessFile {
    fn access(&self) -> Result<Access> {
        let has = |word| self.callers.contains(&word);
        if has(CallerWord::Service) == self.services.is_empty() {
            bail!("callers has service where services names them, and not otherwise");
        }
        if !self.tool_field.is_empty() && (has(CallerWord::Public) || !self.has_tools()) {
            bail!("tool_field is for callers that are tools or deploy tokens, and not public");
        }
        Ok(Access {
            callers: self.callers.iter().map(|word| Caller::from(*word).into()).collect(),
            tool_field: self.tool_field.clone(),
            services: self.services.clone(),
        })
    }

    fn has_tools(&self) -> bool {
        self.callers.contains(&CallerWord::Tool) || self.callers.contains(&CallerWord::DeployToken)
    }
}

impl From<CallerWord> for Caller {
    fn from(word: CallerWord) -> Self {
        match word {
            CallerWord::Public => Self::Public,
            CallerWord::Tool => Self::Tool,
            CallerWord::DeployToken => Self::DeployToken,
            CallerWord::Admin => Self::Admin,
            CallerWord::Service => Self::Service,
        }
    }
}

/// What holds for the fields that a selector names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldFile {
    selector: String,
    always_present: Option<bool>,
    lenient_bool: Option<bool>,
    query_name: Option<String>,
    unknown_field_paths: Option<bool>,
    ordered: Option<bool>,
    required: Option<bool>,
    output_only: Option<bool>,
    input_only: Option<bool>,
    immutable: Option<bool>,
}

impl FieldFile {
    pub(super) fn setting(&self) -> Result<FieldSetting> {
        Ok(FieldSetting {
            selector: selector(&self.selector)?,
            always_present: self.always_present,
            lenient_bool: self.lenient_bool,
            query_name: self.query_name.clone(),
            unknown_field_paths: self.unknown_field_paths,
            ordered: self.ordered,
            required: self.required,
            output_only: self.output_only,
            input_only: self.input_only,
            immutable: self.immutable,
        })
    }
}

/// The word of the values of enums that a selector names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnumValueFile {
    selector: String,
    word: String,
}

impl EnumValueFile {
    pub(super) fn setting(&self) -> Result<EnumValueSetting> {
        if self.word.is_empty() {
            bail!("word: expected a text that is not empty");
        }
        Ok(EnumValueSetting { selector: selector(&self.selector)?, word: self.word.clone() })
    }
}

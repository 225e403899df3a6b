//! What is said of methods.

use options::Access;
use transcode::{
    InvalidUtf8, MethodRules, Selector, StreamFormat, UnknownAny, UnknownFields, UnknownParameters,
    UpdateMask,
};

use crate::bounds::MethodBounds;

/// What is said of the methods that a selector names. What is absent stays as it was.
#[derive(Clone, Debug)]
pub struct MethodSetting {
    /// Which methods.
    pub selector: Selector,
    /// Who may call, instead of what the descriptors say. The gateway alone applies it: services do not know of it.
    pub access: Option<Access>,
    /// What a call may use, instead of what all may.
    pub bounds: MethodBounds,
    /// The HTTP status of a success.
    pub success_status: Option<u16>,
    /// What happens to unknown fields of a body.
    pub unknown_fields: Option<UnknownFields>,
    /// What happens to unknown query parameters.
    pub unknown_parameters: Option<UnknownParameters>,
    /// Query parameters that are not for the method.
    pub ignored_parameters: Option<Vec<String>>,
    /// A body that says another value than the path is overruled.
    pub path_wins: Option<bool>,
    /// The path is also accepted with a slash at its end.
    pub trailing_slash: Option<bool>,
    /// The form of a server stream when `Accept` does not choose.
    pub stream_format: Option<StreamFormat>,
    /// Where the mask of an update comes from.
    pub update_mask: Option<UpdateMask>,
    /// Words of enums are taken in upper and lower case.
    pub any_case_enums: Option<bool>,
    /// What happens to an `Any` of a type that is not known.
    pub unknown_any: Option<UnknownAny>,
    /// What happens to strings of backends that are not UTF-8.
    pub invalid_utf8: Option<InvalidUtf8>,
    /// Left out of the OpenAPI documents.
    pub hidden: Option<bool>,
}

impl MethodSetting {
    /// Nothing said of these methods yet.
    pub fn new(selector: Selector) -> Self {
        Self {
            selector,
            access: None,
            bounds: MethodBounds::default(),
            success_status: None,
            unknown_fields: None,
            unknown_parameters: None,
            ignored_parameters: None,
            path_wins: None,
            trailing_slash: None,
            stream_format: None,
            update_mask: None,
            any_case_enums: None,
            unknown_any: None,
            invalid_utf8: None,
            hidden: None,
        }
    }

    pub(super) fn apply(&self, rules: &mut MethodRules) {
        fn set<T: Clone>(slot: &mut T, said: Option<&T>) {
            if let Some(said) = said {
                slot.clone_from(said);
            }
        }
        rules.success_status = self.success_status.or(rules.success_status);
        rules.unknown_any = self.unknown_any.or(rules.unknown_any);
        rules.invalid_utf8 = self.invalid_utf8.or(rules.invalid_utf8);
        rules.stream_format = self.stream_format.or(rules.stream_format);
        set(&mut rules.unknown_fields, self.unknown_fields.as_ref());
        set(&mut rules.unknown_parameters, self.unknown_parameters.as_ref());
        set(&mut rules.ignored_parameters, self.ignored_parameters.as_ref());
        set(&mut rules.path_wins, self.path_wins.as_ref());
        set(&mut rules.trailing_slash, self.trailing_slash.as_ref());
        set(&mut rules.update_mask, self.update_mask.as_ref());
        set(&mut rules.any_case_enums, self.any_case_enums.as_ref());
        set(&mut rules.hidden, self.hidden.as_ref());
    }
}

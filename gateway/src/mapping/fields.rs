//! What is said of fields, and of values of enums.

use transcode::{FieldRules, Selector};

/// What is said of the fields (`pkg.Message.field`) that a selector names. What is absent stays as it was.
#[derive(Clone, Debug)]
pub struct FieldSetting {
    /// Which fields.
    pub selector: Selector,
    /// Printed when empty.
    pub always_present: Option<bool>,
    /// `True`, `False`, `1` and `0` are taken for booleans in query and path.
    pub lenient_bool: Option<bool>,
    /// Another name in the query.
    pub query_name: Option<String>,
    /// Receives the dotted paths of unknown fields of the body.
    pub unknown_field_paths: Option<bool>,
    /// The order of this map's entries has a meaning.
    pub ordered: Option<bool>,
    /// A request must carry it, for readers of the OpenAPI documents; so are those below.
    pub required: Option<bool>,
    /// Set by the service only.
    pub output_only: Option<bool>,
    /// Never in a reply.
    pub input_only: Option<bool>,
    /// Cannot be changed once it is set.
    pub immutable: Option<bool>,
}

impl FieldSetting {
    pub(super) fn apply(&self, rules: &mut FieldRules) {
        let set = |slot: &mut bool, said: Option<bool>| *slot = said.unwrap_or(*slot);
        set(&mut rules.always_present, self.always_present);
        set(&mut rules.lenient_bool, self.lenient_bool);
        set(&mut rules.unknown_field_paths, self.unknown_field_paths);
        set(&mut rules.ordered, self.ordered);
        set(&mut rules.required, self.required);
        set(&mut rules.output_only, self.output_only);
        set(&mut rules.input_only, self.input_only);
        set(&mut rules.immutable, self.immutable);
        if let Some(name) = &self.query_name {
            // an empty one takes the name away
            rules.query_name = Some(name.clone()).filter(|name| !name.is_empty());
        }
    }
}

/// The word in JSON for the values of enums (`pkg.Enum.VALUE`) that a selector names.
#[derive(Clone, Debug)]
pub struct EnumValueSetting {
    /// Which values.
    pub selector: Selector,
    /// The word; the name in the proto and the number are read too.
    pub word: String,
}

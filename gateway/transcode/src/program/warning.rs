//! What a program was compiled without.

/// Something in the descriptors that cannot be served; the rest is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// Two different files have one name; the first was taken.
    #[error("the file {name} is given twice with different content, the first is taken")]
    DuplicateFile {
        /// The file's name.
        name: String,
    },
    /// Two types have one name; the first was taken.
    #[error("the type {name} is defined twice, the first is taken")]
    DuplicateType {
        /// Its full name.
        name: String,
    },
    /// Two methods have one name; the first was taken.
    #[error("the method {name} is defined twice, the first is taken")]
    DuplicateMethod {
        /// Its full name.
        name: String,
    },
    /// A field whose type or number is not usable; it is as if the message did not have it.
    #[error("the field {field} of {message} cannot be used (type {type_name:?})")]
    UnusableField {
        /// The message's full name.
        message: String,
        /// The field's name.
        field: String,
        /// The type that it names.
        type_name: String,
    },
    /// Two numbers of an enum have one word; input takes the first.
    #[error("two values of {enumeration} have the word {word:?}, input takes the first")]
    SharedEnumWord {
        /// The enum's full name.
        enumeration: String,
        /// The word.
        word: String,
    },
    /// A method whose request or response type is not known.
    #[error("the method {method} is left out, for its type {type_name} is not known")]
    UnknownType {
        /// The method's full name.
        method: String,
        /// The type's full name.
        type_name: String,
    },
    /// An HTTP rule that is malformed or does not fit its method.
    #[error("the rule {rule:?} of {method} is left out: {reason}")]
    UnusableRule {
        /// The method's full name.
        method: String,
        /// HTTP method and template.
        rule: String,
        /// Why.
        reason: String,
    },
    /// A rule from outside that selects no method.
    #[error("the rule {rule:?} for {selector} is left out: it selects no method that has a usable type")]
    UnusedRule {
        /// The selector.
        selector: String,
        /// HTTP method and template.
        rule: String,
    },
    /// An HTTP rule that an earlier one already matches exactly.
    #[error(
        "the rule {rule:?} of {method} is left out: {taken_rule:?} of {taken_by} has the same path and method"
    )]
    Collision {
        /// The later method's full name.
        method: String,
        /// Its HTTP method and template.
        rule: String,
        /// The earlier method's full name.
        taken_by: String,
        /// Its HTTP method and template.
        taken_rule: String,
    },
}

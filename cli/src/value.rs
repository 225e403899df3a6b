//! A tree of data between messages, JSON and YAML; maps keep their order.

mod json;
mod proto;
mod read;
mod yaml;

pub(crate) use json::{json, json_line};
pub(crate) use proto::tree;
pub(crate) use yaml::yaml;

/// A tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing.
    Null,
    /// A truth.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Pairs in their order.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// What Python's `str` makes of it, for the values that files of jobs have.
    pub(crate) fn python(&self) -> String {
        match self {
            Self::Null => "None".into(),
            Self::Bool(true) => "True".into(),
            Self::Bool(false) => "False".into(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => format!("{number:?}"),
            Self::Text(text) => text.clone(),
            Self::List(_) | Self::Map(_) => json(self).replace('\n', " "),
        }
    }

    /// The pairs in the order of their keys.
    pub(crate) fn sorted(pairs: Vec<(&str, Self)>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self::Map(pairs)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

//! What a program does with data that its JSON form has no place for.

/// An `Any` whose type the program does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownAny {
    /// It is refused, both ways: [`crate::WireFault::UnknownAny`] and [`crate::RequestErrorKind::Value`].
    #[default]
    Refuse,
    /// It passes as it is, both ways: `{"@type": url, "value": "<base64 of the packed bytes>"}`, with no other member.
    /// This form is not of protobuf's JSON mapping, which has none.
    Opaque,
}

/// A `string` on the wire that is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InvalidUtf8 {
    /// The message is refused with [`crate::WireFault::Utf8`] and the field's name.
    #[default]
    Refuse,
    /// Each maximal wrong part is printed as U+FFFD.
    Replace,
}

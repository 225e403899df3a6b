//! What must not reach a log: query strings and the values of secrets.

use std::fmt;

/// A value that prints as `[redacted]`, for anything that is kept in a structure that may be printed.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Hides a value from printers.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for whoever needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[redacted]")
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[redacted]")
    }
}

/// The part of a request target that may be logged: no query, no fragment, no user or password.
pub fn path(target: &str) -> &str {
    let end = target.find(['?', '#']).unwrap_or(target.len());
    let target = &target[..end];
    match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => target,
    }
}

#[cfg(test)]
mod tests {
    //! Nothing secret is left over.

    use super::*;

    #[test]
    fn a_query_never_survives() {
        assert_eq!(path("/a/b?token=x#y"), "/a/b");
        assert_eq!(path("/a#?token"), "/a");
        assert_eq!(path("https://user:password@host/a?token=x"), "/a");
        assert_eq!(path("https://user:password@host"), "/");
        assert_eq!(path("?token=x"), "");
    }

    #[test]
    fn a_redacted_value_prints_as_such() {
        let secret = Redacted::new("hunter2");
        assert_eq!(
            format!("{secret} {secret:?} {:?}", Some(&secret)),
            "[redacted] [redacted] Some([redacted])"
        );
        assert_eq!(*secret.expose(), "hunter2");
    }
}

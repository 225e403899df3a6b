//! Where a JSON value ends: brackets are counted and strings are stepped over, no more is asked of it here.

/// A value that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// An array or object, with this many open brackets; 0 before its first byte.
    Nested { open: usize, text: Text },
    /// A string: its first quote, then its text.
    Quoted(Text),
    /// A number or word, which ends where something else begins.
    Bare,
    /// Whatever it is, it ends with its line.
    Line,
}

/// Whether a byte stands in a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Outside,
    Inside,
    /// After a backslash.
    Escaped,
}

impl Value {
    /// The value that begins with `byte`.
    pub(super) fn of(byte: u8) -> Self {
        match byte {
            b'{' | b'[' => Self::Nested { open: 0, text: Text::Outside },
            b'"' => Self::Quoted(Text::Outside),
            _ => Self::Bare,
        }
    }

    /// Whether the end of the body is a way for it to end.
    pub(super) fn ends_with_body(self) -> bool {
        matches!(self, Self::Bare | Self::Line)
    }

    /// How many bytes of `chunk` it takes to its end; nothing when it goes on after the chunk.
    pub(super) fn end(&mut self, chunk: &[u8]) -> Option<usize> {
        match self {
            Self::Line => memchr::memchr(b'\n', chunk),
            Self::Bare => chunk.iter().position(|b| b" \t\r\n,:\"[]{}".contains(b)),
            Self::Quoted(text) => {
                let mut at = 0;
                if *text == Text::Outside {
                    chunk.first()?;
                    (*text, at) = (Text::Inside, 1);
                }
                let len = text.close(chunk.get(at..).unwrap_or_default())?;
                Some(at + len)
            }
            Self::Nested { open, text } => nested(open, text, chunk),
        }
    }
}

impl Text {
    /// How many bytes of `chunk` a string takes up to and with its closing quote.
    fn close(&mut self, chunk: &[u8]) -> Option<usize> {
        let mut at = 0;
        if *self == Self::Escaped {
            chunk.first()?;
            (*self, at) = (Self::Inside, 1);
        }
        loop {
            let rest = chunk.get(at..).unwrap_or_default();
            let found = at + memchr::memchr2(b'"', b'\\', rest)?;
            if chunk.get(found) == Some(&b'"') {
                *self = Self::Outside;
                return Some(found + 1);
            }
            at = found + 2;
            if at > chunk.len() {
                *self = Self::Escaped;
                return None;
            }
        }
    }
}

fn nested(open: &mut usize, text: &mut Text, chunk: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(byte) = chunk.get(at) {
        if *text != Text::Outside {
            at += text.close(chunk.get(at..).unwrap_or_default())?;
            continue;
        }
        at += 1;
        match byte {
            b'"' => *text = Text::Inside,
            b'{' | b'[' => *open += 1,
            b'}' | b']' => {
                *open -= 1;
                if *open == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

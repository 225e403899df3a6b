//! Looking ahead for the `@type` of an `Any`, which may come last, at every level: each byte is looked at once.

use std::collections::HashMap;

use super::Encoder;
use crate::json::Scan;

/// Where the key `@type` stands in the objects that were looked through, by where their members begin. Objects that
/// begin with it are not here: it is found at once.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    keys: HashMap<usize, usize>,
}

impl Encoder<'_, '_> {
    /// Goes to the `@type` of the object whose members begin at the position, if it is known where that is.
    pub(super) fn go_to_known_type(&mut self) {
        let known = self.ahead.as_ref().and_then(|ahead| ahead.keys.get(&self.scan.position()));
        if let Some(key) = known.copied() {
            self.scan.rewind(key);
        }
    }

    /// Steps over one value, at most `depth` levels deep, and notes the types of the objects in it.
    pub(super) fn look_through(&mut self, depth: u32) -> Scan<()> {
        let close = match self.scan.next_token() {
            b'{' => b'}',
            b'[' => b']',
            _ => return self.scan.skip(depth),
        };
        let depth = depth.checked_sub(1).ok_or_else(|| self.scan.too_deep())?;
        self.scan.bump();
        let begin = self.scan.position();
        let (mut open, mut is_first, mut found) = (!self.scan.closes(close), true, None);
        while open {
            self.scan.space();
            if close == b'}' {
                let start = self.scan.position();
                let is_type = self.scan.string()? == "@type";
                self.scan.expect(b':', "a colon after the key")?;
                found = found.or(Some((start, is_first)).filter(|_| is_type));
            }
            self.look_through(depth)?;
            is_first = false;
            open = self.scan.more(close, "a comma or the closing bracket")?;
        }
        if let Some((key, false)) = found {
            self.ahead.get_or_insert_default().keys.insert(begin, key);
        }
        Ok(())
    }
}

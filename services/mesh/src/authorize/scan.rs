//! Finds the tool in an encoded message without decoding the rest (protobuf encoding: tags, varints, groups).

/// Nested groups deeper than this are refused; no message of ours has one.
const MAX_GROUPS: usize = 32;

/// Why the field cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// It occurs more than once, with different values: readers could disagree on which one counts.
    #[error("the field that names the tool occurs twice with different values")]
    Ambiguous,
    /// It is not a UTF-8 string.
    #[error("the field that names the tool is not a string")]
    NotText,
    /// The bytes are not a protobuf message.
    #[error("the message is not valid protobuf at byte {0}")]
    Malformed(usize),
}

/// The value of string field `number` of an encoded message; `None` where the field is absent or empty.
pub fn tool_in(message: &[u8], number: u32) -> Result<Option<&str>, Conflict> {
    let mut reader = Reader { bytes: message, at: 0 };
    let mut found: Option<&[u8]> = None;
    while reader.at < message.len() {
        let (field, kind) = reader.tag()?;
        if field != number {
            reader.skip(field, kind)?;
            continue;
        }
        if kind != 2 {
            return Err(Conflict::NotText);
        }
        let value = reader.block()?;
        if found.is_some_and(|earlier| earlier != value) {
            return Err(Conflict::Ambiguous);
        }
        found = Some(value);
    }
    let text = found.map(std::str::from_utf8).transpose().map_err(|_| Conflict::NotText)?;
    Ok(text.filter(|text| !text.is_empty()))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn malformed<T>(&self) -> Result<T, Conflict> {
        Err(Conflict::Malformed(self.at))
    }

    fn varint(&mut self) -> Result<u64, Conflict> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.bytes.get(self.at) else { return self.malformed() };
            if shift == 63 && byte > 1 {
                return self.malformed();
            }
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        self.malformed()
    }

    fn tag(&mut self) -> Result<(u32, u8), Conflict> {
        let start = self.at;
        let tag = u32::try_from(self.varint()?).map_err(|_| Conflict::Malformed(start))?;
        match (tag >> 3, (tag & 7) as u8) {
            (0, _) => Err(Conflict::Malformed(start)),
            found => Ok(found),
        }
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], Conflict> {
        let end = usize::try_from(len).ok().and_then(|len| self.at.checked_add(len));
        match end.and_then(|end| Some((end, self.bytes.get(self.at..end)?))) {
            Some((end, slice)) => {
                self.at = end;
                Ok(slice)
            }
            None => self.malformed(),
        }
    }

    fn block(&mut self) -> Result<&'a [u8], Conflict> {
        let len = self.varint()?;
        self.take(len)
    }

    /// Skips one value; a group with all that is in it.
    fn skip(&mut self, field: u32, kind: u8) -> Result<(), Conflict> {
        let mut open = Vec::new();
        let (mut field, mut kind) = (field, kind);
        loop {
            match kind {
                0 => drop(self.varint()?),
                1 => drop(self.take(8)?),
                2 => drop(self.block()?),
                3 if open.len() < MAX_GROUPS => open.push(field),
                4 if open.last() == Some(&field) => drop(open.pop()),
                5 => drop(self.take(4)?),
                _ => return self.malformed(),
            }
            if open.is_empty() {
                return Ok(());
            }
            (field, kind) = self.tag()?;
        }
    }
}

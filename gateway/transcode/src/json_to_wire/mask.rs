//! The paths of the fields that a body names, for the `FieldMask` of an update (AIP-134).
//!
//! Single messages are named by the fields inside them; lists, maps and types with a JSON form of their own as a whole.
//! A null and an empty object name their field, too. What the path of the request has bound is no part of an update.

use super::Encoder;
use super::seen::Seen;
use super::trail::Trail;
use crate::bind::tree::Tree;
use crate::error::{RequestError, RequestErrorKind as K};
use crate::json::Scan;
use crate::schema::{Field, Message, Schema, Shape};
use crate::wire::put_len_field;

/// Paths collected while a body is read.
#[derive(Debug, Default)]
pub(crate) struct Mask {
    /// The message that is being read, with a dot at its end.
    prefix: String,
    /// An encoded `google.protobuf.FieldMask`.
    pub(crate) wire: Vec<u8>,
}

impl Mask {
    /// Adds a field of the message that is being read. Paths repeat each other, so their length is bounded.
    fn add(&mut self, name: &str, position: usize) -> Scan<()> {
        const MOST_BYTES: usize = 1 << 20;
        let path = format!("{}{name}", self.prefix);
        put_len_field(&mut self.wire, 1, path.as_bytes());
        if self.wire.len() <= MOST_BYTES {
            return Ok(());
        }
        Err(RequestError::new(K::Size, "an update of fewer fields, for their paths fill a mask of 1 MiB")
            .at(position))
    }
}

/// Whether an update names fields inside this one.
pub(crate) fn opens(schema: &Schema, field: &Field) -> bool {
    let id = field.kind.message().filter(|_| field.shape == Shape::Single);
    id.is_some_and(|id| !schema.message(id).well_known.is_special())
}

impl<'s> Encoder<'s, '_> {
    /// As [`Encoder::member`], and its path goes into the mask.
    #[inline(never)]
    pub(super) fn masked_member(
        &mut self,
        message: &'s Message,
        (index, field): (u16, &'s Field),
        seen: &mut Seen,
        trail: &Trail<'_>,
        bound: Option<&Tree>,
    ) -> Scan<()> {
        let Some(mut mask) = self.mask.take() else { return Ok(()) };
        let start = self.scan.position();
        let (outer, before) = (mask.prefix.len(), mask.wire.len());
        self.dropped = false;
        if opens(self.schema, field) {
            mask.prefix.push_str(&field.name);
            mask.prefix.push('.');
            self.mask = Some(mask);
            self.member(message, (index, field), seen, trail, bound)?;
            mask = self.mask.take().unwrap_or_default();
            mask.prefix.truncate(outer);
        } else {
            self.member(message, (index, field), seen, trail, bound)?;
        }
        let is_bound = bound.is_some_and(|tree| tree.get(index).is_some());
        let nothing = self.dropped && field.shape == Shape::Single;
        if mask.wire.len() == before && !is_bound && !nothing {
            mask.add(&field.name, start).map_err(|e| trail.name(e))?;
        }
        self.mask = Some(mask);
        Ok(())
    }
}

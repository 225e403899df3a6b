//! `google.protobuf.Any` in JSON: finding its type before reading its fields.

use super::Encoder;
use super::trail::{Step, Trail};
use crate::error::{RequestError, RequestErrorKind as K};
use crate::json::Scan;
use crate::schema::{Kind, MessageId, Schema};
use crate::wire::{WireType, put_len_field, put_tag};

/// The message that a type URL names: what stands after its last slash.
pub(crate) fn resolve(schema: &Schema, url: &str) -> Option<MessageId> {
    let (_, name) = url.rsplit_once('/')?;
    schema.message_ids.get(name).copied()
}

impl Encoder<'_, '_> {
    /// The `@type` of the object at the position, which does not move, and where its key stands.
    pub(super) fn type_url(&mut self, place: &Trail<'_>) -> Scan<Option<(String, usize)>> {
        let start = self.scan.position();
        self.enter(place)?;
        let found = self.find_type(place);
        self.leave();
        self.scan.rewind(start);
        found
    }

    fn find_type(&mut self, place: &Trail<'_>) -> Scan<Option<(String, usize)>> {
        self.go_to_known_type();
        let mut open = !self.scan.closes(b'}');
        while open {
            self.scan.space();
            let start = self.scan.position();
            let key = self.scan.string().map_err(|e| place.name(e))?;
            self.scan.expect(b':', "a colon after the key").map_err(|e| place.name(e))?;
            self.scan.space();
            if key == "@type" {
                let here = place.child(Step::Field("@type"));
                let url = self.scan.string().map_err(|e| here.name(e))?.into_owned();
                return Ok(Some((url, start)));
            }
            self.look_through(self.depth).map_err(|e| place.name(e))?;
            open = self.scan.more(b'}', "a comma or the closing brace").map_err(|e| place.name(e))?;
        }
        Ok(None)
    }

    /// Steps over the `@type` whose key stands at `known`; a second one is refused.
    pub(super) fn type_again(&mut self, known: Option<usize>, start: usize, place: &Trail<'_>) -> Scan<()> {
        let here = place.child(Step::Field("@type"));
        if known != Some(start) {
            return Err(here.name(RequestError::new(K::DuplicateField, "").at(start)));
        }
        self.scan.skip(self.depth).map_err(|e| here.name(e))
    }

    /// An `Any` of a type that is not known, passed on: base64 in `value`.
    pub(super) fn opaque_any(&mut self, url: &str, at: usize, place: &Trail<'_>) -> Scan<()> {
        put_len_field(&mut self.out, 1, url.as_bytes());
        let bytes = |this: &mut Self, value_place: &Trail<'_>| {
            let value = this.out.len();
            put_tag(&mut this.out, 2, WireType::Len);
            let content = this.out.len() + 1;
            let token = this.scan.next_token();
            this.scalar(Kind::Bytes, token).map_err(|e| value_place.name(e))?;
            if this.out.len() == content {
                // an empty value is not written at all
                this.out.truncate(value);
            }
            Ok(())
        };
        let unknown = |_: &mut Self, name: &str, start: usize| {
            let error = RequestError::new(K::UnknownField, "value in base64: the type is not known here");
            Err(place.child(Step::Field(name)).name(error.at(start)))
        };
        self.type_and_value(at, place, bytes, unknown).map(drop)
    }

    /// An object of the `@type` whose key stands at `at`, and of a `value`, which `read` takes; other members are for
    /// `other`, by name and position. Whether there was a value.
    pub(super) fn type_and_value(
        &mut self,
        at: usize,
        place: &Trail<'_>,
        read: impl Fn(&mut Self, &Trail<'_>) -> Scan<()>,
        other: impl Fn(&mut Self, &str, usize) -> Scan<()>,
    ) -> Scan<bool> {
        self.enter(place)?;
        let value_place = place.child(Step::Field("value"));
        let mut found = false;
        let mut open = !self.scan.closes(b'}');
        while open {
            self.scan.space();
            let start = self.scan.position();
            let key = self.scan.string().map_err(|e| place.name(e))?;
            self.scan.expect(b':', "a colon after the key").map_err(|e| place.name(e))?;
            match &*key {
                "value" if found => {
                    return Err(value_place.name(RequestError::new(K::DuplicateField, "").at(start)));
                }
                "value" => {
                    found = true;
                    read(self, &value_place)?;
                }
                "@type" => self.type_again(Some(at), start, place)?,
                name => other(self, name, start)?,
            }
            open = self.scan.more(b'}', "a comma or the closing brace").map_err(|e| place.name(e))?;
        }
        self.leave();
        Ok(found)
    }

    /// An `Any` without a type: only the empty object stands for one.
    pub(super) fn empty_any(&mut self, place: &Trail<'_>, start: usize) -> Scan<()> {
        self.enter(place)?;
        self.leave();
        if self.scan.closes(b'}') {
            return Ok(());
        }
        let error = self.scan.mismatch(start, "a member \"@type\" with the URL of a type");
        Err(place.name(error.got("none")))
    }
}

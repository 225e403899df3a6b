//! JSON to wire bytes in one forward pass: the text is read once and each value is written where it belongs.

#![allow(
    clippy::inline_always,
    reason = "measured: a tenth less time where a field costs one call, not five"
)]

mod ahead;
pub(crate) mod any;
mod fields;
pub(crate) mod mask;
mod order;
pub(crate) mod seen;
pub(crate) mod trail;
mod values;
pub(crate) mod wellknown;

use crate::bind::tree::{Entry, Leaf, Tree};
use crate::error::{RequestError, RequestErrorKind as K};
use crate::excerpt::quoted;
use crate::json::{Scan, Scanner};
use crate::program::{CompileOptions, UnknownAny};
use crate::rules::{MethodRules, UnknownFields};
use crate::schema::{Field, Message, MessageId, Schema, Shape};
use crate::wire::message_set;
use ahead::Ahead;
use mask::Mask;
use order::{Last, Order};
use seen::Seen;
use trail::{Step, Trail};

/// Limits and leniencies of one body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DecodeOptions {
    pub(crate) depth: u32,
    pub(crate) unknown: UnknownFields,
    pub(crate) path_wins: bool,
    /// Enum words in upper and lower case.
    pub(crate) any_case_enums: bool,
    /// An `Any` of a type that is not known passes as it is.
    pub(crate) opaque_any: bool,
}

impl DecodeOptions {
    /// What the rules of a method say.
    pub(crate) fn of(rules: &MethodRules, all: &CompileOptions) -> Self {
        Self {
            depth: all.depth,
            unknown: rules.unknown_fields,
            path_wins: rules.path_wins,
            any_case_enums: rules.any_case_enums,
            opaque_any: rules.unknown_any.unwrap_or(all.unknown_any) == UnknownAny::Opaque,
        }
    }

    /// Every leniency off.
    pub(crate) fn strict(depth: u32) -> Self {
        Self {
            depth,
            unknown: UnknownFields::Reject,
            path_wins: false,
            any_case_enums: false,
            opaque_any: false,
        }
    }
}

/// Writes the messages that JSON text describes.
#[derive(Debug)]
pub(crate) struct Encoder<'s, 'i> {
    pub(crate) schema: &'s Schema,
    pub(crate) scan: Scanner<'i>,
    pub(crate) out: Vec<u8>,
    options: DecodeOptions,
    /// Levels that may still be entered.
    depth: u32,
    /// Dotted paths of the unknown fields that were dropped.
    pub(crate) unknown: Vec<String>,
    /// The length of those paths.
    reported: usize,
    /// Where each key of the maps being written lies in `out`, as a stack.
    keys: Vec<(usize, usize)>,
    /// Collects the fields that are named, where an update wants to know them.
    pub(crate) mask: Option<Mask>,
    /// An unknown enum word was dropped.
    dropped: bool,
    order: Order,
    /// What looking for the types of `Any` has found on its way.
    ahead: Option<Box<Ahead>>,
}

impl<'s, 'i> Encoder<'s, 'i> {
    /// An encoder that appends to `out`.
    pub(crate) fn new(schema: &'s Schema, scan: Scanner<'i>, out: Vec<u8>, options: DecodeOptions) -> Self {
        let (unknown, keys) = (Vec::new(), Vec::new());
        Self {
            schema,
            scan,
            out,
            options,
            depth: options.depth,
            unknown,
            reported: 0,
            keys,
            mask: None,
            dropped: false,
            order: Order::new(),
            ahead: None,
        }
    }

    /// One message, by its own JSON form, without tag and length. `bound` are its fields that are bound already.
    pub(crate) fn message(&mut self, id: MessageId, trail: &Trail<'_>, bound: Option<&Tree>) -> Scan<()> {
        let message = self.schema.message(id);
        if message.well_known.is_special() {
            return self.well_known(id, trail);
        }
        self.object(message, trail, bound, None)
    }

    /// The members of an object as the fields of a message; the member `@type` at `typed` is stepped over.
    pub(crate) fn object(
        &mut self,
        message: &'s Message,
        trail: &Trail<'_>,
        bound: Option<&Tree>,
        typed: Option<usize>,
    ) -> Scan<()> {
        if self.scan.next_token() != b'{' {
            let start = self.scan.position();
            return Err(trail.name(self.scan.mismatch(start, "an object")));
        }
        self.enter(trail)?;
        let mut seen = Seen::of(message);
        if let Some(tree) = bound {
            for oneof in tree.oneofs(message) {
                seen.oneof(oneof);
            }
        }
        let content = self.out.len();
        let mut last = Last::none(message);
        let mut open = !self.scan.closes(b'}');
        let masked = self.mask.is_some();
        while open {
            let mut named = self.key(message, last, trail, typed)?;
            if masked && let Some(member) = named {
                last = last.then(member.0);
                self.masked_member(message, member, &mut seen, trail, bound)?;
                named = None;
            }
            while let Some((index, field)) = named {
                last = last.then(index);
                self.member(message, (index, field), &mut seen, trail, bound)?;
                named = self.next_member(message, last);
            }
            open = self.scan.comma(b'}', "a comma or the closing brace").map_err(|e| trail.name(e))?;
        }
        self.leave();
        if let Some(tree) = bound {
            tree.write_missing(self.schema, &seen, &mut self.out);
        }
        if message.has_required || bound.is_some() {
            self.check_required(message, &seen, trail, bound)?;
        }
        if message.is_message_set {
            self.wrap_items(content, trail)?;
        }
        Ok(())
    }

    /// Puts the fields from `content` on into the items of a message set.
    #[cold]
    fn wrap_items(&mut self, content: usize, trail: &Trail<'_>) -> Scan<()> {
        let items = message_set::from_fields(self.out.get(content..).unwrap_or_default()).map_err(|_| {
            let error = RequestError::new(K::Value, "only messages in a message set");
            trail.name(error.at(self.scan.position()))
        })?;
        self.out.truncate(content);
        self.out.extend_from_slice(&items);
        Ok(())
    }

    #[inline]
    fn enter(&mut self, trail: &Trail<'_>) -> Scan<()> {
        match self.depth.checked_sub(1) {
            Some(left) => self.depth = left,
            None => return Err(trail.name(self.scan.too_deep())),
        }
        self.scan.bump();
        Ok(())
    }

    #[inline]
    fn leave(&mut self) {
        self.depth += 1;
    }

    /// Steps over a comma and the key of the field that is likely to follow.
    #[inline(always)]
    fn next_member(&mut self, message: &'s Message, last: Last) -> Option<(u16, &'s Field)> {
        let guess = self.order.guess(last);
        let field = message.field(guess)?;
        (!field.rules.unknown_field_paths && self.scan.eat_next(&field.output_key)).then_some((guess, field))
    }

    /// Reads a key and its colon, behind the member `last`; the field it names, or nothing when the member was stepped over.
    #[inline(always)]
    fn key(
        &mut self,
        message: &'s Message,
        last: Last,
        trail: &Trail<'_>,
        typed: Option<usize>,
    ) -> Scan<Option<(u16, &'s Field)>> {
        let guess = self.order.guess(last);
        self.scan.space();
        if let Some(field) = message.field(guess)
            && !field.rules.unknown_field_paths
            && self.scan.eat_piece(&field.output_key)
        {
            return Ok(Some((guess, field)));
        }
        let named = self.other_key(message, guess, trail, typed)?;
        if let Some((index, _)) = named {
            self.order.note(last, index);
        }
        Ok(named)
    }

    /// As [`Self::key`], without a guess that was right.
    #[inline(never)]
    fn other_key(
        &mut self,
        message: &'s Message,
        guess: u16,
        trail: &Trail<'_>,
        typed: Option<usize>,
    ) -> Scan<Option<(u16, &'s Field)>> {
        self.scan.after_comma(b'}').map_err(|e| trail.name(e))?;
        if let Some(field) = message.field(guess)
            && !field.rules.unknown_field_paths
            && (self.scan.eat_piece(&field.output_key)
                || field.other_key.as_ref().is_some_and(|key| self.scan.eat_piece(key)))
        {
            return Ok(Some((guess, field)));
        }
        let start = self.scan.position();
        let name = self.scan.string().map_err(|e| trail.name(e))?;
        self.scan.expect(b':', "a colon after the key").map_err(|e| trail.name(e))?;
        match message.by_name(&name) {
            Some((index, field)) if !field.rules.unknown_field_paths => Ok(Some((index, field))),
            _ if typed.is_some() && name == "@type" => self.type_again(typed, start, trail).map(|()| None),
            _ => self.unknown_field(message, &name, start, trail).map(|()| None),
        }
    }

    fn unknown_field(&mut self, message: &Message, name: &str, start: usize, trail: &Trail<'_>) -> Scan<()> {
        let place = trail.child(Step::Field(name));
        match self.options.unknown {
            UnknownFields::Reject => {
                let error = RequestError::new(K::UnknownField, known_fields(message));
                return Err(place.name(error.at(start)));
            }
            UnknownFields::Report => self.report(&place),
            UnknownFields::Ignore => {}
        }
        self.scan.skip(self.depth).map_err(|e| place.name(e))
    }

    /// Notes the path of an unknown field, unless enough is told already: paths may be long and repeat each other.
    fn report(&mut self, place: &Trail<'_>) {
        const MOST_BYTES: usize = 64 * 1024;
        if self.reported < MOST_BYTES {
            let path = place.to_string();
            self.reported += path.len() + 1;
            self.unknown.push(path);
        }
    }

    #[inline(always)]
    fn member(
        &mut self,
        message: &'s Message,
        (index, field): (u16, &'s Field),
        seen: &mut Seen,
        trail: &Trail<'_>,
        bound: Option<&Tree>,
    ) -> Scan<()> {
        let place = trail.child(Step::Member(field));
        let token = self.scan.next_token();
        if bound.is_none() && token != b'n' && seen.quick(field) {
            return self.field(field, token, &place, None);
        }
        self.special_member((message, field, index), seen, &place, bound)
    }

    /// A member that is null, bound elsewhere, or there twice.
    #[inline(never)]
    fn special_member(
        &mut self,
        (message, field, index): (&Message, &Field, u16),
        seen: &mut Seen,
        place: &Trail<'_>,
        bound: Option<&Tree>,
    ) -> Scan<()> {
        let start = self.scan.position();
        if !seen.field(index) {
            return Err(place.name(RequestError::new(K::DuplicateField, "").at(start)));
        }
        if self.scan.next_token() == b'n' && !self.takes_null(field) {
            seen.unset(index);
            return self.scan.literal("null").map_err(|e| place.name(e));
        }
        let entry = bound.and_then(|tree| tree.get(index));
        // a oneof that is bound elsewhere was marked before the first member was read
        if let Some(oneof) = field.oneof.filter(|_| entry.is_none())
            && !seen.oneof(oneof)
        {
            return Err(place.name(oneof_error(message, oneof, start)));
        }
        match entry {
            None => self.other_field(field, place, None),
            Some(Entry::Node(below)) => self.other_field(field, place, Some(below)),
            Some(Entry::Leaf(leaf)) => {
                if !leaf.sent {
                    seen.unset(index);
                }
                self.repeated_in_body(field, leaf, place)
            }
        }
    }

    /// A field of the body that is bound elsewhere: it must say the same, and is not written twice.
    fn repeated_in_body(&mut self, field: &Field, leaf: &Leaf, place: &Trail<'_>) -> Scan<()> {
        self.scan.space();
        let (start, kept) = (self.scan.position(), self.out.len());
        self.other_field(field, place, None)?;
        let same = self.out.get(kept..) == Some(leaf.wire.as_slice());
        self.out.truncate(kept);
        if same || self.options.path_wins {
            if leaf.sent {
                self.out.extend_from_slice(&leaf.wire);
            }
            return Ok(());
        }
        let expected = format!("{} as in the path", quoted(&leaf.text, 60));
        Err(place.name(self.scan.mismatch(start, expected).with_kind(K::PathConflict)))
    }

    fn check_required(
        &self,
        message: &'s Message,
        seen: &Seen,
        trail: &Trail<'_>,
        bound: Option<&Tree>,
    ) -> Scan<()> {
        let none = Tree::default();
        match bound.unwrap_or(&none).missing(self.schema, message, &|index| seen.has(index)) {
            None => Ok(()),
            Some(path) => {
                let error = RequestError::new(K::MissingField, "").at(self.scan.position());
                Err(trail.child(Step::Field(&path)).name(error))
            }
        }
    }

    /// A document that is one field's value; false when it is null, the absence of a value.
    pub(crate) fn body_field(&mut self, field: &Field, below: Option<&Tree>) -> Scan<bool> {
        if self.scan.next_token() == b'n' && !self.takes_null(field) {
            return self.scan.literal("null").map(|()| false);
        }
        self.other_field(field, &Trail::ROOT, below).map(|()| true)
    }

    /// As [`Self::field`], where it is rare.
    #[inline(never)]
    fn other_field(&mut self, field: &Field, place: &Trail<'_>, below: Option<&Tree>) -> Scan<()> {
        let token = self.scan.next_token();
        self.field(field, token, place, below)
    }

    /// A field's value with its tags, by its shape. The value begins with `token`, as all values that are taken with one.
    #[inline(always)]
    fn field(&mut self, field: &Field, token: u8, place: &Trail<'_>, below: Option<&Tree>) -> Scan<()> {
        match field.shape {
            Shape::Single => self.single(field, token, place, below),
            Shape::Repeated => self.repeated(field, place),
            Shape::Map => self.map(field, place),
        }
    }
}

#[cold]
fn oneof_error(message: &Message, oneof: u16, start: usize) -> RequestError {
    let name = message.oneofs.get(usize::from(oneof)).map_or("", |o| o);
    let members: Vec<&str> =
        message.fields.iter().filter(|f| f.oneof == Some(oneof)).map(Field::output_name).collect();
    let expected = format!("only one of {} (oneof {name})", members.join(", "));
    RequestError::new(K::Oneof, expected).at(start)
}

/// The names a message knows, for a message to a person.
fn known_fields(message: &Message) -> String {
    const SHOWN: usize = 20;
    let fields = &message.fields;
    let settable = fields.iter().filter(|f| !f.rules.unknown_field_paths);
    let names: Vec<&str> = settable.take(SHOWN).map(Field::output_name).collect();
    match names.len() {
        0 => "no fields".to_owned(),
        n if n < fields.len() && n == SHOWN => format!("one of {}, …", names.join(", ")),
        _ => format!("one of {}", names.join(", ")),
    }
}

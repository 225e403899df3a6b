//! A place in a message: the fields to go through, and what stands at the end.

use crate::rules::FieldRules;
use crate::schema::{Field, Kind, MessageId, Schema, Shape, WellKnown};

/// As deep as a program can be asked to go: paths are written by recursion.
const DEEPEST: usize = 200;

/// A resolved field path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    root: MessageId,
    steps: Vec<u16>,
    /// The key of a map's entry (`labels[key]`).
    pub(crate) key: Option<String>,
}

/// Why a name does not lead to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlaceFault {
    #[error("there is no such field")]
    Unknown,
    #[error("a path goes through single messages only")]
    Through,
    #[error("the path is too deep")]
    Depth,
}

impl Place {
    /// Finds `name`, dotted, below the message `root`. In a query a field may have a name for queries only, and `[key]`
    /// chooses an entry of a map.
    pub(crate) fn resolve(
        schema: &Schema,
        root: MessageId,
        name: &str,
        in_query: bool,
    ) -> Result<Self, PlaceFault> {
        let (name, key) = match name.strip_suffix(']').and_then(|n| n.split_once('[')) {
            Some((name, key)) if in_query => (name, Some(key.to_owned())),
            _ => (name, None),
        };
        let mut place = Self { root, steps: Vec::new(), key };
        let mut at = Some(root);
        for part in name.split('.') {
            let id = at.ok_or(PlaceFault::Through)?;
            let (index, field) = named(schema, id, part, in_query).ok_or(PlaceFault::Unknown)?;
            if place.steps.len() == DEEPEST {
                return Err(PlaceFault::Depth);
            }
            place.steps.push(index);
            at = through(schema, field);
        }
        Ok(place)
    }

    pub(crate) fn root(&self) -> MessageId {
        self.root
    }

    pub(crate) fn steps(&self) -> &[u16] {
        &self.steps
    }

    /// The field at the end.
    pub(crate) fn field<'s>(&self, schema: &'s Schema) -> Option<&'s Field> {
        let mut at = Some(self.root);
        let mut field = None;
        for step in &self.steps {
            field = Some(schema.message(at?).field(*step)?);
            at = field.and_then(|f| f.kind.message());
        }
        field
    }

    pub(crate) fn rules<'s>(&self, schema: &'s Schema) -> Option<&'s FieldRules> {
        self.field(schema).map(|f| &f.rules)
    }

    /// Whether the field holds one value.
    pub(crate) fn is_single(&self, schema: &Schema) -> bool {
        self.field(schema).is_some_and(|f| f.shape == Shape::Single)
    }

    /// Whether one text can be the whole value.
    pub(crate) fn is_single_value(&self, schema: &Schema) -> bool {
        self.is_single(schema) && self.field(schema).is_some_and(|f| from_text(schema, f.kind))
    }
}

/// Whether text can say a value of `kind`.
pub(crate) fn from_text(schema: &Schema, kind: Kind) -> bool {
    match kind.message() {
        None => true,
        Some(id) => {
            let well_known = schema.message(id).well_known;
            !matches!(well_known, WellKnown::None | WellKnown::Any | WellKnown::HttpBody)
        }
    }
}

/// A field by one of its names.
fn named<'s>(schema: &'s Schema, id: MessageId, name: &str, in_query: bool) -> Option<(u16, &'s Field)> {
    let message = schema.message(id);
    let by_query =
        || (0_u16..).zip(&message.fields).find(|(_, f)| f.rules.query_name.as_deref() == Some(name));
    let found = message.by_name(name).or_else(|| by_query().filter(|_| in_query))?;
    (!found.1.rules.unknown_field_paths).then_some(found)
}

/// The message that a path may go on into.
fn through(schema: &Schema, field: &Field) -> Option<MessageId> {
    let id = field.kind.message().filter(|_| field.shape == Shape::Single)?;
    (!schema.message(id).well_known.is_special()).then_some(id)
}

//! One binding of a method, compiled: template, variables with their fields, body and response body.

use super::place::Place;
use crate::json_to_wire::mask::opens;
use crate::program::Warning;
use crate::rules::UpdateMask;
use crate::schema::{Field, MessageId, Schema, WellKnown};
use crate::template::Template;

/// A compiled HTTP rule.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) method: u32,
    pub(crate) http_method: String,
    pub(crate) source: String,
    pub(crate) template: Template,
    pub(crate) input: MessageId,
    pub(crate) variables: Vec<BoundVariable>,
    pub(crate) body: BodyRule,
    pub(crate) response_body: Option<u16>,
    /// The field mask that is filled from the body's field when the request gives none.
    pub(crate) update_mask: Option<u16>,
}

/// A template variable with the field it fills.
#[derive(Debug)]
pub(crate) struct BoundVariable {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) multi: bool,
}

/// What the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyRule {
    None,
    Whole,
    Field(u16),
}

/// One HTTP rule before it is compiled.
pub(crate) struct RawRule<'r> {
    pub(crate) http_method: &'r str,
    pub(crate) path: &'r str,
    pub(crate) body: &'r str,
    pub(crate) response_body: &'r str,
}

/// The method that a rule belongs to.
pub(crate) struct Target<'t> {
    pub(crate) index: u32,
    pub(crate) pool: u16,
    pub(crate) full_name: &'t str,
    pub(crate) input: MessageId,
    pub(crate) output: MessageId,
    pub(crate) update_mask: UpdateMask,
}

impl Binding {
    /// Compiles a rule; a warning when it does not fit its method.
    pub(crate) fn compile(schema: &Schema, target: &Target<'_>, rule: &RawRule<'_>) -> Result<Self, Warning> {
        let refuse = |reason: String| Warning::UnusableRule {
            method: target.full_name.to_owned(),
            rule: format!("{} {}", rule.http_method, rule.path),
            reason,
        };
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if rule.http_method.is_empty() && rule.path.is_empty() {
            return Err(refuse("it has no path".to_owned()));
        }
        if rule.http_method.is_empty() || !rule.http_method.chars().all(token) {
            return Err(refuse("the HTTP method is not a token".to_owned()));
        }
        let template = Template::parse(rule.path).map_err(|e| refuse(e.to_string()))?;
        let mut variables = Vec::with_capacity(template.variables.len());
        for variable in &template.variables {
            let place = Place::resolve(schema, target.input, &variable.field_path, false)
                .map_err(|e| refuse(format!("variable {}: {e}", variable.field_path)))?;
            if !place.is_single_value(schema) {
                return Err(refuse(format!("variable {} is not a single value", variable.field_path)));
            }
            let (name, from, to) = (variable.field_path.clone(), variable.from, variable.to);
            variables.push(BoundVariable { name, place, from, to, multi: variable.multi });
        }
        let field = |id: MessageId, name: &str| {
            let found = schema.message(id).by_name(name).map(|(index, _)| index);
            found.ok_or_else(|| {
                refuse(format!("there is no field {name} in {}", schema.message(id).full_name))
            })
        };
        let body = match rule.body {
            "" => BodyRule::None,
            "*" => BodyRule::Whole,
            name => BodyRule::Field(field(target.input, name)?),
        };
        if let BodyRule::Field(index) = body
            && variables.iter().any(|v| v.place.steps() == [index])
        {
            return Err(refuse("the body's field is bound by the path".to_owned()));
        }
        let response_body = match rule.response_body {
            "" => None,
            name => Some(field(target.output, name)?),
        };
        Ok(Self {
            method: target.index,
            http_method: rule.http_method.to_owned(),
            source: rule.path.to_owned(),
            template,
            input: target.input,
            variables,
            body,
            response_body,
            update_mask: update_mask(schema, target, rule.http_method, body),
        })
    }

    /// Whether the body is the whole message.
    pub(crate) fn is_whole_body(&self) -> bool {
        self.body == BodyRule::Whole
    }

    /// Whether `place` or something above it is the field of the body.
    pub(crate) fn in_body(&self, place: &Place) -> bool {
        match self.body {
            BodyRule::None => false,
            BodyRule::Whole => true,
            BodyRule::Field(index) => place.steps().first() == Some(&index),
        }
    }

    /// Whether the path binds `place`, something above it or something inside it.
    pub(crate) fn in_path(&self, place: &Place) -> bool {
        self.variables
            .iter()
            .any(|v| v.place.steps().starts_with(place.steps()) || place.steps().starts_with(v.place.steps()))
    }
}

/// The mask of an update: a PATCH whose body is a message, with a mask named `update_mask` or only one mask at all.
fn update_mask(schema: &Schema, target: &Target<'_>, http_method: &str, body: BodyRule) -> Option<u16> {
    let input = schema.message(target.input);
    let BodyRule::Field(body) = body else { return None };
    let updates = target.update_mask == UpdateMask::FromBody && http_method == "PATCH";
    if !updates || !input.field(body).is_some_and(|field| opens(schema, field)) {
        return None;
    }
    let is_mask = |field: &Field| {
        field.single_message().is_some_and(|id| schema.message(id).well_known == WellKnown::FieldMask)
    };
    let mut masks = (0_u16..).zip(&input.fields).filter(|(_, field)| is_mask(field));
    let named = masks.clone().find(|(_, field)| &*field.name == "update_mask");
    named.or_else(|| masks.next().filter(|_| masks.next().is_none())).map(|(index, _)| index)
}

//! The query: pairs to places, strict about every name.

use std::borrow::Cow;

use super::binding::Binding;
use super::place::{Place, PlaceFault};
use super::tree::{Refusal, Tree};
use crate::error::{RequestError, RequestErrorKind as K};
use crate::excerpt::beginning;
use crate::percent::{Mode, PercentFault, decode};
use crate::program::CompileOptions;
use crate::rules::{MethodRules, UnknownParameters};
use crate::scalar::TextStyle;
use crate::schema::Schema;

/// What is asked of a query beside its method's fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueryOptions<'o> {
    pub(super) rules: &'o MethodRules,
    pub(super) limits: &'o CompileOptions,
}

/// Binds `query` (without its question mark) into `tree`.
pub(super) fn bind(
    schema: &Schema,
    binding: &Binding,
    options: QueryOptions<'_>,
    query: &str,
    tree: &mut Tree,
) -> Result<(), RequestError> {
    let limits = options.limits;
    let too_long = |expected: String| RequestError::new(K::QuerySize, expected);
    if query.len() > limits.query_bytes {
        return Err(too_long(format!("a query of at most {} bytes", limits.query_bytes)));
    }
    for (number, pair) in query.split('&').filter(|p| !p.is_empty()).enumerate() {
        if number >= limits.query_parameters {
            return Err(too_long(format!("at most {} query parameters", limits.query_parameters)));
        }
        let (raw_name, raw_value) = pair.split_once('=').unwrap_or((pair, ""));
        let text = |raw| {
            let malformed = |e: PercentFault| RequestError::new(K::Parameter, e.expected());
            decode(raw, Mode::Query).map_err(|e| malformed(e).on(shown(raw_name)).got(raw))
        };
        let name = text(raw_name)?;
        if let Some(place) = wanted(schema, binding, options, &name)? {
            put(schema, options, (&place, &name), &text(raw_value)?, tree)?;
        }
    }
    Ok(())
}

fn put(
    schema: &Schema,
    options: QueryOptions<'_>,
    (place, name): (&Place, &str),
    value: &str,
    tree: &mut Tree,
) -> Result<(), RequestError> {
    let style = TextStyle {
        lenient_bool: place.rules(schema).is_some_and(|r| r.lenient_bool),
        outside_json: true,
        any_case_enums: options.rules.any_case_enums,
        depth: options.limits.depth,
    };
    let error = |kind, expected| RequestError::new(kind, expected).on(shown(name));
    tree.put(schema, place, value, style).map_err(|refusal| match refusal {
        Refusal::Value(expected) => error(K::Parameter, expected).got_text(value),
        Refusal::Twice => error(K::DuplicateParameter, "".into()),
        Refusal::Oneof(other) => error(K::Oneof, format!("not both {} and {other}", shown(name)).into()),
    })
}

/// Where a parameter goes; nothing when it is one to step over.
fn wanted(
    schema: &Schema,
    binding: &Binding,
    options: QueryOptions<'_>,
    name: &str,
) -> Result<Option<Place>, RequestError> {
    let rules = options.rules;
    let ignorable = rules.unknown_parameters == UnknownParameters::Ignore
        || rules.ignored_parameters.iter().any(|ignored| ignored == name);
    if ignorable && Place::resolve(schema, binding.input, name, true) == Err(PlaceFault::Unknown) {
        return Ok(None);
    }
    let overruled = || {
        let place = Place::resolve(schema, binding.input, name, true);
        rules.path_wins && place.is_ok_and(|place| binding.in_path(&place))
    };
    match place(schema, binding, options.limits.depth, name) {
        Ok(place) => Ok(Some(place)),
        Err(error) if error.kind() == K::BoundParameter && overruled() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where a parameter goes, once it is known to be free.
pub(crate) fn place(
    schema: &Schema,
    binding: &Binding,
    depth: u32,
    name: &str,
) -> Result<Place, RequestError> {
    let place = resolve(schema, binding, depth, name)?;
    check_free(schema, binding, &place, name)?;
    Ok(place)
}

fn resolve(schema: &Schema, binding: &Binding, depth: u32, name: &str) -> Result<Place, RequestError> {
    let path = name.split('[').next().unwrap_or_default();
    let dots = path.bytes().filter(|b| *b == b'.').count();
    let error = |kind, expected| RequestError::new(kind, expected).on(shown(name));
    let too_deep = || error(K::Depth, "a name with fewer dots".to_owned());
    if u32::try_from(dots).map_or(true, |dots| dots >= depth) {
        return Err(too_deep());
    }
    Place::resolve(schema, binding.input, name, true).map_err(|fault| match fault {
        PlaceFault::Unknown => error(K::UnknownParameter, known(schema, binding)),
        PlaceFault::Depth => too_deep(),
        PlaceFault::Through => {
            let expected = "a dot only after a single message, for all else is given as a whole".to_owned();
            error(K::Parameter, expected)
        }
    })
}

fn check_free(schema: &Schema, binding: &Binding, place: &Place, name: &str) -> Result<(), RequestError> {
    let bound = |by| {
        let error = RequestError::new(K::BoundParameter, "no query parameter of this name");
        Err(error.on(shown(name)).got(by))
    };
    if binding.in_path(place) && place.is_single_value(schema) {
        return bound("one for a field that is bound by the path");
    }
    if binding.in_body(place) {
        // with the whole message in the body there are no query parameters at all
        return if binding.is_whole_body() && !binding.in_path(place) {
            bound("one for a field of the body")
        } else {
            bound("one for a field that is bound by the body")
        };
    }
    Ok(())
}

/// A name as it stands in a message to a person.
fn shown(name: &str) -> Cow<'_, str> {
    beginning(name, 100)
}

/// The names that the method's query knows, for a message to a person.
fn known(schema: &Schema, binding: &Binding) -> String {
    const SHOWN: usize = 20;
    let names: Vec<String> = parameters(schema, binding).take(SHOWN).collect();
    if names.is_empty() { "none at all".to_owned() } else { format!("one of {}", names.join(", ")) }
}

/// Names of the top-level fields that a query may bind, as they are documented.
pub(crate) fn parameters<'p>(schema: &'p Schema, binding: &'p Binding) -> impl Iterator<Item = String> + 'p {
    let fields = schema.message(binding.input).fields.iter();
    fields.filter_map(move |field| {
        let place = Place::resolve(schema, binding.input, &field.name, false).ok()?;
        let free = !binding.in_body(&place) && !binding.variables.iter().any(|v| v.place == place);
        let name = field.rules.query_name.clone().unwrap_or_else(|| field.output_name().to_owned());
        free.then_some(name)
    })
}

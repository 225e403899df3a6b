//! The query: pairs to places, strict about every name.

use super::binding::Binding;
use super::place::{Place, PlaceFault};
use super::tree::{Refusal, Tree};
use crate::error::{RequestError, RequestErrorKind as K};
use crate::percent::{Mode, decode};
use crate::scalar::TextStyle;
use crate::schema::Schema;

/// Binds `query` (without its question mark) into `tree`. The number of pairs is bounded by the length of the query,
/// which the listener limits.
pub(super) fn bind(
    schema: &Schema,
    binding: &Binding,
    depth: u32,
    query: &str,
    tree: &mut Tree,
) -> Result<(), RequestError> {
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let (raw_name, raw_value) = pair.split_once('=').unwrap_or((pair, ""));
        let text = |raw| {
            decode(raw, Mode::Query)
                .map_err(|e| RequestError::new(K::Parameter, e.expected()).on(raw_name).got(raw))
        };
        let (name, value) = (text(raw_name)?, text(raw_value)?);
        let place = place(schema, binding, depth, &name)?;
        let style = TextStyle {
            lenient_bool: place.rules(schema).is_some_and(|r| r.lenient_bool),
            outside_json: true,
        };
        tree.put(schema, &place, &value, style).map_err(|refusal| match refusal {
            Refusal::Value(expected) => {
                RequestError::new(K::Parameter, expected).on(&*name).got(&format!("{value:?}"))
            }
            Refusal::Twice => RequestError::new(K::DuplicateParameter, "").on(&*name),
            Refusal::Oneof(other) => {
                RequestError::new(K::Oneof, format!("not both {name} and {other}")).on(&*name)
            }
        })?;
    }
    Ok(())
}

/// Where a parameter goes, once it is known to be free.
fn place(schema: &Schema, binding: &Binding, depth: u32, name: &str) -> Result<Place, RequestError> {
    let dots = name.bytes().filter(|b| *b == b'.').count();
    let unknown = || RequestError::new(K::UnknownParameter, known(schema, binding)).on(name);
    if u32::try_from(dots).is_ok_and(|d| d > depth) {
        return Err(unknown());
    }
    let place = Place::resolve(schema, binding.input, name, true).map_err(|_: PlaceFault| unknown())?;
    let bound = |by| RequestError::new(K::BoundParameter, "no query parameter of this name").on(name).got(by);
    if binding.in_path(&place) && place.is_single_value(schema) {
        return Err(bound("one for a field that is bound by the path"));
    }
    if binding.in_body(&place) {
        // with the whole message in the body there are no query parameters at all
        return Err(if binding.is_whole_body() && !binding.in_path(&place) {
            bound("one for a field of the body")
        } else {
            bound("one for a field that is bound by the body")
        });
    }
    Ok(place)
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

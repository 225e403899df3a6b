//! Where an operation stands in a document: several routes may be one path to OpenAPI, and none is lost for it.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

use super::info::OpenApiVersion;
use crate::bind::Binding;
use crate::template::{Segment, Template};

/// Operations by path and HTTP method.
pub(super) struct Placed<'p> {
    version: OpenApiVersion,
    /// Every rule that is for one method, by what the router tells paths by.
    explicit: HashSet<(&'p [Segment], Option<&'p str>, &'p str)>,
    pub(super) paths: Map<String, Value>,
    /// What is known of the operation that stands under a path and a method.
    first: BTreeMap<(String, String), Route>,
}

/// A route among those that are one path to OpenAPI.
pub(super) struct Route {
    /// Which wildcards take several segments.
    many: Vec<bool>,
    template: String,
}

impl Route {
    pub(super) fn of(binding: &Binding) -> Self {
        let many = binding.template.segments.iter().map(|segment| *segment == Segment::Many).collect();
        Self { many, template: binding.source.clone() }
    }
}

impl<'p> Placed<'p> {
    pub(super) fn new(bindings: &'p [Binding], version: OpenApiVersion) -> Self {
        let key = |binding: &'p Binding| {
            let Template { segments, verb, .. } = &binding.template;
            (&segments[..], verb.as_deref(), binding.http_method.as_str())
        };
        let explicit = bindings.iter().map(key).collect();
        Self { version, explicit, paths: Map::new(), first: BTreeMap::new() }
    }

    /// Whether a rule for this method alone has the path of `binding`, which is for any method.
    pub(super) fn is_overruled(&self, binding: &'p Binding, http_method: &str) -> bool {
        let Template { segments, verb, .. } = &binding.template;
        self.explicit.contains(&(&segments[..], verb.as_deref(), http_method))
    }

    /// Puts an operation under a path. The one that the router asks first stands where OpenAPI wants it, the others of
    /// the same method under `x-otherOperations`.
    pub(super) fn put(&mut self, path: &str, http_method: &str, route: Route, operation: Value) {
        let item = self.paths.entry(path.to_owned()).or_insert_with(|| json!({}));
        let slot = match (self.version, documented(http_method)) {
            (_, Some(key)) => &mut item[key],
            (OpenApiVersion::V3_1, None) => &mut item["x-additionalOperations"][http_method],
            (OpenApiVersion::V3_2, None) if http_method == "QUERY" => &mut item["query"],
            (OpenApiVersion::V3_2, None) => &mut item["additionalOperations"][http_method],
        };
        let place = (path.to_owned(), http_method.to_owned());
        let (route, operation) = match self.first.remove(&place) {
            None => {
                *slot = operation;
                self.first.insert(place, route);
                return;
            }
            Some(first) if route.many < first.many => {
                self.first.insert(place, route);
                (first, std::mem::replace(slot, operation))
            }
            Some(first) => {
                self.first.insert(place, first);
                (route, operation)
            }
        };
        let other = json!({ "method": http_method, "template": route.template, "operation": operation });
        match &mut item["x-otherOperations"] {
            Value::Array(others) => others.push(other),
            none => *none = json!([other]),
        }
    }
}

/// The key of a path item for an HTTP method; methods that OpenAPI 3.1 has no key for have none.
fn documented(http_method: &str) -> Option<&'static str> {
    Some(match http_method {
        "GET" => "get",
        "PUT" => "put",
        "POST" => "post",
        "DELETE" => "delete",
        "PATCH" => "patch",
        "OPTIONS" => "options",
        "HEAD" => "head",
        "TRACE" => "trace",
        _ => return None,
    })
}

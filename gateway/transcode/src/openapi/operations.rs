//! Operations: one for each binding and HTTP method, under the path that equal shapes share.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::info::OpenApiView;
use super::paths::DocumentedPath;
use super::placed::{Placed, Route};
use super::schemas::Schemas;
use super::texts;
use crate::bind::Binding;
use crate::program::{Inner, MethodData};
use crate::wire::last_varint_field;

/// `deprecated` of `google.protobuf.MethodOptions`.
const DEPRECATED: u32 = 33;

/// Collects the operations of one document.
pub(super) struct Operations<'o> {
    pub(super) inner: &'o Inner,
    pub(super) view: OpenApiView<'o>,
    /// Whether callers must prove who they are.
    pub(super) secured: bool,
    pub(super) schemas: Schemas<'o>,
    pub(super) placed: Placed<'o>,
    /// A method of each service, in the order in which services occur.
    pub(super) tags: Vec<&'o MethodData>,
    /// Statuses of errors that occur.
    pub(super) errors: BTreeSet<u16>,
    /// Whether any answer is a stream.
    pub(super) has_streams: bool,
    ids: BTreeSet<String>,
    /// How many bindings of each method have been seen.
    seen: BTreeMap<u32, u32>,
    /// For each shape of path, its key and the names of its parameters.
    keys: BTreeMap<String, (String, Vec<String>)>,
}

impl<'o> Operations<'o> {
    pub(super) fn new(inner: &'o Inner, view: OpenApiView<'o>, secured: bool) -> Self {
        Self {
            inner,
            view,
            secured,
            schemas: Schemas::new(inner, view.forms),
            placed: Placed::new(&inner.bindings, view.version),
            tags: Vec::new(),
            errors: BTreeSet::new(),
            has_streams: false,
            ids: BTreeSet::new(),
            seen: BTreeMap::new(),
            keys: BTreeMap::new(),
        }
    }

    /// Adds the operations of a binding, if the document wants them.
    pub(super) fn add(&mut self, binding: &'o Binding) {
        // counted in any case, so that an operation has the same id in every document
        let ordinal = self.seen.entry(binding.method).or_insert(0);
        *ordinal += 1;
        let ordinal = *ordinal;
        let wanted = self.view.first_segment.is_none_or(|s| binding.template.first_literal() == Some(s));
        let Some(method) = self.inner.methods.get(binding.method as usize) else { return };
        if !wanted || method.rules.hidden {
            return;
        }
        if !self.tags.iter().any(|known| known.service == method.service) {
            self.tags.push(method);
        }
        self.schemas.enter(method.pool);
        let path = DocumentedPath::new(&binding.template);
        let own_names = || path.parameters.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
        let (key, names) = self
            .keys
            .entry(path.shape.clone())
            .or_insert_with(|| {
                let names = own_names();
                (path.with_names(&names), names)
            })
            .clone();
        let any = binding.http_method == "*";
        for http_method in documented_methods(&binding.http_method) {
            if any && self.placed.is_overruled(binding, http_method) {
                continue;
            }
            let mut id = method.full_name.to_string();
            if ordinal > 1 {
                id = format!("{id}_{ordinal}");
            }
            if any {
                id = format!("{id}_{}", http_method.to_lowercase());
            }
            let operation = self.operation(method, binding, (&path, &names), id);
            self.placed.put(&key, http_method, Route::of(binding), operation);
        }
    }

    fn operation(
        &mut self,
        method: &MethodData,
        binding: &Binding,
        (path, names): (&DocumentedPath, &[String]),
        mut id: String,
    ) -> Value {
        while !self.ids.insert(id.clone()) {
            id.push('_');
        }
        let mut operation = Map::new();
        operation.insert("operationId".to_owned(), id.into());
        operation.insert("tags".to_owned(), json!([&*method.service]));
        let text = self.schemas.schema.comment(&method.full_name).map(texts::public).unwrap_or_default();
        if !text.is_empty() {
            let summary = texts::summary(&text);
            if summary != text {
                operation.insert("description".to_owned(), text.into());
            }
            operation.insert("summary".to_owned(), summary.into());
        }
        if last_varint_field(&method.options, DEPRECATED) == Some(1) {
            operation.insert("deprecated".to_owned(), true.into());
        }
        if self.secured && method.rules.public {
            operation.insert("security".to_owned(), json!([]));
        }
        let mut parameters = self.path_parameters(&method.rules, binding, path, names);
        parameters.extend(self.query_parameters(&method.rules, binding));
        if !parameters.is_empty() {
            operation.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(body) = self.request_body(method, binding) {
            operation.insert("requestBody".to_owned(), body);
        }
        operation.insert("responses".to_owned(), self.responses(method, binding));
        operation.into()
    }
}

/// The methods that a rule documents: each that a rule can name without a custom kind, where it takes any.
fn documented_methods(http_method: &str) -> Vec<&str> {
    match http_method {
        "*" => vec!["GET", "PUT", "POST", "DELETE", "PATCH"],
        one => vec![one],
    }
}

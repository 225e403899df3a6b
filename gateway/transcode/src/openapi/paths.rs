//! Paths as OpenAPI has them: every wildcard is a parameter of its own, equal shapes share one entry.

use crate::percent::encode;
use crate::template::{Segment, Template, Variable};

/// A path of OpenAPI.
pub(super) struct DocumentedPath {
    /// With `{}` for each parameter: two paths of one shape are the same path to OpenAPI.
    pub(super) shape: String,
    pub(super) parameters: Vec<PathParameter>,
}

/// One wildcard.
pub(super) struct PathParameter {
    pub(super) name: String,
    /// Index of the template variable it belongs to; absent for a wildcard outside variables.
    pub(super) variable: Option<usize>,
    /// The variable has other parts beside this one.
    pub(super) partial: bool,
    /// It may hold slashes.
    pub(super) many: bool,
    /// What the variable covers, with a name in braces for each wildcard.
    pub(super) whole: String,
}

impl DocumentedPath {
    pub(super) fn new(template: &Template) -> Self {
        let mut path = Self { shape: String::new(), parameters: Vec::new() };
        for (at, segment) in template.segments.iter().enumerate() {
            path.shape.push('/');
            match segment {
                Segment::Literal(text) => path.shape.push_str(&encode(text)),
                Segment::One | Segment::Many => {
                    path.shape.push_str("{}");
                    path.wildcard(template, at, *segment == Segment::Many);
                }
            }
        }
        if path.shape.is_empty() {
            path.shape.push('/');
        }
        if let Some(verb) = &template.verb {
            path.shape.push(':');
            path.shape.push_str(&encode(verb));
        }
        path
    }

    fn wildcard(&mut self, template: &Template, at: usize, many: bool) {
        let variable = template.variables.iter().position(|v| (v.from..v.to).contains(&at));
        let covering = variable.and_then(|i| template.variables.get(i));
        let Some(covering) = covering else {
            let name = format!("wildcard_{}", self.parameters.len() + 1);
            let whole = String::new();
            return self.parameters.push(PathParameter { name, variable: None, partial: false, many, whole });
        };
        let mut name = name_at(template, covering, at);
        while self.parameters.iter().any(|other| other.name == name) {
            name.push('_');
        }
        let partial = covering.to - covering.from > 1;
        let pieces: Vec<String> = (covering.from..covering.to)
            .map(|at| match template.segments.get(at) {
                Some(Segment::Literal(text)) => text.clone(),
                _ => format!("{{{}}}", name_at(template, covering, at)),
            })
            .collect();
        let whole = pieces.join("/");
        self.parameters.push(PathParameter { name, variable, partial, many, whole });
    }

    /// The path with these names for its parameters.
    pub(super) fn with_names(&self, names: &[String]) -> String {
        let mut names = names.iter();
        let mut out = String::new();
        for (i, piece) in self.shape.split("{}").enumerate() {
            if i > 0 {
                out.push('{');
                out.push_str(names.next().map_or("", String::as_str));
                out.push('}');
            }
            out.push_str(piece);
        }
        out
    }
}

/// The name of the wildcard at segment `at` of a variable: the field, with a number where there are several. Tools that
/// make code of a path take no dots in it.
fn name_at(template: &Template, variable: &Variable, at: usize) -> String {
    let wild = |range: std::ops::Range<usize>| {
        let segments = template.segments.get(range).unwrap_or_default();
        segments.iter().filter(|s| !matches!(s, Segment::Literal(_))).count()
    };
    let field = variable.field_path.replace('.', "_");
    match wild(variable.from..variable.to) {
        1 => field,
        _ => format!("{field}_{}", wild(variable.from..at) + 1),
    }
}

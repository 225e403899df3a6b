//! The program: schema, methods and routes of a set of files, compiled once, shared and immutable.

mod compile;
mod leniency;
mod method;
mod route;
mod sources;
mod warning;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Weak};

use bytes::Bytes;

use crate::bind::Binding;
use crate::descriptor::DescriptorError;
use crate::rules::{MethodRules, Rules, SelectedHttpRule};
use crate::schema::{MessageId, Schema};
use crate::trie::{Found, Trie};
use crate::wire_to_json::{self, PrintOptions, ResponseError};
pub use leniency::{InvalidUtf8, UnknownAny};
pub use method::Method;
pub(crate) use method::MethodData;
pub use route::{ResponseBody, Route};
pub use sources::Source;
pub use warning::Warning;

/// Which names messages are printed with. Input accepts both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameStyle {
    /// Names as the proto file has them (`snake_case`).
    #[default]
    Proto,
    /// `json_name` (lowerCamelCase unless it says otherwise).
    Json,
}

/// How a program is compiled.
#[derive(Debug, Clone)]
pub struct CompileOptions {
    /// Names in output.
    pub names: NameStyle,
    /// How many objects and arrays of JSON may stand in each other, both ways. At most 200.
    pub depth: u32,
    /// Give every method `POST /pkg.Service/Method` with body `*` beside its own rules.
    pub default_bindings: bool,
    /// Every path is also accepted with a slash at its end.
    pub trailing_slash: bool,
    /// HTTP rules from outside, the last one that selects a method wins, over its annotation too.
    pub http_rules: Vec<SelectedHttpRule>,
    /// `google.api.Http` has a switch of this name: `%2F` is decoded where a `**` stands in a variable of several segments,
    /// and stays where a `*` does.
    pub fully_decode_reserved_expansion: bool,
    /// How long a query may be, in bytes.
    pub query_bytes: usize,
    /// How many parameters a query may have.
    pub query_parameters: usize,
    /// Print every field without presence even when it has its default.
    pub print_defaults: bool,
    /// What happens to an `Any` whose type is in none of the files, where no rule of a method says otherwise.
    pub unknown_any: UnknownAny,
    /// What happens to strings from the wire that are not UTF-8, where no rule of a method says otherwise.
    pub invalid_utf8: InvalidUtf8,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self {
            names: NameStyle::Proto,
            depth: 100,
            default_bindings: false,
            trailing_slash: false,
            http_rules: Vec::new(),
            fully_decode_reserved_expansion: false,
            query_bytes: 1 << 20,
            query_parameters: 10_000,
            print_defaults: false,
            unknown_any: UnknownAny::Refuse,
            invalid_utf8: InvalidUtf8::Refuse,
        }
    }
}

/// A program, and what was left out of it.
#[derive(Debug)]
pub struct Compiled {
    /// The program.
    pub program: Program,
    /// What could not be compiled; everything else serves.
    pub warnings: Vec<Warning>,
    /// Types that sources define in different ways. Each source is served by its own.
    pub contradictions: Vec<String>,
}

/// Everything that is needed to serve a set of files. Cloning shares it.
#[derive(Clone)]
pub struct Program {
    inner: Arc<Inner>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (methods, routes) = (self.inner.methods.len(), self.inner.bindings.len());
        f.debug_struct("Program").field("methods", &methods).field("routes", &routes).finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) struct Inner {
    /// One, unless sources contradict each other.
    pub(crate) schemas: Vec<Schema>,
    pub(crate) methods: Vec<MethodData>,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) options: CompileOptions,
    method_ids: HashMap<Box<str>, u32>,
    trie: Trie,
}

/// Why there is no route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// No rule has this path: 404.
    #[error("there is no such path")]
    NotFound,
    /// Rules have this path for these methods: 405 with `Allow`.
    #[error("the path does not take this method, but {}", allow.iter().map(String::as_str).collect::<Vec<_>>().join(", "))]
    MethodNotAllowed {
        /// The methods, for the `Allow` header.
        allow: BTreeSet<String>,
    },
    /// The path itself is not well formed: 400.
    #[error("expected {expected}, got {segment:?} in the path")]
    BadPath {
        /// The segment as it came, cut where it is long.
        segment: String,
        /// What would be accepted.
        expected: &'static str,
    },
}

/// Tells whether a program is still in memory, and does not keep it there.
#[derive(Debug, Clone)]
pub struct ProgramTrace {
    inner: Weak<Inner>,
}

impl ProgramTrace {
    /// Whether anything has the program still: itself, a route, a binding.
    pub fn is_alive(&self) -> bool {
        self.inner.strong_count() > 0
    }
}

impl Program {
    /// What tells whether this program is still in memory.
    pub fn trace(&self) -> ProgramTrace {
        ProgramTrace { inner: Arc::downgrade(&self.inner) }
    }

    /// Compiles encoded `FileDescriptorProto`s, in any order; [`crate::files_of_set`] takes a set apart.
    ///
    /// Fails only when bytes are no descriptor at all. A file given twice is taken once.
    pub fn compile(
        files: &[Bytes],
        rules: &dyn Rules,
        options: CompileOptions,
    ) -> Result<Compiled, DescriptorError> {
        Self::compile_sources(&[Source { files, services: &[] }], rules, options)
    }

    /// Compiles what several servers say of themselves to one program. Messages of a method are those of its own source;
    /// routes are shared, and of two that are alike the first counts.
    pub fn compile_sources(
        sources: &[Source<'_>],
        rules: &dyn Rules,
        options: CompileOptions,
    ) -> Result<Compiled, DescriptorError> {
        let compile::Output { inner, warnings, contradictions } = compile::compile(sources, rules, options)?;
        Ok(Compiled { program: Self { inner: Arc::new(inner) }, warnings, contradictions })
    }

    /// Finds the route of a request. `path` is what stands before the question mark, percent-encoded as it came.
    pub fn route(&self, http_method: &str, path: &str) -> Result<Route, RouteError> {
        match self.find(Some(http_method), path)? {
            Found::Route { binding, marks } => Ok(Route::new(Arc::clone(&self.inner), binding, marks)),
            Found::WrongMethod(allow) => Err(RouteError::MethodNotAllowed { allow: with_head(allow) }),
            Found::Nothing => Err(RouteError::NotFound),
        }
    }

    /// The HTTP methods that a path takes, for the answer to `OPTIONS` (which is not among them): those of every rule that
    /// matches, `HEAD` with `GET`, and where a rule takes any method all that a rule can name without a custom kind.
    pub fn allow(&self, path: &str) -> Result<BTreeSet<String>, RouteError> {
        match self.find(None, path)? {
            Found::WrongMethod(mut allow) => {
                if allow.remove("*") {
                    allow.extend(["GET", "PUT", "POST", "DELETE", "PATCH"].map(str::to_owned));
                }
                Ok(with_head(allow))
            }
            Found::Route { .. } | Found::Nothing => Err(RouteError::NotFound),
        }
    }

    fn find(&self, http_method: Option<&str>, path: &str) -> Result<Found, RouteError> {
        if !path.starts_with('/') {
            let segment = path.split('/').next().unwrap_or_default();
            let segment = crate::excerpt::beginning(segment, 60).into_owned();
            return Err(RouteError::BadPath { segment, expected: "a path that begins with a slash" });
        }
        let found = self.inner.trie.find(http_method, path);
        found.map_err(|bad| RouteError::BadPath { segment: bad.segment, expected: bad.expected })
    }

    /// The methods, in the order of their files.
    pub fn methods(&self) -> impl Iterator<Item = Method> + '_ {
        (0_u32..).zip(&self.inner.methods).map(|(index, _)| Method::new(Arc::clone(&self.inner), index))
    }

    /// A method by its gRPC path `/pkg.Service/Method`.
    pub fn method(&self, grpc_path: &str) -> Option<Method> {
        let index = *self.inner.method_ids.get(grpc_path)?;
        Some(Method::new(Arc::clone(&self.inner), index))
    }

    /// Every route as HTTP method, template and gRPC path.
    pub fn routes(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.inner.bindings.iter().map(|b| {
            let method = self.inner.methods.get(b.method as usize).map_or("", |m| m.path());
            (b.http_method.as_str(), b.source.as_str(), method)
        })
    }

    /// Appends the JSON form of a `google.protobuf.Any` given by its parts, as the first source has it that knows its type.
    pub fn any_to_json(&self, type_url: &str, value: &[u8], out: &mut Vec<u8>) -> Result<(), ResponseError> {
        let name = type_url.rsplit('/').next().unwrap_or_default();
        let schema =
            self.inner.message_named(name).map_or_else(|| self.inner.schema(0), |(schema, _)| schema);
        wire_to_json::print_any(schema, type_url, value, out, self.inner.print_options())
    }

    /// Appends the JSON form of the message `full_name`, of the first source that has it.
    pub fn message_to_json(
        &self,
        full_name: &str,
        wire: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), ResponseError> {
        let (schema, id) = self.inner.message_named(full_name).ok_or_else(|| ResponseError {
            field: full_name.to_owned(),
            fault: crate::wire::WireFault::UnknownAny,
        })?;
        wire_to_json::print(schema, id, wire, out, self.inner.print_options())
    }

    /// Reads JSON as the message `full_name` and appends its wire bytes; nothing when the type is not known.
    /// `unknown` says what happens to fields that it does not have ([`crate::UnknownFields::Report`] is as ignoring).
    pub fn json_to_message(
        &self,
        full_name: &str,
        json: &[u8],
        unknown: crate::UnknownFields,
        out: &mut Vec<u8>,
    ) -> Option<Result<(), crate::RequestError>> {
        use crate::json_to_wire::trail::Trail;
        use crate::json_to_wire::{DecodeOptions, Encoder};
        let (schema, id) = self.inner.message_named(full_name)?;
        let options = DecodeOptions {
            unknown,
            opaque_any: self.inner.options.unknown_any == UnknownAny::Opaque,
            ..DecodeOptions::strict(self.inner.options.depth)
        };
        let scanner = match crate::json::Scanner::new(json) {
            Ok(scanner) => scanner,
            Err(error) => return Some(Err(error)),
        };
        let start = out.len();
        let mut encoder = Encoder::new(schema, scanner, std::mem::take(out), options);
        encoder.scan.space();
        let read = encoder.message(id, &Trail::ROOT, None).and_then(|()| encoder.scan.end());
        *out = encoder.out;
        if read.is_err() {
            out.truncate(start);
        }
        Some(read)
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
}

/// A `HEAD` is answered wherever a `GET` is.
fn with_head(mut allow: BTreeSet<String>) -> BTreeSet<String> {
    if allow.contains("GET") {
        allow.insert("HEAD".to_owned());
    }
    allow
}

impl Inner {
    #[inline]
    #[allow(clippy::indexing_slicing, reason = "places of schemas are made together with the program")]
    pub(crate) fn schema(&self, pool: u16) -> &Schema {
        &self.schemas[usize::from(pool)]
    }

    fn message_named(&self, full_name: &str) -> Option<(&Schema, MessageId)> {
        self.schemas.iter().find_map(|schema| Some((schema, schema.message_id(full_name)?)))
    }

    /// How messages are printed that belong to no method.
    pub(crate) fn print_options(&self) -> PrintOptions {
        PrintOptions {
            depth: self.options.depth,
            defaults: self.options.print_defaults,
            invalid_utf8: self.options.invalid_utf8,
            opaque_any: self.options.unknown_any == UnknownAny::Opaque,
        }
    }

    /// How messages of a method with these rules are printed.
    pub(crate) fn print_options_of(&self, rules: &MethodRules) -> PrintOptions {
        let all = self.print_options();
        PrintOptions {
            invalid_utf8: rules.invalid_utf8.unwrap_or(all.invalid_utf8),
            opaque_any: rules.unknown_any.map_or(all.opaque_any, |any| any == UnknownAny::Opaque),
            ..all
        }
    }
}

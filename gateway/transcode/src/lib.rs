//! JSON over HTTP to gRPC and back, driven by descriptors.
//!
//! Encoded file descriptors go in, an immutable [`Program`] comes out. It finds the route of a request, binds path, query
//! and body straight to wire bytes in one pass, and prints responses straight from wire bytes. There is no generated
//! code, no message object in between, no async runtime: bytes in, bytes out.
//!
//! With [`GoogleRules`] it is exactly the mapping of `google.api.http` and of protobuf's JSON; a platform says more
//! through its own [`Rules`].

mod bind;
mod block;
mod descriptor;
mod error;
mod excerpt;
mod json;
mod json_to_wire;
mod openapi;
mod pen;
mod percent;
mod program;
mod rules;
mod scalar;
mod schema;
mod stream;
mod template;
mod trie;
mod wellknown;
mod wire;
mod wire_to_json;

pub use bind::{Body, Bound, FRAME_HEADER, RequestStream};
pub use descriptor::{DescriptorError, files_of_set};
pub use error::{RequestError, RequestErrorKind};
pub use openapi::{OpenApiForms, OpenApiInfo, OpenApiVersion, OpenApiView, SecurityScheme};
pub use program::{
    CompileOptions, Compiled, InvalidUtf8, Method, NameStyle, Program, ProgramTrace, ResponseBody, Route,
    RouteError, Source, UnknownAny, Warning,
};
pub use rules::{
    FieldRules, GoogleRules, HttpRule, MethodRules, Overrides, Rules, SelectedHttpRule, Selector,
    SelectorError, UnknownFields, UnknownParameters, Unused, UpdateMask, field_behavior,
};
pub use stream::{InputFormat, NotAcceptable, Record, StreamFormat, StreamReader, StreamWriter};
pub use wire::{WireFault, last_len_field, last_varint_field};
pub use wire_to_json::ResponseError;

//! The options of `toolforge.options.v1`, and the tables that are read from a descriptor set.
//!
//! The messages are written by hand, as prost sees them: `prost-types` drops options that it does not know, so the
//! few parts of a descriptor that lead to our extensions are declared here with the extensions as ordinary fields.
//! A test compares every number with `options.proto`. This crate needs nothing of ours, so that the mesh, the gateway
//! and the command line can read the same rules.

mod descriptor;
mod rules;
mod table;

pub use descriptor::{EnumValueOptions, FieldOptions, MethodOptions};
pub use rules::{Access, Caller, EnumValue, Field, Idempotency, Method, StreamFormat, UnknownFields};
pub use table::{Error, MethodRule, Table, ToolField};

#[cfg(test)]
mod tests;

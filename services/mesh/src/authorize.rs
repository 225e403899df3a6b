//! Who may call what: the one rule that the gateway and every service apply, from the `access` option of a method.

mod scan;

use options::{Caller, MethodRule, Table};
use tonic::Status;

use crate::identity::Principal;

pub use scan::{Conflict, tool_in};

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// A credential is needed and none was shown; 401 over HTTP.
    #[error("this call needs a credential and none was shown")]
    Unauthenticated,
    /// Nobody of this kind may call the method; 403 over HTTP.
    #[error("this kind of caller may not call this method")]
    Method,
    /// The caller is another tool than the request is about; 403 over HTTP.
    #[error("the caller may not act for this tool")]
    Tool,
}

impl From<Denied> for Status {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unauthenticated => Self::unauthenticated(denied.to_string()),
            Denied::Method | Denied::Tool => Self::permission_denied(denied.to_string()),
        }
    }
}

/// Decides one call: the method's rule, who calls, and the tool that the request is about.
///
/// What is not allowed is denied. Administrators and named services act for every tool; a tool and the bearer of its
/// deploy token act for that tool alone, so a request of theirs without a tool is refused where the method has a tool field.
pub fn check(rule: &MethodRule, principal: &Principal, tool: Option<&str>) -> Result<(), Denied> {
    if rule.admits(Caller::Public) {
        return Ok(());
    }
    let admitted = match principal {
        Principal::Tool(_) => rule.admits(Caller::Tool),
        Principal::Deploy(_) => rule.admits(Caller::DeployToken),
        Principal::Admin(_) => rule.admits(Caller::Admin),
        Principal::Service(name) => rule.admits_service(name),
        Principal::Anonymous => return Err(Denied::Unauthenticated),
    };
    if !admitted {
        return Err(Denied::Method);
    }
    match principal.tool() {
        Some(own) if rule.tool_field.is_some() && tool != Some(own) => Err(Denied::Tool),
        _ => Ok(()),
    }
}

/// Whether the decision needs the request's tool: only then is its first message read.
pub fn needs_tool(rule: &MethodRule, principal: &Principal) -> bool {
    rule.tool_field.is_some() && principal.tool().is_some() && !rule.admits(Caller::Public)
}

/// What a path is to authorization.
#[derive(Debug, PartialEq)]
pub enum Subject<'a> {
    /// A method with a rule.
    Method(&'a MethodRule),
    /// Health, which everybody may ask.
    Health,
    /// Reflection.
    Reflection,
    /// No method that a descriptor set describes: it is not called.
    Unknown,
}

/// Finds what a gRPC path is. Health and reflection are the only built-in exemptions.
pub fn subject<'a>(table: &'a Table, path: &str) -> Subject<'a> {
    if let Some(rule) = table.get(path) {
        return Subject::Method(rule);
    }
    match path {
        "/grpc.health.v1.Health/Check" | "/grpc.health.v1.Health/Watch" | "/grpc.health.v1.Health/List" => {
            Subject::Health
        }
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
        | "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" => Subject::Reflection,
        _ => Subject::Unknown,
    }
}

#[cfg(test)]
mod tests;

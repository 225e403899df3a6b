//! The one rule of who may call what, applied as soon as the path is known and before the body is read.

use mesh::authorize;
use mesh::identity::Principal;
use options::MethodRule;
use tonic::Status;
use transcode::Bound;

/// Decides a REST request by its path. Where the tool stands in the body, the service decides by the same rule; of a rule
/// from outside the service knows nothing, so that the path must name the tool.
pub(crate) fn check(rule: Option<&MethodRule>, principal: &Principal, bound: &Bound) -> Result<(), Status> {
    let rule = rule.ok_or_else(|| Status::permission_denied("nobody may call this method"))?;
    let field = rule.tool_field.as_ref().map(|field| field.name.as_str());
    let named = field.and_then(|field| bound.path_value(field));
    let tool = if rule.from_outside { named } else { named.or(principal.tool()) };
    Ok(authorize::check(rule, principal, tool)?)
}

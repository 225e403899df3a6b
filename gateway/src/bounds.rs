//! What one call may use: what all may, and what is said of its method.

use std::time::Duration;

use crate::policy::Policy;

/// What a setting says of the calls of methods. What is absent is as for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MethodBounds {
    /// How long a call whose client does not ask for another time may take; of a stream too.
    pub deadline: Option<Duration>,
    /// The bytes of a request body that is transcoded; of a stream, of one message.
    pub body: Option<usize>,
    /// The bytes of a message of the backend that is transcoded.
    pub message: Option<usize>,
}

impl MethodBounds {
    /// This, and what was said before where it says nothing.
    pub(crate) fn over(self, before: Self) -> Self {
        Self {
            deadline: self.deadline.or(before.deadline),
            body: self.body.or(before.body),
            message: self.message.or(before.message),
        }
    }
}

/// What one call may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How long it may take where its client does not ask; none where only a unary call has an end.
    pub(crate) deadline: Option<Duration>,
    /// The bytes of a body, or of one message of a stream.
    pub(crate) body: usize,
    /// The bytes of a message of the backend.
    pub(crate) message: usize,
}

impl Bounds {
    pub(crate) fn new(policy: &Policy, said: MethodBounds) -> Self {
        Self {
            deadline: said.deadline,
            body: said.body.unwrap_or(policy.limits.body_bytes),
            message: said.message.unwrap_or(policy.limits.message_bytes),
        }
    }
}

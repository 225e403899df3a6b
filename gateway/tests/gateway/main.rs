//! The gateway as its clients meet it: over TLS, in front of servers of the real protos.

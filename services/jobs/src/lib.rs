//! The jobs service: gRPC edge and records.

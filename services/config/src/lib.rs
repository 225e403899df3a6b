//! The config service: gRPC edge, records, certificates and homes.

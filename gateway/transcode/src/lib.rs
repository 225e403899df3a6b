//! JSON over HTTP to gRPC and back, driven by descriptors.

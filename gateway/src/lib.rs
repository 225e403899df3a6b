//! toolforged-gateway: one TLS port for REST and gRPC.

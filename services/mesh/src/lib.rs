//! The chassis of every service: serve, call, identity, authorization, deadlines, telemetry.

//! The process that holds one instance: sandbox, limits, exit code, output.

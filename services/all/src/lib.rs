//! toolforged: every service and the gateway in one process.

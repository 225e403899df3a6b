//! What a run can see and do: file systems, devices, accounts, privileges, system calls.

mod host;
pub use host::host_binds;

//! Workloads as processes on this machine.

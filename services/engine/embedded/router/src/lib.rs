//! HTTP router in front of published workloads.

//! Log segments: framed, size-capped files of a workload's output.

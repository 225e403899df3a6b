//! The port that runs workloads, its memory implementation and contract suite.

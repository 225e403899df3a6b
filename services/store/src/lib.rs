//! The port for versioned records with an atomic commit per tool, its memory implementation and contract suite.

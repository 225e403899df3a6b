//! Scenarios over the whole system and the layering test.

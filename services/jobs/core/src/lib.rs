//! What a job is: entities, rules and use cases.

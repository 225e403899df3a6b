//! What a tool is: entities, rules and use cases.

//! Rules on top of rules: what somebody who cannot edit the descriptors says about their methods.

use std::fmt;

use super::{FieldRules, MethodRules, Rules, Selector};

/// Answers as `R`, with changes for the methods that are selected, in the order they were given.
pub struct Overrides<R> {
    rules: R,
    changes: Vec<(Selector, Change)>,
}

type Change = Box<dyn Fn(&mut MethodRules) + Send + Sync>;

impl<R> Overrides<R> {
    /// The rules as they are.
    pub fn new(rules: R) -> Self {
        Self { rules, changes: Vec::new() }
    }

    /// Changes the rules of the selected methods; a later change sees what the earlier ones did.
    #[must_use]
    pub fn with(
        mut self,
        selector: Selector,
        change: impl Fn(&mut MethodRules) + Send + Sync + 'static,
    ) -> Self {
        self.changes.push((selector, Box::new(change)));
        self
    }
}

impl<R: Rules> Rules for Overrides<R> {
    fn method(&self, full_name: &str, options: &[u8]) -> MethodRules {
        let mut rules = self.rules.method(full_name, options);
        for (_, change) in self.changes.iter().filter(|(selector, _)| selector.matches(full_name)) {
            change(&mut rules);
        }
        rules
    }

    fn field(&self, options: &[u8]) -> FieldRules {
        self.rules.field(options)
    }

    fn enum_value(&self, options: &[u8]) -> Option<String> {
        self.rules.enum_value(options)
    }
}

impl<R: fmt::Debug> fmt::Debug for Overrides<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let selectors: Vec<&Selector> = self.changes.iter().map(|(selector, _)| selector).collect();
        f.debug_struct("Overrides").field("rules", &self.rules).field("changes", &selectors).finish()
    }
}

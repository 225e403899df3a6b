//! Rules on top of rules: what somebody who cannot edit the descriptors says about their methods, fields and enums.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{FieldRules, MethodRules, Rules, Selector};

/// Answers as `R`, with changes for what is selected, in the order they were given.
pub struct Overrides<R> {
    rules: R,
    methods: Vec<Change<Edit<MethodRules>>>,
    fields: Vec<Change<Edit<FieldRules>>>,
    words: Vec<Change<String>>,
}

type Edit<T> = Box<dyn Fn(&mut T) + Send + Sync>;

/// What is said of everything that a selector names.
struct Change<T> {
    selector: Selector,
    /// Which entries of the selector have named anything so far.
    used: Vec<AtomicBool>,
    what: T,
}

/// An entry of a selector that has named nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unused {
    /// Of methods.
    Method(String),
    /// Of fields.
    Field(String),
    /// Of values of enums.
    EnumValue(String),
}

impl<R> Overrides<R> {
    /// The rules as they are.
    pub fn new(rules: R) -> Self {
        Self { rules, methods: Vec::new(), fields: Vec::new(), words: Vec::new() }
    }

    /// Changes the rules of the selected methods (`pkg.Service.Method`); a later change sees what the earlier ones did.
    #[must_use]
    pub fn with(
        mut self,
        selector: Selector,
        change: impl Fn(&mut MethodRules) + Send + Sync + 'static,
    ) -> Self {
        self.methods.push(Change::new(selector, Box::new(change)));
        self
    }

    /// Changes the rules of the selected fields (`pkg.Message.field`) in the same way.
    #[must_use]
    pub fn with_fields(
        mut self,
        selector: Selector,
        change: impl Fn(&mut FieldRules) + Send + Sync + 'static,
    ) -> Self {
        self.fields.push(Change::new(selector, Box::new(change)));
        self
    }

    /// Gives the selected values of enums (`pkg.Enum.VALUE`) a word for JSON; the last one counts.
    #[must_use]
    pub fn with_enum_values(mut self, selector: Selector, word: String) -> Self {
        self.words.push(Change::new(selector, word));
        self
    }

    /// The entries of selectors that have named nothing of what was asked for so far. Of a program that was compiled with
    /// these rules: what it does not have.
    pub fn unused(&self) -> Vec<Unused> {
        let methods = self.methods.iter().flat_map(Change::unused).map(Unused::Method);
        let fields = self.fields.iter().flat_map(Change::unused).map(Unused::Field);
        let words = self.words.iter().flat_map(Change::unused).map(Unused::EnumValue);
        methods.chain(fields).chain(words).collect()
    }
}

impl<T> Change<T> {
    fn new(selector: Selector, what: T) -> Self {
        let used = selector.entries().map(|_| AtomicBool::new(false)).collect();
        Self { selector, used, what }
    }

    /// What is said of this name, if anything is.
    fn of(&self, full_name: &str) -> Option<&T> {
        let mut is_selected = false;
        for (entry, used) in self.selector.entries().zip(&self.used) {
            if entry.matches(full_name) {
                used.store(true, Ordering::Relaxed);
                is_selected = true;
            }
        }
        is_selected.then_some(&self.what)
    }

    fn unused(&self) -> impl Iterator<Item = String> {
        let entries = self.selector.entries().zip(&self.used);
        entries.filter(|(_, used)| !used.load(Ordering::Relaxed)).map(|(entry, _)| entry.to_string())
    }
}

impl<R: Rules> Rules for Overrides<R> {
    fn method(&self, full_name: &str, options: &[u8]) -> MethodRules {
        let mut rules = self.rules.method(full_name, options);
        for change in self.methods.iter().filter_map(|change| change.of(full_name)) {
            change(&mut rules);
        }
        rules
    }

    fn field(&self, full_name: &str, options: &[u8]) -> FieldRules {
        let mut rules = self.rules.field(full_name, options);
        for change in self.fields.iter().filter_map(|change| change.of(full_name)) {
            change(&mut rules);
        }
        rules
    }

    fn enum_value(&self, full_name: &str, options: &[u8]) -> Option<String> {
        // every change is asked, so that none counts as unused because of a later one
        let said =
            self.words.iter().filter_map(|change| change.of(full_name)).fold(None, |_, word| Some(word));
        said.cloned().or_else(|| self.rules.enum_value(full_name, options))
    }
}

impl<R: fmt::Debug> fmt::Debug for Overrides<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn selectors<T>(changes: &[Change<T>]) -> Vec<&Selector> {
            changes.iter().map(|change| &change.selector).collect()
        }
        f.debug_struct("Overrides")
            .field("rules", &self.rules)
            .field("methods", &selectors(&self.methods))
            .field("fields", &selectors(&self.fields))
            .field("words", &selectors(&self.words))
            .finish()
    }
}

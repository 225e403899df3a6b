//! How methods differ from what the descriptors say of them, said from outside.

mod fields;
mod methods;

use options::{Access, Table};
use transcode::{CompileOptions, Overrides};

pub use fields::{EnumValueSetting, FieldSetting};
pub use methods::MethodSetting;

use crate::bounds::MethodBounds;
use crate::rules::PlatformRules;

/// The mapping of all methods, and what differs for some. In each list a later setting wins over an earlier one, word by
/// word, and over the options in the descriptors.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    /// What holds for all. How much a query may be is said by [`crate::Limits`] instead.
    pub options: CompileOptions,
    /// What differs for methods.
    pub methods: Vec<MethodSetting>,
    /// What differs for fields.
    pub fields: Vec<FieldSetting>,
    /// What differs for values of enums.
    pub enum_values: Vec<EnumValueSetting>,
}

impl Mapping {
    /// The rules of the descriptors with what is said here.
    pub(crate) fn rules<'t>(&self, access: &'t Table) -> Overrides<PlatformRules<'t>> {
        let rules = Overrides::new(PlatformRules::new(access));
        let rules = self.methods.iter().cloned().fold(rules, |rules, setting| {
            rules.with(setting.selector.clone(), move |rules| setting.apply(rules))
        });
        let rules = self.fields.iter().cloned().fold(rules, |rules, setting| {
            rules.with_fields(setting.selector.clone(), move |rules| setting.apply(rules))
        });
        self.enum_values.iter().fold(rules, |rules, setting| {
            rules.with_enum_values(setting.selector.clone(), setting.word.clone())
        })
    }

    /// Who may call a method, where it is said here.
    pub(crate) fn access(&self, full_name: &str) -> Option<Access> {
        let mut said = self.methods.iter().filter(|setting| setting.access.is_some());
        said.rfind(|setting| setting.selector.matches(full_name)).and_then(|setting| setting.access.clone())
    }

    /// What calls of a method may use, where it is said here.
    pub(crate) fn bounds(&self, full_name: &str) -> MethodBounds {
        let selected = self.methods.iter().filter(|setting| setting.selector.matches(full_name));
        selected.fold(MethodBounds::default(), |said, setting| setting.bounds.over(said))
    }
}

//! `@daily` and its like: a slot that depends only on the names of tool and job (contract 3.6).

use super::failure;
use super::grammar::Field;
use super::twister::Twister;
use crate::{JobName, ToolName};

/// A macro.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Macro {
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

impl Macro {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "@hourly" => Self::Hourly,
            "@daily" => Self::Daily,
            "@weekly" => Self::Weekly,
            "@monthly" => Self::Monthly,
            "@yearly" => Self::Yearly,
            _ => {
                let shown = super::clip(text);
                return Err(failure(
                    text,
                    &format!(
                        "Invalid at-macro '{shown}', supported macros are: \
                         @hourly, @daily, @weekly, @monthly, @yearly"
                    ),
                ));
            }
        })
    }

    /// Which of minute, hour, day, month, weekday the macro fixes.
    const fn fixed(self) -> [bool; 5] {
        match self {
            Self::Hourly => [true, false, false, false, false],
            Self::Daily => [true, true, false, false, false],
            Self::Weekly => [true, true, false, false, true],
            Self::Monthly => [true, true, true, false, false],
            Self::Yearly => [true, true, true, true, false],
        }
    }

    /// The five fields: each that is fixed is drawn in order, the others draw nothing.
    pub(super) fn slot(self, tool: &ToolName, job: &JobName) -> [String; 5] {
        let mut random = Twister::seeded(&format!("{tool} {job}"));
        let mut slot = [const { String::new() }; 5];
        for ((field, fixed), text) in Field::ALL.iter().zip(self.fixed()).zip(&mut slot) {
            *text = if fixed {
                (random.below(field.width()) + field.minimum()).to_string()
            } else {
                "*".to_owned()
            };
        }
        slot
    }
}

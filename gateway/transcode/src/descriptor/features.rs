//! Editions features, resolved: what `proto2`, `proto3` and each edition mean, and how options override it.
//!
//! Source: `google/protobuf/descriptor.proto`, message `FeatureSet` and its edition defaults.

use super::FileDescriptor;
use crate::wire::{last_len_field, last_varint_field};

/// The features that change how a value is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Features {
    /// Unset differs from the default value.
    pub(crate) explicit_presence: bool,
    /// The field must be set (proto2 `required`).
    pub(crate) required: bool,
    /// Numbers without a name are kept.
    pub(crate) open_enum: bool,
    /// Repeated scalars share one length-delimited record.
    pub(crate) packed: bool,
    /// Messages are written as groups.
    pub(crate) delimited: bool,
}

/// Where feature overrides live in each options message.
pub(crate) mod slot {
    pub(crate) const FILE: u32 = 50;
    pub(crate) const MESSAGE: u32 = 12;
    pub(crate) const FIELD: u32 = 21;
    pub(crate) const ENUM: u32 = 7;
}

impl Features {
    const PROTO2: Self =
        Self { explicit_presence: true, required: false, open_enum: false, packed: false, delimited: false };
    const PROTO3: Self = Self { explicit_presence: false, open_enum: true, packed: true, ..Self::PROTO2 };
    const EDITION_2023: Self = Self { explicit_presence: true, ..Self::PROTO3 };

    /// The features of a file: those of its syntax, with its own options on top.
    pub(crate) fn of_file(file: &FileDescriptor) -> Self {
        const FIRST_EDITION: i32 = 1000;
        let base = match file.syntax.as_str() {
            "proto3" => Self::PROTO3,
            "editions" => Self::EDITION_2023,
            _ if file.edition >= FIRST_EDITION => Self::EDITION_2023,
            _ => Self::PROTO2,
        };
        base.overridden(&file.options, slot::FILE)
    }

    /// These features with the overrides found in `options` at `slot`.
    pub(crate) fn overridden(mut self, options: &[u8], slot: u32) -> Self {
        let Some(set) = last_len_field(options, slot) else { return self };
        match last_varint_field(set, 1) {
            Some(1) => (self.explicit_presence, self.required) = (true, false),
            Some(2) => (self.explicit_presence, self.required) = (false, false),
            Some(3) => (self.explicit_presence, self.required) = (true, true),
            _ => {}
        }
        self.open_enum = chosen(set, 2, 1, 2).unwrap_or(self.open_enum);
        self.packed = chosen(set, 3, 1, 2).unwrap_or(self.packed);
        self.delimited = chosen(set, 5, 2, 1).unwrap_or(self.delimited);
        self
    }
}

/// Whether feature `number` has the value `yes` or `no`; nothing when it is not set.
fn chosen(set: &[u8], number: u32, yes: u64, no: u64) -> Option<bool> {
    match last_varint_field(set, number) {
        Some(value) if value == yes => Some(true),
        Some(value) if value == no => Some(false),
        _ => None,
    }
}

//! Formats of output. Their values have no help of their own: it would make every help text long.

use clap::ValueEnum;

/// Formats of lists of jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum List {
    // A framed table: name, type, status
    #[default]
    Normal,
    // A framed table with everything
    Long,
    // Names, one a line
    Name,
    // Columns
    Table,
    // More columns
    Wide,
    // The JSON of the REST API
    Json,
    // The same as YAML
    Yaml,
}

/// Formats of one thing, with the framed table of former clients as `normal`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Show {
    // A framed table
    #[default]
    Normal,
    // Columns
    Table,
    // More columns
    Wide,
    // The JSON of the REST API
    Json,
    // The same as YAML
    Yaml,
}

/// Formats of lists of runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Columns {
    // Columns
    #[default]
    Table,
    // More columns
    Wide,
    // Names, one a line
    Name,
    // The JSON of the REST API
    Json,
    // The same as YAML
    Yaml,
}

/// Formats that are for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    // JSON.
    Json,
    // YAML.
    Yaml,
}

impl List {
    /// The format, where it is one for programs.
    pub(crate) fn machine(self) -> Option<Machine> {
        match self {
            Self::Json => Some(Machine::Json),
            Self::Yaml => Some(Machine::Yaml),
            Self::Normal | Self::Long | Self::Name | Self::Table | Self::Wide => None,
        }
    }
}

impl Show {
    /// The format, where it is one for programs.
    pub(crate) fn machine(self) -> Option<Machine> {
        match self {
            Self::Json => Some(Machine::Json),
            Self::Yaml => Some(Machine::Yaml),
            Self::Normal | Self::Table | Self::Wide => None,
        }
    }
}

impl Columns {
    /// The format, where it is one for programs.
    pub(crate) fn machine(self) -> Option<Machine> {
        match self {
            Self::Json => Some(Machine::Json),
            Self::Yaml => Some(Machine::Yaml),
            Self::Table | Self::Wide | Self::Name => None,
        }
    }
}

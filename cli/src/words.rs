//! The words that REST and users have for enum values. A test compares them with the options on the protos.

use api::jobs::v1::{
    CatchUp, Concurrency, Emails, HealthCheckType, ImageState, JobType, Mount, PortProtocol, RunState,
    RunTrigger, StatusShort,
};

/// An enum value that has a word.
pub(crate) trait Word: Copy + 'static {
    /// Every value with its word.
    const WORDS: &'static [(Self, &'static str)];

    /// The word; empty for a value that is not stated.
    fn word(self) -> &'static str
    where
        Self: PartialEq,
    {
        Self::WORDS.iter().find(|(value, _)| *value == self).map_or("", |(_, word)| word)
    }

    /// The value that a word names.
    fn named(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(value, _)| *value)
    }
}

macro_rules! words {
    ($($type:ident { $($value:ident = $word:literal),+ $(,)? })+) => {
        $(impl Word for $type {
            const WORDS: &'static [(Self, &'static str)] = &[$((Self::$value, $word)),+];
        })+
    };
}

words! {
    JobType { OneOff = "one-off", Scheduled = "scheduled", Continuous = "continuous", Webservice = "webservice" }
    Emails { None = "none", All = "all", Onfinish = "onfinish", Onfailure = "onfailure" }
    Mount { All = "all", None = "none" }
    PortProtocol { Tcp = "tcp", Udp = "udp" }
    HealthCheckType { Script = "script", Http = "http" }
    ImageState { Stable = "stable", Deprecated = "deprecated", Unknown = "unknown" }
    StatusShort {
        Pending = "pending", Running = "running", Succeeded = "succeeded", Failed = "failed", Unknown = "unknown",
    }
    Concurrency { Forbid = "forbid", Allow = "allow", Replace = "replace", Queue = "queue" }
    CatchUp { None = "none", Latest = "latest", All = "all" }
    RunTrigger { Create = "create", Schedule = "schedule", Manual = "manual", Restart = "restart" }
    RunState {
        Pending = "pending", Running = "running", Succeeded = "succeeded", Failed = "failed",
        Cancelled = "cancelled", Skipped = "skipped", Missed = "missed", Queued = "queued",
    }
}

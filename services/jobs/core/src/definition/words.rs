//! Fields that take one word of a few.

use std::fmt;

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// Every word, in the order of the contract.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// The meaning of a word; exact, lower case.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// The types of jobs.
    JobType {
        /// Runs once.
        OneOff = "one-off",
        /// Runs at times.
        Scheduled = "scheduled",
        /// Runs for ever.
        Continuous = "continuous",
        /// Runs for ever and is published.
        Webservice = "webservice",
    }
}

impl JobType {
    /// Whether it is kept running.
    pub const fn is_always(self) -> bool {
        matches!(self, Self::Continuous | Self::Webservice)
    }
}

words! {
    /// When mail is wanted (contract 3.19).
    Emails {
        /// Never.
        None = "none",
        /// At every change.
        All = "all",
        /// When it ends.
        OnFinish = "onfinish",
        /// When it fails.
        OnFailure = "onfailure",
    }
}

words! {
    /// Which file systems a job sees (contract 3.8).
    Mount {
        /// The tool's home and the shared ones.
        All = "all",
        /// None but its image.
        None = "none",
    }
}

words! {
    /// The transport of a port.
    PortProtocol {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
    }
}

words! {
    /// What happens to a due run while another of the job is open; not in the contract, `forbid` is its behaviour.
    Concurrency {
        /// The due run is skipped.
        Forbid = "forbid",
        /// Both run.
        Allow = "allow",
        /// The open run is cancelled.
        Replace = "replace",
        /// The due run waits; one at most.
        Queue = "queue",
    }
}

words! {
    /// Which due times are made up for after an outage; not in the contract.
    CatchUp {
        /// None that is late by more than half a minute.
        None = "none",
        /// The latest, if it is not too late.
        Latest = "latest",
        /// All, at most a hundred.
        All = "all",
    }
}

//! Which versions of a backend its endpoints serve, and which endpoints a call may therefore go to.
//!
//! Every endpoint is marked with all bits but the one of its version. A call needs the bits of all versions that do not
//! have its method as the caller knows it, and of those that have not been seen: what a call needs stays true while
//! versions come and go, however long it waits.

use std::sync::Arc;

use mesh::client::Channel;

use crate::schema::Methods;

/// An endpoint with this bit is there, says that it serves, and its schema is known.
const READY: u8 = 1;

/// So many versions can be told apart.
pub(crate) const MOST: usize = 7;

/// What is known of the versions of a backend.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    /// The methods of the schema in force.
    pub(crate) in_force: Option<Arc<Methods>>,
    /// The methods of each version that an endpoint has.
    pub(crate) methods: [Option<Arc<Methods>>; MOST],
    /// The count of ended connections of each endpoint, and what it is fit for.
    pub(crate) endpoints: Vec<(u64, u8)>,
}

impl Versions {
    /// What an endpoint is fit for that is ready with this version.
    pub(crate) fn fitness(version: usize) -> u8 {
        u8::MAX ^ bit(version)
    }

    /// What an endpoint must be fit for to be called for a method as it is here, or as the schema in force has it.
    pub(super) fn needs(&self, methods: Option<&Methods>, path: &str) -> u8 {
        let Some(methods) = methods.or(self.in_force.as_deref()) else { return u8::MAX };
        let served = |methods_of: &Option<Arc<Methods>>| {
            methods_of.as_ref().is_some_and(|served| served.agree(methods, path))
        };
        let good = (0..).zip(&self.methods).filter(|(_, methods)| served(methods));
        good.fold(u8::MAX, |needs, (version, _)| needs ^ bit(version))
    }

    /// Whether any endpoint is fit for this, and was not lost since.
    pub(super) fn any_fit(&self, needs: u8, channel: &Channel) -> bool {
        let mut endpoints = self.endpoints.iter().enumerate();
        endpoints.any(|(index, (ended, fitness))| fitness & needs == needs && channel.ended(index) == *ended)
    }
}

fn bit(version: usize) -> u8 {
    READY << (version + 1).min(MOST)
}

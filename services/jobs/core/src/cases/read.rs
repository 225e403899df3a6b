//! Looking at jobs, images and quotas.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use engine::Image;
use futures_core::stream::BoxStream;
use futures_util::stream;

use super::{JobView, Jobs};
use crate::{Error, JobName, QuotaDocument, ToolName, Usage, image};

/// One thing that happened to a tool's jobs.
#[derive(Clone, Debug)]
pub enum JobEvent {
    /// A job is, or has become, so.
    Put(Box<JobView>),
    /// A job is gone.
    Gone(JobName),
    /// Every job that there is now was told.
    Synced,
}

/// What happens to a tool's jobs; ends only with an error.
pub type JobEvents = BoxStream<'static, Result<JobEvent, Error>>;

impl Jobs {
    /// One job.
    pub async fn get(&self, tool: &ToolName, name: &JobName) -> Result<JobView, Error> {
        let state = self.inner.repository.load(tool).await?;
        let job = state.job(name).ok_or_else(|| Error::JobNotFound(name.clone()))?;
        Ok(self.view(job, &state, &self.catalogue().await?))
    }

    /// All jobs of a tool, by name.
    pub async fn list(&self, tool: &ToolName) -> Result<Vec<JobView>, Error> {
        let state = self.inner.repository.load(tool).await?;
        let catalogue = self.catalogue().await?;
        let present = state.jobs.iter().filter(|job| job.is_present());
        let mut views: Vec<JobView> = present.map(|job| self.view(job, &state, &catalogue)).collect();
        views.sort_by(|a, b| a.job.name().cmp(b.job.name()));
        Ok(views)
    }

    /// The jobs of a tool and every change of them or of their status.
    pub fn watch(&self, tool: &ToolName) -> JobEvents {
        let watch = Watch {
            changed: self.inner.board.subscribe(tool),
            jobs: self.clone(),
            tool: tool.clone(),
            told: BTreeMap::new(),
            ready: VecDeque::new(),
            is_synced: false,
        };
        Box::pin(stream::try_unfold(watch, Watch::next))
    }

    /// The images that users should choose, by name.
    pub async fn images(&self) -> Result<Vec<Image>, Error> {
        Ok(image::listed(&self.catalogue().await?))
    }

    /// What a tool may use, and uses.
    pub async fn quota(&self, tool: &ToolName) -> Result<QuotaDocument, Error> {
        let state = self.inner.repository.load(tool).await?;
        let usage = Usage::of(state.jobs.iter(), state.runs.iter());
        Ok(QuotaDocument::new(&self.limits(tool), &usage))
    }
}

#[derive(Debug)]
struct Watch {
    changed: tokio::sync::watch::Receiver<u64>,
    jobs: Jobs,
    tool: ToolName,
    told: BTreeMap<JobName, JobView>,
    ready: VecDeque<JobEvent>,
    is_synced: bool,
}

impl Watch {
    async fn next(mut self) -> Result<Option<(JobEvent, Self)>, Error> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some((event, self)));
            }
            // the sender lives as long as the service, which this holds
            if self.is_synced && self.changed.changed().await.is_err() {
                return Ok(None);
            }
            self.changed.mark_unchanged();
            self.look().await?;
        }
    }

    async fn look(&mut self) -> Result<(), Error> {
        let views = self.jobs.list(&self.tool).await?;
        let gone: Vec<JobName> = self
            .told
            .keys()
            .filter(|name| !views.iter().any(|view| view.job.name() == *name))
            .cloned()
            .collect();
        for name in gone {
            self.told.remove(&name);
            self.ready.push_back(JobEvent::Gone(name));
        }
        for view in views {
            let name = view.job.name().clone();
            if !self.told.get(&name).is_some_and(|told| told.shows_same(&view)) {
                self.ready.push_back(JobEvent::Put(Box::new(view.clone())));
                self.told.insert(name, view);
            }
        }
        if !self.is_synced {
            self.ready.push_back(JobEvent::Synced);
            self.is_synced = true;
        }
        Ok(())
    }
}

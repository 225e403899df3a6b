//! Looking at jobs, images and quotas.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use engine::Image;
use futures_core::stream::BoxStream;
use futures_util::{future, stream};

use super::{JobView, Jobs};
use crate::{Error, Job, JobName, LegacyStatus, QuotaDocument, Status, ToolName, ToolState, Usage, image};

/// A watch looks at least this often.
const LOOK: Duration = Duration::from_secs(30);

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
        Ok(self.views(&[job], &state).await.swap_remove(0))
    }

    /// All jobs of a tool, by name.
    pub async fn list(&self, tool: &ToolName) -> Result<Vec<JobView>, Error> {
        let state = self.inner.repository.load(tool).await?;
        let mut present: Vec<&Job> = state.jobs.iter().filter(|job| job.is_present()).collect();
        present.sort_by(|a, b| a.name().cmp(b.name()));
        Ok(self.views(&present, &state).await)
    }

    /// Jobs as users see them. When the engine cannot be asked their definitions are shown all the same, and the
    /// status says that it is not known.
    pub(crate) async fn views(&self, jobs: &[&Job], state: &ToolState) -> Vec<JobView> {
        let catalogue = self.catalogue().await;
        let known = catalogue.as_deref().unwrap_or_default();
        let mut views: Vec<JobView> = jobs.iter().map(|job| self.view(job, state, known)).collect();
        if let Err(error) = &catalogue {
            tracing::error!(error = error.operator(), "the status of jobs cannot be had");
            for view in &mut views {
                view.status = Status::unavailable();
                view.legacy = LegacyStatus::unavailable();
            }
        }
        views
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
            if self.is_synced {
                // a status changes with time too, without anything happening
                let clock = Arc::clone(&self.jobs.inner.clock);
                let changed = std::pin::pin!(self.changed.changed());
                future::select(changed, clock.sleep(LOOK)).await;
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

//! Makes the engine what the records say, and the records what the engine did; safe to stop and repeat at any point.

mod close;
mod collect;
mod converge;
mod due;
mod judge;
mod schedule;
mod tend;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use engine::{Kind, Workload, WorkloadId};
use futures_util::future::{self, BoxFuture, Either};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;

use crate::{Error, Jobs, Run, RunState, ToolName, clock};

/// Between two tries of what failed.
const RETRY: Duration = Duration::from_secs(5);
/// The wall clock is looked at this often, because it may jump while nothing else happens.
const LOOK: Duration = Duration::from_secs(30);

/// Runs that are too old are looked for this often.
const HISTORY: Duration = Duration::from_hours(6);

/// What the loop has done.
enum Chore {
    /// A tool was looked at, and is to be looked at again then.
    Tended(ToolName, Option<Timestamp>),
    /// Something that was to end was told to.
    Removed(WorkloadId),
    /// The history was looked through.
    Pruned,
}

/// What the loop is doing, and what it is to do.
#[derive(Default)]
struct Round<'a> {
    wakes: BTreeMap<ToolName, Timestamp>,
    /// Tools that are being looked at.
    busy: HashSet<ToolName>,
    /// Tools that changed while they were being looked at.
    again: BTreeSet<ToolName>,
    /// Workloads that are being told to end.
    ending: HashSet<WorkloadId>,
    /// When the history is to be looked through next.
    history_at: Option<Timestamp>,
    chores: FuturesUnordered<BoxFuture<'a, Chore>>,
}

impl Round<'_> {
    /// The tools to look at now: those that changed and those that are due, none twice at a time.
    fn ready(&mut self, changed: BTreeSet<ToolName>, now: Timestamp) -> Vec<ToolName> {
        let due = self.wakes.iter().filter(|(_, wake)| **wake <= now).map(|(tool, _)| tool.clone());
        let mut ready: BTreeSet<ToolName> = due.chain(changed).collect();
        ready.append(&mut self.again);
        let (busy, free): (BTreeSet<_>, BTreeSet<_>) =
            ready.into_iter().partition(|tool| self.busy.contains(tool));
        self.again = busy;
        for tool in &free {
            self.wakes.remove(tool);
            self.busy.insert(tool.clone());
        }
        free.into_iter().collect()
    }

    fn done(&mut self, chore: Chore) {
        match chore {
            Chore::Tended(tool, wake) => {
                self.busy.remove(&tool);
                self.wakes.extend(wake.map(|wake| (tool, wake)));
            }
            Chore::Removed(id) => drop(self.ending.remove(&id)),
            Chore::Pruned => {}
        }
    }
}

impl Jobs {
    /// Brings engine and records together, then keeps them so. Never returns: whoever runs it drops it to stop.
    pub async fn run(&self) {
        while let Err(error) = self.recover().await {
            tracing::error!(error = error.operator(), "jobs cannot be recovered yet");
            self.inner.clock.sleep(RETRY).await;
        }
        future::join(self.follow(), self.keep_time()).await;
    }

    /// Gives the engine everything that is wanted, and tells it that this is all.
    pub async fn recover(&self) -> Result<(), Error> {
        let _all = self.inner.gate.write().await;
        let catalogue = self.catalogue().await?;
        let mut wanted = Vec::new();
        for tool in self.inner.repository.tools().await? {
            let state = self.inner.repository.load(&tool).await?;
            for job in state.jobs.iter().filter(|job| job.is_present() && !job.has_runs()) {
                wanted.push(job.workload_id());
                let workload = self.resolve(job, &catalogue).always(job, &self.inner.site);
                self.give(&tool, workload, job.restarted_at).await;
            }
            for run in state.runs.iter().filter(|run| is_wanted(run)) {
                // what a deleted job still had is not wanted any more, how ever it ended
                let job = state.job_by_uid(&run.job_uid).filter(|job| job.is_present());
                wanted.extend(job.map(|_| run.workload_id()));
                if let Some(job) = job.filter(|_| run.state.is_open()) {
                    let workload = self.resolve(job, &catalogue).once(job, run, &self.inner.site);
                    self.give(&tool, workload, None).await;
                }
            }
            self.inner.board.poke(&tool);
        }
        self.inner.engine.retain(&wanted).await.map_err(Error::of_engine)
    }

    /// A refusal is not the end of recovery: the job's status tells, and it is tried again.
    async fn give(&self, tool: &ToolName, workload: Workload, restarted_at: Option<Timestamp>) {
        let restarted_at = restarted_at.filter(|_| matches!(workload.kind, Kind::Always { .. }));
        let name = workload.name.clone();
        if let Err(error) = self.apply(tool, workload, restarted_at).await {
            tracing::warn!(%tool, job = name, error = error.operator(), "a job cannot be given to the engine");
        }
    }

    /// Follows the engine, for ever.
    async fn follow(&self) {
        loop {
            match self.inner.engine.observe().await {
                Ok(mut observations) => {
                    self.inner.board.begin();
                    while let Some(observation) = observations.next().await {
                        self.inner.board.observe(observation);
                    }
                    tracing::warn!("the engine ended its observations, asking again");
                }
                Err(error) => {
                    tracing::error!(
                        error = Error::of_engine(error).operator(),
                        "the engine cannot be observed"
                    );
                }
            }
            self.inner.clock.sleep(Duration::from_secs(1)).await;
        }
    }

    /// Looks at every tool when something of it changed or is due, for ever.
    async fn keep_time(&self) {
        let mut round = Round::default();
        // never empty, so that waiting for the next chore is waiting
        round.chores.push(future::pending().boxed());
        loop {
            let now = self.inner.clock.now();
            if round.history_at.is_none_or(|at| at <= now) {
                round.history_at = Some(clock::after(now, HISTORY));
                round.chores.push(self.look_through_history().boxed());
            }
            for tool in round.ready(self.inner.board.take_dirty(), now) {
                for id in self.to_end(&tool).await {
                    if round.ending.insert(id.clone()) {
                        round.chores.push(self.end(tool.clone(), id).boxed());
                    }
                }
                round.chores.push(self.look_after(tool).boxed());
            }
            let patience = round.wakes.values().min().map_or(LOOK, |wake| clock::since(now, *wake).min(LOOK));
            let poked = std::pin::pin!(self.inner.board.poked());
            let pause = future::select(poked, self.inner.clock.sleep(patience));
            if let Either::Left((Some(chore), _)) = future::select(round.chores.next(), pause).await {
                round.done(chore);
            }
        }
    }

    async fn look_after(&self, tool: ToolName) -> Chore {
        let wake = self.tend(&tool).await.unwrap_or_else(|error| {
            tracing::error!(%tool, error = error.operator(), "jobs of a tool cannot be looked after");
            Some(clock::after(self.inner.clock.now(), RETRY))
        });
        Chore::Tended(tool, wake)
    }

    async fn look_through_history(&self) -> Chore {
        if let Err(error) = self.prune_all().await {
            tracing::warn!(error = error.operator(), "old runs cannot be forgotten yet");
        }
        Chore::Pruned
    }

    async fn end(&self, tool: ToolName, id: WorkloadId) -> Chore {
        self.remove_or_warn(&tool, &id).await;
        self.inner.board.poke(&tool);
        Chore::Removed(id)
    }
}

/// Whether the engine is to hold a run's workload: until the run has left, so that its end can be seen.
fn is_wanted(run: &Run) -> bool {
    run.live && run.cancelled_at.is_none() && run.state.was_started() && run.state != RunState::Queued
}

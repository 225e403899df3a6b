//! Output that was kept: pages of it, and those who follow it.

use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::state::{Entry, Follower, State};
use crate::{Direction, Error, InstanceId, Kind, LogEntry, LogPage, LogQuery, Phase, Position, Stream};

/// One line of output and its number among those of its instance.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    tool: String,
    name: String,
    entry: LogEntry,
    ordinal: u64,
}

impl Kept {
    /// The order of a job's entries.
    fn key(&self) -> (Timestamp, &InstanceId, u64) {
        (self.entry.time, &self.entry.instance, self.ordinal)
    }

    fn position(&self, left: Option<u64>) -> Position {
        Position { time: self.entry.time, instance: self.entry.instance.clone(), ordinal: self.ordinal, left }
    }
}

impl State {
    /// Keeps a line and gives it to those who follow.
    pub(super) fn keep(&mut self, id: &InstanceId, stream: Stream, message: String) {
        let Some(run) = self.runs.get(id) else {
            return;
        };
        // a cursor has microseconds
        let time = Timestamp::from_microsecond(self.now.as_microsecond()).unwrap_or(self.now);
        let entry =
            LogEntry { instance: id.clone(), workload: run.instance.workload.clone(), time, stream, message };
        let ordinal = self.output.iter().filter(|kept| kept.entry.instance == *id).count() as u64;
        let (tool, name) = (run.instance.tool.clone(), run.instance.name.clone());
        let kept = Kept { tool, name, entry, ordinal };
        self.followers.retain(|follower| {
            !matches(&kept, &follower.query) || follower.sender.send(Ok(kept.entry.clone())).is_ok()
        });
        self.output.push(kept);
    }

    /// One page, as the port says it.
    pub(super) fn page(&self, query: &LogQuery) -> Result<LogPage, Error> {
        let after = query.cursor.as_ref().map(Position::parse).transpose()?;
        let left = after.as_ref().map_or(query.lines, |position| position.left);
        let mut found = self.window(query);
        if let Some(after) = &after {
            let place = (after.time, &after.instance, after.ordinal);
            match query.direction {
                Direction::OldestFirst => found.retain(|kept| kept.key() > place),
                Direction::NewestFirst => found.retain(|kept| kept.key() < place),
            }
        } else if let Some(lines) = query.lines {
            let skip = found.len().saturating_sub(usize::try_from(lines).unwrap_or(usize::MAX));
            found.drain(..skip);
        }
        if query.direction == Direction::NewestFirst {
            found.reverse();
        }
        let most = left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX);
        found.truncate(most);
        let more = found.len() > query.page_size.max(1);
        found.truncate(query.page_size.max(1));
        let left = left.map(|left| left - found.len() as u64);
        let next = found.last().filter(|_| more).map(|last| last.position(left).cursor());
        Ok(LogPage { entries: found.into_iter().map(|kept| kept.entry.clone()).collect(), next })
    }

    /// What is kept, and then what comes, until the job has ended.
    pub(super) fn follow(&mut self, query: LogQuery) -> BoxStream<'static, Result<LogEntry, Error>> {
        let mut kept = self.window(&query);
        if let Some(lines) = query.lines {
            let skip = kept.len().saturating_sub(usize::try_from(lines).unwrap_or(usize::MAX));
            kept.drain(..skip);
        }
        let kept: Vec<_> = kept.into_iter().map(|kept| Ok(kept.entry.clone())).collect();
        let (sender, receiver) = mpsc::unbounded_channel();
        if !self.has_ended(&query) {
            self.followers.push(Follower { query, sender });
        }
        let new = stream::unfold(receiver, async |mut receiver| {
            receiver.recv().await.map(|entry| (entry, receiver))
        });
        stream::iter(kept).chain(new).boxed()
    }

    /// Lets those go who follow something that has ended.
    pub(super) fn end_followers(&mut self) {
        let mut followers = std::mem::take(&mut self.followers);
        followers.retain(|follower| !self.has_ended(&follower.query) && !follower.sender.is_closed());
        self.followers = followers;
    }

    fn window(&self, query: &LogQuery) -> Vec<&Kept> {
        let mut found: Vec<&Kept> = self.output.iter().filter(|kept| matches(kept, query)).collect();
        found.sort_by_key(|kept| kept.key());
        found
    }

    /// Nothing can be added any more to what the query asks for.
    fn has_ended(&self, query: &LogQuery) -> bool {
        let past = query.until.is_some_and(|until| until < self.now);
        let asked = |tool: &str, name: &str| query.tool == tool && query.name == name;
        let running = self.runs.values().map(|run| &run.instance).any(|instance| {
            asked(&instance.tool, &instance.name)
                && query.workload.as_ref().is_none_or(|id| *id == instance.workload)
                && !instance.is_finished()
        });
        let coming = self.entries.values().any(|entry| {
            asked(&entry.workload.tool, &entry.workload.name)
                && query.workload.as_ref().is_none_or(|id| *id == entry.workload.id)
                && !self.is_over(entry)
        });
        past || !(running || coming)
    }

    /// No instance of it will be made any more.
    fn is_over(&self, entry: &Entry) -> bool {
        let Kind::Once { retries, .. } = entry.workload.kind else {
            return false;
        };
        let of = || self.runs.values().filter(|run| run.instance.workload == entry.workload.id);
        let failures = of().filter(|run| run.instance.phase == Phase::Failed).count();
        let succeeded = of().any(|run| run.instance.phase == Phase::Succeeded);
        succeeded || failures > retries as usize || entry.overdue
    }
}

fn matches(kept: &Kept, query: &LogQuery) -> bool {
    kept.tool == query.tool
        && kept.name == query.name
        && query.workload.as_ref().is_none_or(|id| *id == kept.entry.workload)
        && query.stream.is_none_or(|stream| stream == kept.entry.stream)
        && query.since.is_none_or(|since| kept.entry.time >= since)
        && query.until.is_none_or(|until| kept.entry.time <= until)
}

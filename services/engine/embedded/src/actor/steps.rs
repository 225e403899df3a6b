//! What a workload does next.

use engine::{ConditionKind, InstanceId, Kind};

use super::{Actor, Halt};
use crate::records::InstanceRecord;
use crate::{always, name, once};

impl Actor {
    /// Does what is to be done now. True when the workload is forgotten.
    pub(super) async fn advance(&mut self) -> bool {
        if self.record.deleting {
            return self.vanish().await;
        }
        if !matches!(self.halt, Halt::No) {
            if self.members.values().all(|member| member.end.is_some()) {
                self.halt = Halt::Done;
            }
            return false;
        }
        if self.members.values().any(|member| !member.settled) {
            return false;
        }
        match self.record.workload.kind.clone() {
            Kind::Once { retries, deadline } => self.advance_once(retries, deadline).await,
            Kind::Always { replicas } => self.advance_always(replicas).await,
        }
        self.publish().await;
        false
    }

    /// Stops everything, then forgets everything, the record last.
    async fn vanish(&mut self) -> bool {
        self.withdraw().await;
        self.order_all();
        let ended: Vec<InstanceId> = self
            .members
            .iter()
            .filter(|(_, member)| member.end.is_some())
            .map(|(id, _)| id.clone())
            .collect();
        for id in ended {
            self.forget(&id).await;
        }
        if !self.members.is_empty() {
            return false;
        }
        let id = self.record.workload.id.clone();
        let removed = id.clone();
        let removing = self.shared.on_disk(move |directories| directories.remove_workload(&removed));
        if let Err(error) = removing.await {
            tracing::error!(workload = %id, %error, "a workload cannot be forgotten now");
            self.look_again();
            return false;
        }
        self.shared.board.forget(&id);
        self.shared.step("engine.delete.removed");
        true
    }

    async fn advance_once(&mut self, retries: u32, deadline: Option<std::time::Duration>) {
        let mut members: Vec<_> = self.members.values().collect();
        members.sort_by_key(|member| member.record.created);
        let tries: Vec<once::Try<'_>> = members
            .into_iter()
            .map(|member| once::Try { created: member.record.created, end: member.end.as_ref() })
            .collect();
        match once::next(retries, deadline, &tries, self.shared.clock.now()) {
            once::Next::Start => self.begin().await,
            once::Next::Wait(due) => self.wake = Some(self.wake.map_or(due, |wake| wake.min(due))),
            once::Next::Finished => {
                self.over.send_replace(true);
            }
            once::Next::Running => {}
        }
    }

    async fn advance_always(&mut self, replicas: u32) {
        let surge = self.shared.has_networks() || self.record.workload.port.is_none();
        let staying = self.members.values().filter(|member| !member.leaving && member.end.is_none());
        let members: Vec<always::Member> = staying
            .map(|member| always::Member {
                id: member.record.id.clone(),
                current: member.record.restarted_at == self.record.restarted_at
                    && self.record.workload.runs_like(&member.record.workload),
                ready: member.view.ready,
                created: member.record.created,
            })
            .collect();
        let next = always::next(replicas, &members, surge);
        for id in &next.stop {
            if let Some(member) = self.members.get_mut(id) {
                member.leaving = true;
            }
        }
        // those that stay take over before those that go are closed to requests
        self.publish().await;
        for id in &next.stop {
            self.drain(id);
        }
        // without a network of its own a new one cannot listen before the old one has let go
        if surge || self.members.len() == members.len() {
            for _ in 0..next.start {
                self.begin().await;
            }
        }
    }

    /// Takes an instance out of service, and stops it when it has nothing left to do.
    fn drain(&mut self, id: &InstanceId) {
        match self.shared.routes.drain(id) {
            Some(backend) => {
                let (id, grace) = (id.clone(), self.shared.limits.drain);
                self.draining.spawn(async move {
                    if !backend.drained(grace).await {
                        tracing::info!(instance = %id, "requests of a replaced instance are cut");
                    }
                    id
                });
            }
            None => self.order(id),
        }
    }

    /// Begins a new instance: the intent is durable before anything else is done for it.
    async fn begin(&mut self) {
        let (workload, now) = (self.record.workload.clone(), self.shared.clock.now());
        let is_used = |id: &InstanceId| {
            self.members.contains_key(id)
                || self.shared.directories.is_used(id)
                || self.shared.has_logs(&workload.tool, &workload.name, id)
        };
        let id = name::instance(&workload.name, &*self.shared.entropy, is_used);
        let record = InstanceRecord::new(id, workload.clone(), self.record.restarted_at, now);
        let saved = record.clone();
        let saving = self.shared.on_disk(move |directories| directories.save_instance(&saved));
        match saving.await {
            Ok(()) => {
                self.shared.step("engine.instance.intended");
                self.shared.board.condition(&workload.id, ConditionKind::Progressing, now);
                self.enlist(record, true);
            }
            Err(error) => {
                let why = ConditionKind::CannotCreate(format!("the instance cannot be recorded: {error}"));
                self.shared.board.condition(&workload.id, why, now);
                self.look_again();
            }
        }
    }
}

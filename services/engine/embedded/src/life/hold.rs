//! Holds a living run: follows its shim, probes it, and passes orders on.

use std::sync::Arc;

use engine::{Container, Exit, Phase};
use engine_shim::Started;
use engine_shim::protocol::{Request, StopReason};
use tokio::sync::mpsc;

use super::{Life, start};
use crate::dial::Dial;
use crate::health::{self, Verdict};
use crate::link::{Link, Word};
use crate::task::Task;

/// A run that its shim holds.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) link: Arc<Link>,
    pub(super) words: mpsc::Receiver<Word>,
    pub(super) dial: Dial,
}

impl Held {
    /// Tells the shim that the exit is recorded, and waits until it has left.
    pub(super) async fn leave(&mut self) {
        // a shim that cannot be told has left
        let _ = self.link.send(&Request::Acknowledge).await;
        while self.words.recv().await.is_some() {}
    }
}

/// Where probing is.
#[derive(Debug)]
struct Probing {
    verdicts: mpsc::Receiver<Verdict>,
    _task: Task,
}

enum Turn {
    Word(Option<Word>),
    Ordered,
    Verdict(Verdict),
}

impl Life {
    /// Follows a run until it ended; none where the shim left without a word, and the directory has to be looked at.
    pub(super) async fn hold(&mut self, mut held: Held) -> Option<Exit> {
        self.shared.links.insert(&self.record.id, Arc::clone(&held.link), held.dial.clone());
        let exit = self.follow(&mut held).await;
        self.shared.links.remove(&self.record.id);
        if exit.is_some() {
            self.ended = Some(held);
        }
        exit
    }

    async fn follow(&mut self, held: &mut Held) -> Option<Exit> {
        let mut probing = None;
        let mut ordered = false;
        loop {
            match self.turn(held, &mut probing, ordered).await {
                Turn::Word(None) => return None,
                Turn::Word(Some(Word::Exited(record))) => {
                    let (exit, message) = start::exit(&record);
                    if message.is_some() {
                        self.view.message = message;
                    }
                    return Some(exit);
                }
                Turn::Word(Some(Word::Started(started))) => probing = self.started(held, &started).await,
                // this connection is never attached
                Turn::Word(Some(Word::Stdout(_) | Word::Stderr(_))) => {}
                Turn::Ordered => {
                    ordered = true;
                    probing = None;
                    self.stop(held, StopReason::Stopped).await;
                }
                Turn::Verdict(verdict) => {
                    if matches!(verdict, Verdict::Unhealthy(_)) {
                        probing = None;
                    }
                    self.judge(held, verdict).await;
                }
            }
        }
    }

    async fn turn(&mut self, held: &mut Held, probing: &mut Option<Probing>, ordered: bool) -> Turn {
        loop {
            let verdict = async {
                match probing.as_mut() {
                    Some(probing) => probing.verdicts.recv().await,
                    None => std::future::pending().await,
                }
            };
            let order = async {
                if self.orders.wait_for(Option::is_some).await.is_err() {
                    // nobody can order any more: the engine is closing, and this task with it
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                word = held.words.recv() => return Turn::Word(word),
                () = order, if !ordered => return Turn::Ordered,
                verdict = verdict => match verdict {
                    Some(verdict) => return Turn::Verdict(verdict),
                    None => *probing = None,
                },
            }
        }
    }

    async fn started(&mut self, held: &Held, started: &Started) -> Option<Probing> {
        let at = start::time(started.at).unwrap_or_else(|| self.now());
        self.view.phase = Phase::Running;
        self.view.container = Container::Running { started: at };
        self.view.message = None;
        self.view.restarts = self.record.run.saturating_sub(1);
        let probe = self.record.workload.probe.clone();
        let was_ready = self.record.ready_run == self.record.run;
        self.view.ready = (probe.is_none() || was_ready) && !self.is_ordered();
        self.publish().await;
        let probe = probe.filter(|_| !self.is_ordered())?;
        let (sender, verdicts) = mpsc::channel(4);
        let watching = health::watch(probe, was_ready, Arc::clone(&held.link), held.dial.clone(), sender);
        Some(Probing { verdicts, _task: Task::spawn(watching) })
    }

    async fn judge(&mut self, held: &Held, verdict: Verdict) {
        match verdict {
            Verdict::Ready => {
                self.record.ready_run = self.record.run;
                let record = self.record.clone();
                let saving = self.shared.on_disk(move |directories| directories.save_instance(&record));
                if let Err(error) = saving.await {
                    // it only means that a later server probes again before it is in service
                    tracing::warn!(instance = %self.record.id, %error, "readiness is not recorded");
                }
                self.shared.step("engine.ready.recorded");
                self.view.ready = true;
                self.view.message = None;
            }
            Verdict::Recovered => self.view.message = None,
            Verdict::Failing(why) => self.view.message = Some(why),
            Verdict::Unhealthy(why) => {
                self.view.message = Some(why);
                self.stop(held, StopReason::Unhealthy).await;
                return;
            }
        }
        self.publish().await;
    }

    async fn stop(&mut self, held: &Held, reason: StopReason) {
        let grace = (*self.orders.borrow()).unwrap_or(self.record.workload.grace);
        self.view.ready = false;
        self.publish().await;
        // a shim that cannot be told has left, and the words say so
        let _ = held.link.send(&Request::Stop { grace, reason }).await;
    }
}

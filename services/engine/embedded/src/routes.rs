//! Where published workloads are found: the router's table, kept true.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{InstanceId, Port, Workload, WorkloadId};
use engine_router::{Backend, BoxedIo, Connect, Table};
use futures_core::future::BoxFuture;

use crate::shared::Links;

/// The router's table, and who owns what in it.
#[derive(Debug)]
pub(crate) struct Routes {
    table: Arc<Table>,
    links: Arc<Links>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    owners: BTreeMap<(String, String), WorkloadId>,
    backends: HashMap<InstanceId, (u16, Arc<Backend>)>,
}

/// A way to an instance's port, whatever run of it lives.
#[derive(Debug)]
struct Way {
    links: Arc<Links>,
    id: InstanceId,
    port: u16,
}

impl Connect for Way {
    fn connect(&self) -> BoxFuture<'_, io::Result<BoxedIo>> {
        Box::pin(async move {
            let dial = self.links.dial(&self.id);
            let dial =
                dial.ok_or_else(|| io::Error::new(io::ErrorKind::NotConnected, "the instance does not run"))?;
            let stream = dial.connect(self.port).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as BoxedIo)
        })
    }
}

impl Routes {
    pub(crate) fn new(links: Arc<Links>) -> Self {
        Self { table: Table::new(), links, state: Mutex::default() }
    }

    /// What the router reads.
    pub(crate) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table)
    }

    /// Leads the workload's route to these instances, and any other route of it nowhere. Each has the port that it was
    /// started with: while a port changes there are instances on the former one and on the new one.
    pub(crate) fn publish(&self, workload: &Workload, ready: &[(InstanceId, Option<Port>)]) {
        let mut state = self.lock();
        let route = workload.expose.as_ref().filter(|_| workload.port.is_some());
        let key = route.map(|expose| (expose.host.clone(), expose.path.clone()));
        self.clear(&mut state, &workload.id, key.as_ref());
        let Some(key) = key else { return };
        let listening = ready.iter().filter_map(|(id, port)| Some((id, (*port)?)));
        let backends = listening.map(|(id, port)| self.backend(&mut state, id, port.number)).collect();
        self.table.set(&key.0, &key.1, backends);
        state.owners.insert(key, workload.id.clone());
    }

    /// Leads every route of the workload nowhere.
    pub(crate) fn withdraw(&self, workload: &WorkloadId) {
        self.clear(&mut self.lock(), workload, None);
    }

    /// Gives an instance no more requests, for ever; its backend tells when it has none left.
    pub(crate) fn drain(&self, id: &InstanceId) -> Option<Arc<Backend>> {
        let (_, backend) = self.lock().backends.remove(id)?;
        backend.drain();
        Some(backend)
    }

    fn backend(&self, state: &mut State, id: &InstanceId, port: u16) -> Arc<Backend> {
        match state.backends.get(id) {
            Some((known, backend)) if *known == port => Arc::clone(backend),
            _ => {
                let way = Way { links: Arc::clone(&self.links), id: id.clone(), port };
                let backend = Backend::new(id.0.clone(), way);
                state.backends.insert(id.clone(), (port, Arc::clone(&backend)));
                backend
            }
        }
    }

    fn clear(&self, state: &mut State, workload: &WorkloadId, keep: Option<&(String, String)>) {
        state.owners.retain(|key, owner| {
            let stays = owner != workload || Some(key) == keep;
            if !stays {
                self.table.remove(&key.0, &key.1);
            }
            stays
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // what is told to the table is told whole
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Ports in memory, for tests: they remember what was asked of them and fail when told.
#![allow(clippy::unwrap_used, reason = "test support")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use crate::{
    Answer, Certificate, Change, Clock, Credentials, Ids, Issuer, PortError, Repository, Saved, Stale,
    Tenancy, Tool, ToolName, UNIX_IDS,
};

/// Everything in maps.
#[derive(Debug, Default)]
pub struct World {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tools: BTreeMap<ToolName, Saved<Tool, u64>>,
    requests: BTreeMap<(ToolName, String), Answer>,
    token: u64,
    given: u32,
    homes: BTreeMap<ToolName, Option<String>>,
    revoked: BTreeSet<String>,
    issued: u64,
    now: Timestamp,
    failing: Option<&'static str>,
}

impl World {
    /// Makes every later call of this name fail; none heals.
    pub fn fail(&self, call: Option<&'static str>) {
        self.state.lock().unwrap().failing = call;
    }

    /// Moves the clock.
    pub fn advance(&self, by: jiff::SignedDuration) {
        let mut state = self.state.lock().unwrap();
        state.now += by;
    }

    /// The serial number of the certificate in a home; the outer option is the home itself.
    pub fn home_of(&self, name: &ToolName) -> Option<Option<String>> {
        self.state.lock().unwrap().homes.get(name).cloned()
    }

    /// Whether a certificate was revoked.
    pub fn is_revoked(&self, serial: &str) -> bool {
        self.state.lock().unwrap().revoked.contains(serial)
    }

    fn enter(&self, call: &'static str) -> Result<std::sync::MutexGuard<'_, State>, PortError> {
        let state = self.state.lock().unwrap();
        if state.failing == Some(call) { Err(PortError::new(call, "told to fail")) } else { Ok(state) }
    }
}

#[async_trait]
impl Repository for World {
    async fn get(&self, name: &ToolName) -> Result<Option<Saved<Tool, u64>>, PortError> {
        Ok(self.enter("get")?.tools.get(name).cloned())
    }

    async fn list(&self) -> Result<Vec<Saved<Tool, u64>>, PortError> {
        Ok(self.enter("list")?.tools.values().cloned().collect())
    }

    async fn put(&self, tool: &Tool, token: Option<u64>, request: Option<&str>) -> Result<u64, Stale> {
        let mut state = self.enter("put")?;
        if state.tools.get(&tool.name).map(|saved| saved.token) != token {
            return Err(Stale::Changed);
        }
        state.token += 1;
        let token = state.token;
        state.tools.insert(tool.name.clone(), Saved { value: tool.clone(), token });
        if let Some(request) = request {
            let answer = Answer { name: tool.name.clone(), uid: tool.uid.clone() };
            state.requests.insert((tool.name.clone(), request.to_owned()), answer);
        }
        Ok(token)
    }

    async fn delete(&self, name: &ToolName, token: u64) -> Result<(), Stale> {
        let mut state = self.enter("delete")?;
        if state.tools.get(name).is_none_or(|saved| saved.token != token) {
            return Err(Stale::Changed);
        }
        state.tools.remove(name);
        Ok(())
    }

    async fn recall(&self, name: &ToolName, request: &str) -> Result<Option<Answer>, PortError> {
        Ok(self.enter("recall")?.requests.get(&(name.clone(), request.to_owned())).cloned())
    }

    async fn next_unix_id(&self) -> Result<Option<u32>, PortError> {
        let mut state = self.enter("next_unix_id")?;
        state.given += 1;
        let id = UNIX_IDS.start() - 1 + state.given;
        Ok(UNIX_IDS.contains(&id).then_some(id))
    }

    async fn watch(&self) -> Result<BoxStream<'static, Result<Change, PortError>>, PortError> {
        let tools: Vec<_> =
            self.enter("watch")?.tools.values().map(|saved| Ok(Change::Put(saved.value.clone()))).collect();
        Ok(stream::iter(tools).chain(stream::iter([Ok(Change::Synced)])).boxed())
    }
}

#[async_trait]
impl Tenancy for World {
    fn home(&self, name: &ToolName) -> PathBuf {
        PathBuf::from("/project").join(name.as_str())
    }

    async fn create(&self, tool: &Tool) -> Result<(), PortError> {
        self.enter("create")?.homes.entry(tool.name.clone()).or_default();
        Ok(())
    }

    async fn install(&self, tool: &Tool, credentials: &Credentials) -> Result<(), PortError> {
        let serial = credentials.certificate.serial.clone();
        self.enter("install")?.homes.insert(tool.name.clone(), Some(serial));
        Ok(())
    }

    async fn installed(&self, tool: &Tool, serial: &str) -> Result<bool, PortError> {
        let state = self.enter("installed")?;
        Ok(state.homes.get(&tool.name).is_some_and(|installed| installed.as_deref() == Some(serial)))
    }

    async fn remove(&self, tool: &Tool, delete_home: bool) -> Result<(), PortError> {
        let mut state = self.enter("remove")?;
        if delete_home {
            state.homes.remove(&tool.name);
        } else if let Some(home) = state.homes.get_mut(&tool.name) {
            *home = None;
        }
        Ok(())
    }
}

#[async_trait]
impl Issuer for World {
    async fn issue(&self, _: &ToolName) -> Result<Credentials, PortError> {
        let mut state = self.enter("issue")?;
        state.issued += 1;
        let certificate = Certificate {
            serial: format!("{:02x}", state.issued),
            expires: state.now + jiff::SignedDuration::from_hours(24 * 365),
        };
        Ok(Credentials { certificate, certificate_pem: "certificate".into(), key_pem: "key".into() })
    }

    async fn revoke(&self, serial: &str) -> Result<(), PortError> {
        self.enter("revoke")?.revoked.insert(serial.to_owned());
        Ok(())
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        self.state.lock().unwrap().now
    }
}

impl Ids for World {
    fn uid(&self) -> String {
        let mut state = self.state.lock().unwrap();
        state.token += 1;
        format!("uid-{}", state.token)
    }
}

//! Tools in the record store: `tool` records, one counter of unix ids, and requests for 24 hours.

use std::sync::Arc;

use async_trait::async_trait;
use config_core::{
    Answer, Certificate, Change, Clock, PortError, Removal, Repository, Saved, Stale, Tool, ToolName,
    UNIX_IDS,
};
use futures_core::stream::BoxStream;
use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Check, Event, Key, Kind, Query, Record, Revision, Store, WatchFrom, Write};

const TOOL: Kind = Kind::new("tool");
const REQUEST: Kind = Kind::new("request");
const COUNTER: Kind = Kind::new("counter");
/// Owner of what belongs to no tool; no tool can have this name.
const PLATFORM: &str = "@platform";
/// Version of the documents below.
const VERSION: u32 = 1;
/// How long a request is remembered.
const MEMORY: SignedDuration = SignedDuration::from_hours(24);
/// How often the counter is tried when others take ids at the same time.
const TRIES: usize = 64;

/// The repository of tools over a record store.
#[derive(Clone, Debug)]
pub struct Records {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToolDocument {
    uid: String,
    unix_id: u32,
    created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<CertificateDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    removing: Option<RemovalDocument>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateDocument {
    serial: String,
    expires: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RemovalDocument {
    delete_home: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestDocument {
    uid: String,
    at: Timestamp,
}

impl Records {
    /// The repository over this store.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Writes that remember a request and forget those whose time is over.
    async fn remember(&self, tool: &Tool, request: &str) -> Result<Vec<Write>, PortError> {
        let now = self.clock.now();
        let known = self.store.list(&Query::of(REQUEST, tool.name.as_str())).await.map_err(failed)?;
        let old = known.records.into_iter().filter(|record| {
            serde_json::from_str::<RequestDocument>(&record.document).map_or(true, |it| it.at + MEMORY < now)
        });
        let document = encode(&RequestDocument { uid: tool.uid.clone(), at: now })?;
        let mut writes: Vec<_> = old.take(100).map(|record| Write::delete(record.key)).collect();
        writes.push(Write::put(Key::new(REQUEST, tool.name.as_str(), request), VERSION, document));
        Ok(writes)
    }
}

#[async_trait]
impl Repository for Records {
    async fn get(&self, name: &ToolName) -> Result<Option<Saved<Tool, u64>>, PortError> {
        self.store.get(&key(name)).await.map_err(failed)?.as_ref().map(decode).transpose()
    }

    async fn list(&self) -> Result<Vec<Saved<Tool, u64>>, PortError> {
        let listing = self.store.list(&Query::all(TOOL)).await.map_err(failed)?;
        listing.records.iter().map(decode).collect()
    }

    async fn put(&self, tool: &Tool, token: Option<u64>, request: Option<&str>) -> Result<u64, Stale> {
        let key = key(&tool.name);
        let check = match token {
            Some(token) => Check::At(key.clone(), Revision::from_number(token)),
            None => Check::Absent(key.clone()),
        };
        let mut writes = match request {
            Some(request) => self.remember(tool, request).await?,
            None => Vec::new(),
        };
        writes.push(Write::put(key, VERSION, encode(&document(tool))?));
        Ok(self.store.commit(tool.name.as_str(), vec![check], writes).await.map_err(stale)?.number())
    }

    async fn delete(&self, name: &ToolName, token: u64) -> Result<(), Stale> {
        let checks = vec![Check::At(key(name), Revision::from_number(token))];
        self.store.commit(name.as_str(), checks, vec![Write::delete(key(name))]).await.map_err(stale)?;
        Ok(())
    }

    async fn recall(&self, name: &ToolName, request: &str) -> Result<Option<Answer>, PortError> {
        let key = Key::new(REQUEST, name.as_str(), request);
        let Some(record) = self.store.get(&key).await.map_err(failed)? else { return Ok(None) };
        let document: RequestDocument = parse(&record)?;
        let fresh = document.at + MEMORY >= self.clock.now();
        Ok(fresh.then(|| Answer { name: name.clone(), uid: document.uid }))
    }

    async fn next_unix_id(&self) -> Result<Option<u32>, PortError> {
        let key = Key::new(COUNTER, PLATFORM, "unix-id");
        for _ in 0..TRIES {
            let record = self.store.get(&key).await.map_err(failed)?;
            let (id, check) = match &record {
                Some(record) => {
                    (parse::<u32>(record)?.saturating_add(1), Check::At(key.clone(), record.revision))
                }
                None => (*UNIX_IDS.start(), Check::Absent(key.clone())),
            };
            if !UNIX_IDS.contains(&id) {
                return Ok(None);
            }
            let write = Write::put(key.clone(), VERSION, id.to_string());
            match self.store.commit(PLATFORM, vec![check], vec![write]).await {
                Ok(_) => return Ok(Some(id)),
                Err(store::Error::Conflict { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(PortError::new("unix ids", "too many others take ids at the same time"))
    }

    async fn watch(&self) -> Result<BoxStream<'static, Result<Change, PortError>>, PortError> {
        let changes = self.store.watch(&TOOL, WatchFrom::Start).await.map_err(failed)?;
        Ok(changes.map(|event| change(event.map_err(failed)?)).boxed())
    }
}

fn key(name: &ToolName) -> Key {
    Key::new(TOOL, name.as_str(), "tool")
}

fn change(event: Event) -> Result<Change, PortError> {
    Ok(match event {
        Event::Put(record) => Change::Put(decode(&record)?.value),
        Event::Deleted { key, .. } => Change::Deleted(name(&key.tool)?),
        Event::Synced(_) => Change::Synced,
    })
}

fn document(tool: &Tool) -> ToolDocument {
    let Tool { name: _, uid, unix_id, created, certificate, removing } = tool.clone();
    ToolDocument {
        uid,
        unix_id,
        created,
        certificate: certificate.map(|it| CertificateDocument { serial: it.serial, expires: it.expires }),
        removing: removing.map(|it| RemovalDocument { delete_home: it.delete_home }),
    }
}

fn decode(record: &Record) -> Result<Saved<Tool, u64>, PortError> {
    let ToolDocument { uid, unix_id, created, certificate, removing } = parse(record)?;
    let value = Tool {
        name: name(&record.key.tool)?,
        uid,
        unix_id,
        created,
        certificate: certificate.map(|it| Certificate { serial: it.serial, expires: it.expires }),
        removing: removing.map(|it| Removal { delete_home: it.delete_home }),
    };
    Ok(Saved { value, token: record.revision.number() })
}

fn name(text: &str) -> Result<ToolName, PortError> {
    text.parse().map_err(|error| PortError::new(format!("stored tool name {text:?}"), error))
}

fn parse<T: serde::de::DeserializeOwned>(record: &Record) -> Result<T, PortError> {
    if record.version != VERSION {
        let text = format!("document version {} is not known to this release", record.version);
        return Err(PortError::new(record.key.to_string(), text));
    }
    serde_json::from_str(&record.document).map_err(|error| PortError::new(record.key.to_string(), error))
}

fn encode(document: &impl Serialize) -> Result<String, PortError> {
    serde_json::to_string(document).map_err(|error| PortError::new("cannot write a document", error))
}

fn failed(error: store::Error) -> PortError {
    PortError::new("record store", error)
}

fn stale(error: store::Error) -> Stale {
    match error {
        store::Error::Conflict { .. } => Stale::Changed,
        other => Stale::Failed(failed(other)),
    }
}

#[cfg(test)]
mod tests;

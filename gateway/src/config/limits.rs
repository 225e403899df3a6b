//! `limits:` of the config file.

use gateway::Limits;
use serde::Deserialize;

use super::values::{Size, Time};

/// Bounds; what is absent is as usual.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LimitsFile {
    connections: Option<usize>,
    streams: Option<u32>,
    uri: Option<Size>,
    headers: Option<Size>,
    query_pairs: Option<usize>,
    body: Option<Size>,
    message: Option<Size>,
    handshake_time: Option<Time>,
    headers_time: Option<Time>,
    body_time: Option<Time>,
    stream_idle_time: Option<Time>,
    connection_idle_time: Option<Time>,
    first_record_time: Option<Time>,
    stalled_time: Option<Time>,
    connection_age: Option<Time>,
    drain_time: Option<Time>,
}

impl LimitsFile {
    pub(super) fn limits(&self) -> Limits {
        fn set<T: Copy>(slot: &mut T, said: Option<T>) {
            *slot = said.unwrap_or(*slot);
        }
        let bytes = |size: Option<Size>| size.map(|size| usize::try_from(size.0).unwrap_or(usize::MAX));
        let time = |time: Option<Time>| time.map(|time| time.0);
        let mut limits = Limits::default();
        set(&mut limits.connections, self.connections);
        set(&mut limits.streams, self.streams);
        set(&mut limits.uri_bytes, bytes(self.uri));
        set(
            &mut limits.header_bytes,
            bytes(self.headers).map(|size| u32::try_from(size).unwrap_or(u32::MAX)),
        );
        set(&mut limits.query_pairs, self.query_pairs);
        set(&mut limits.body_bytes, bytes(self.body));
        set(&mut limits.message_bytes, bytes(self.message));
        set(&mut limits.handshake, time(self.handshake_time));
        set(&mut limits.headers, time(self.headers_time));
        set(&mut limits.body, time(self.body_time));
        set(&mut limits.stream_idle, time(self.stream_idle_time));
        set(&mut limits.connection_idle, time(self.connection_idle_time));
        set(&mut limits.first_record, time(self.first_record_time));
        set(&mut limits.stalled, time(self.stalled_time));
        set(&mut limits.age, time(self.connection_age));
        set(&mut limits.grace.total, time(self.drain_time));
        limits
    }
}

//! What a gateway serves at the moment, for those who run it.

use std::time::SystemTime;

use bytes::Bytes;

/// What is served, and where from.
#[derive(Clone, Debug)]
pub struct State {
    /// Every route, in the order of the descriptors.
    pub routes: Vec<RouteState>,
    /// What of the descriptors cannot be served, each as a sentence.
    pub warnings: Vec<String>,
    /// Every backend, in the order in which they were given.
    pub backends: Vec<BackendState>,
    /// When the schema was adopted; none before the first.
    pub since: Option<SystemTime>,
    /// Tells one schema from another; it is the same wherever the descriptors are.
    pub hash: Option<String>,
    /// Former schemas that are still in memory, because answers of theirs are under way.
    pub former: usize,
    /// Why the newest schema was not adopted, where it was not.
    pub refused: Option<String>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteState {
    /// `GET`, `POST` and so on; `*` for any.
    pub method: String,
    /// The template of the path.
    pub template: String,
    /// The gRPC method, `pkg.Service/Method` with a slash in front.
    pub grpc: String,
    /// The name of the backend; none where the service's backend is not known.
    pub backend: Option<String>,
    /// Who may call.
    pub access: AccessState,
    /// Rules of the method that differ from Google's mapping, in the words of a config file.
    pub rules: serde_json::Map<String, serde_json::Value>,
}

/// Who may call a method.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessState {
    /// Kinds of caller, in the words of a config file; none where nobody may call.
    pub callers: Vec<&'static str>,
    /// The field that names the tool for which a tool calls.
    pub tool_field: Option<String>,
    /// The services that may call.
    pub services: Vec<String>,
}

/// One backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendState {
    /// Its name.
    pub name: String,
    /// Whether its schema is known.
    pub known: bool,
    /// Whether it is there and says that it serves.
    pub serving: bool,
    /// The services that it has.
    pub services: Vec<String>,
    /// Its endpoints, in the order in which they were given.
    pub endpoints: Vec<EndpointState>,
}

/// One endpoint of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointState {
    /// Where it is.
    pub place: String,
    /// Whether it is there, says that it serves, and its schema is known.
    pub ready: bool,
    /// Whether it serves the schema in force.
    pub current: bool,
    /// Why it could not be reached, where it cannot.
    pub error: Option<String>,
}

/// A hash of encoded files, of 128 bits in hexadecimal digits. Their order does not matter.
pub(crate) fn hash<'a>(files: impl Iterator<Item = &'a Bytes>) -> String {
    use foldhash::quality::FixedState;
    use std::hash::BuildHasher as _;
    let mut sums = [0_u64; 2];
    for bytes in files {
        for (seed, sum) in (0..).zip(&mut sums) {
            *sum = sum.wrapping_add(FixedState::with_seed(seed).hash_one(bytes));
        }
    }
    let [first, second] = sums;
    format!("{first:016x}{second:016x}")
}

//! Schemas from server reflection, version 1, then version 1alpha.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bytes::Bytes;
use futures_util::stream;
use mesh::client::Channel;
use prost::Message as _;
use tonic::{Code, Status};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::descriptors::Header;

/// Most files that one backend may have.
const MAX_FILES: usize = 10_000;

/// Most bytes of all of them.
const MAX_BYTES: usize = 64 << 20;

/// Most bytes of one answer.
const MAX_ANSWER: usize = 16 << 20;

/// Services that every backend has; the gateway answers for them itself.
const BUILT_IN: &[&str] = &["grpc.reflection.", "grpc.health."];

/// What a backend serves: its services, and every file that describes them, encoded as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_field_names, reason = "they are files by their names")]
pub(crate) struct Files {
    pub(crate) services: Vec<String>,
    /// By their names.
    pub(crate) files: BTreeMap<String, Bytes>,
    /// Services that are listed and cannot be served, each with what is wrong with it.
    pub(crate) left_out: BTreeMap<String, String>,
}

impl Files {
    /// What is served of these services: all but those that every backend has.
    pub(crate) fn new(mut services: Vec<String>, files: BTreeMap<String, Bytes>) -> Self {
        services.retain(|name| !BUILT_IN.iter().any(|prefix| name.starts_with(prefix)));
        services.sort();
        services.dedup();
        Self { services, files, left_out: BTreeMap::new() }
    }

    /// Leaves out services whose files are not there, or need one that is not, and all files that need such a one.
    fn leave_out(&mut self) -> Result<(), Status> {
        let read = |bytes: &Bytes| Header::decode(bytes.clone()).unwrap_or_default();
        let headers: BTreeMap<String, Header> =
            self.files.iter().map(|(name, bytes)| (name.clone(), read(bytes))).collect();
        let lacking = lacking(&headers);
        let services = headers.values().flat_map(|header| header.services().map(|name| (name, &header.name)));
        let home: BTreeMap<String, &String> = services.collect();
        for service in &self.services {
            let told = match home.get(service) {
                None => "no file of it is told by reflection".to_owned(),
                Some(file) => match lacking.get(*file) {
                    Some(lacks) => format!("reflection does not tell the file {lacks}"),
                    None => continue,
                },
            };
            self.left_out.entry(service.clone()).or_insert(told);
        }
        let left_out = &self.left_out;
        self.services.retain(|service| !left_out.contains_key(service));
        self.files.retain(|name, _| !lacking.contains_key(name));
        match self.left_out.first_key_value() {
            Some((service, told)) if self.services.is_empty() => {
                Err(Status::internal(format!("no service can be served, first {service}: {told}")))
            }
            _ => Ok(()),
        }
    }
}

/// Files that need one that is not there, each with that one.
fn lacking(headers: &BTreeMap<String, Header>) -> BTreeMap<String, String> {
    let mut importers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, header) in headers {
        for import in &header.dependency {
            importers.entry(import).or_default().push(name);
        }
    }
    let missing = importers.keys().filter(|name| !headers.contains_key(**name));
    let mut waiting: Vec<(&str, &str)> = missing.map(|name| (*name, *name)).collect();
    let mut lacking = BTreeMap::new();
    while let Some((name, missing)) = waiting.pop() {
        for importer in importers.get(name).into_iter().flatten() {
            if lacking.insert((*importer).to_owned(), missing.to_owned()).is_none() {
                waiting.push((importer, missing));
            }
        }
    }
    lacking
}

/// Asks a backend for everything that it serves. A service that it lists and does not describe, as one that was
/// registered by hand, is left out; it is an error where all are so.
pub(crate) async fn fetch(channel: &Channel) -> Result<Files, Status> {
    let listed = ask(channel, vec![MessageRequest::ListServices(String::new())]).await?;
    let services = listed
        .into_iter()
        .filter_map(|answer| match answer {
            Ok(MessageResponse::ListServicesResponse(list)) => Some(list.service),
            _ => None,
        })
        .flatten()
        .map(|service| service.name);
    let mut found = Files::new(services.collect(), BTreeMap::new());
    if found.services.len() > MAX_FILES {
        return Err(too_much());
    }
    let symbols =
        found.services.iter().map(|name| MessageRequest::FileContainingSymbol(name.clone())).collect();
    let mut asked = HashSet::new();
    let answers = ask(channel, symbols).await?;
    for (service, answer) in found.services.iter().zip(&answers) {
        if let Err(error) = answer {
            let told = format!("reflection does not know it: {}", error.message());
            found.left_out.insert(service.clone(), told);
        }
    }
    let mut wanted = collect(answers, &mut found.files)?;
    while !wanted.is_empty() {
        // what is not told when it is asked for is not asked for again
        asked.extend(wanted.iter().cloned());
        let requests = wanted.into_iter().map(MessageRequest::FileByFilename).collect();
        wanted = collect(ask(channel, requests).await?, &mut found.files)?;
        wanted.retain(|name| !asked.contains(name));
    }
    found.leave_out()?;
    Ok(found)
}

fn too_much() -> Status {
    Status::resource_exhausted(format!(
        "reflection has more than {MAX_FILES} files or services, or {MAX_BYTES} bytes of them"
    ))
}

/// Takes files out of answers, and names those that they import and that are not there yet.
fn collect(answers: Vec<Answer>, files: &mut BTreeMap<String, Bytes>) -> Result<Vec<String>, Status> {
    let mut imports = BTreeSet::new();
    let mut size: usize = files.values().map(Bytes::len).sum();
    for answer in answers {
        let Ok(MessageResponse::FileDescriptorResponse(found)) = answer else { continue };
        for bytes in found.file_descriptor_proto {
            let header = Header::decode(bytes.as_slice())
                .map_err(|error| Status::internal(format!("reflection sent no file descriptor: {error}")))?;
            imports.extend(header.dependency);
            size += bytes.len();
            files.insert(header.name, bytes.into());
        }
        if files.len().max(imports.len()) > MAX_FILES || size > MAX_BYTES {
            return Err(too_much());
        }
    }
    Ok(imports.into_iter().filter(|name| !files.contains_key(name)).collect())
}

/// What is answered to one question; an error says that there is nothing of that name.
type Answer = Result<MessageResponse, Status>;

/// One stream of questions, and an answer to each.
async fn ask(channel: &Channel, questions: Vec<MessageRequest>) -> Result<Vec<Answer>, Status> {
    match ask_v1(channel, questions.clone()).await {
        Err(status) if status.code() == Code::Unimplemented => ask_v1alpha(channel, questions).await,
        answers => answers,
    }
}

fn answer(response: ServerReflectionResponse) -> Result<Answer, Status> {
    match response.message_response {
        Some(MessageResponse::ErrorResponse(error)) => {
            let status = Status::new(Code::from(error.error_code), error.error_message);
            if status.code() == Code::NotFound { Ok(Err(status)) } else { Err(status) }
        }
        Some(answer) => Ok(Ok(answer)),
        None => Err(Status::internal("reflection sent an empty answer")),
    }
}

async fn ask_v1(channel: &Channel, questions: Vec<MessageRequest>) -> Result<Vec<Answer>, Status> {
    let count = questions.len();
    let requests = questions
        .into_iter()
        .map(|question| ServerReflectionRequest { host: String::new(), message_request: Some(question) });
    let mut client = ServerReflectionClient::new(channel.clone()).max_decoding_message_size(MAX_ANSWER);
    let mut stream = client.server_reflection_info(stream::iter(requests)).await?.into_inner();
    let mut answers = Vec::with_capacity(count);
    while answers.len() < count {
        let Some(response) = stream.message().await? else { break };
        answers.push(answer(response)?);
    }
    Ok(answers)
}

/// The same in the older version, whose messages have the same encoding.
async fn ask_v1alpha(channel: &Channel, questions: Vec<MessageRequest>) -> Result<Vec<Answer>, Status> {
    use tonic_reflection::pb::v1alpha;
    use v1alpha::server_reflection_client::ServerReflectionClient;
    let mut requests = Vec::with_capacity(questions.len());
    let count = questions.len();
    for question in questions {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
        let request = v1alpha::ServerReflectionRequest::decode(request.encode_to_vec().as_slice());
        requests.push(request.map_err(|error| Status::internal(error.to_string()))?);
    }
    let mut client = ServerReflectionClient::new(channel.clone()).max_decoding_message_size(MAX_ANSWER);
    let mut stream = client.server_reflection_info(stream::iter(requests)).await?.into_inner();
    let mut answers = Vec::with_capacity(count);
    while answers.len() < count {
        let Some(response) = stream.message().await? else { break };
        let response = ServerReflectionResponse::decode(response.encode_to_vec().as_slice())
            .map_err(|error| Status::internal(error.to_string()))?;
        answers.push(answer(response)?);
    }
    Ok(answers)
}

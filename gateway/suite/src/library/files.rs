//! Bodies that are no JSON, down and up, whole and in parts.

use tonic::{Status, Streaming};

use super::Items;
use crate::proto::google::api::HttpBody;
use crate::proto::library::v1 as pb;

/// No part is longer: 16 MiB.
const LARGEST: i32 = 16 << 20;

pub(super) fn download(request: &pb::DownloadRequest) -> Result<HttpBody, Status> {
    part(request, 0)
}

pub(super) fn parts(request: pb::DownloadRequest) -> Result<Items<HttpBody>, Status> {
    part(&request, 0)?;
    let numbers = 0..request.parts;
    let parts = numbers.map(move |number| part(&request, number));
    Ok(Box::pin(futures_util::stream::iter(parts)))
}

pub(super) fn upload(request: pb::UploadRequest) -> pb::UploadResponse {
    let mut stored = Stored::default();
    stored.take(request);
    stored.response
}

pub(super) async fn upload_parts(
    mut parts: Streaming<pb::UploadRequest>,
) -> Result<pb::UploadResponse, Status> {
    let mut stored = Stored::default();
    while let Some(part) = parts.message().await? {
        stored.take(part);
    }
    Ok(stored.response)
}

/// Part `number` of a file: its bytes count on from it.
fn part(request: &pb::DownloadRequest, number: i32) -> Result<HttpBody, Status> {
    if !(0..=LARGEST).contains(&request.size) {
        return Err(Status::out_of_range("size is 16 MiB at most"));
    }
    let content_type = match request.content_type.as_str() {
        "" => "application/octet-stream",
        named => named,
    };
    let data = (0..request.size).map(|at| at.wrapping_add(number).to_le_bytes()[0]).collect();
    Ok(HttpBody { content_type: content_type.to_owned(), data, extensions: Vec::new() })
}

struct Stored {
    response: pb::UploadResponse,
}

impl Default for Stored {
    fn default() -> Self {
        let response = pb::UploadResponse { hash: 0xcbf2_9ce4_8422_2325, ..pb::UploadResponse::default() };
        Self { response }
    }
}

impl Stored {
    fn take(&mut self, part: pb::UploadRequest) {
        let response = &mut self.response;
        let file = part.file.unwrap_or_default();
        response.parts += 1;
        response.size += i64::try_from(file.data.len()).unwrap_or(i64::MAX);
        for byte in file.data {
            response.hash = (response.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if !part.name.is_empty() {
            response.name = part.name;
        }
        if !part.note.is_empty() {
            response.note = part.note;
        }
        if !file.content_type.is_empty() {
            response.content_type = file.content_type;
        }
    }
}

//! `library.v1.Library`: it keeps nothing; books are made up from their names, and what is sent comes back.

mod books;
mod files;
mod streams;

use std::collections::HashMap;
use std::pin::Pin;
use std::time::Duration;

use futures_util::Stream;
use prost_types::Timestamp;
use tonic::metadata::{Ascii, KeyAndValueRef, MetadataKey, MetadataMap};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::proto::google::api::HttpBody;
use crate::proto::library::v1 as pb;
use pb::library_server::Library as Service;

pub use books::book;
pub(crate) use streams::watch;

type Answer<T> = Result<Response<T>, Status>;
type Items<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Library {}

#[tonic::async_trait]
impl Service for Library {
    async fn get_book(&self, request: Request<pb::GetBookRequest>) -> Answer<pb::Book> {
        books::get(request.into_inner()).map(Response::new)
    }

    async fn list_books(&self, request: Request<pb::ListBooksRequest>) -> Answer<pb::ListBooksResponse> {
        books::list(request.get_ref()).map(Response::new)
    }

    async fn create_book(&self, request: Request<pb::CreateBookRequest>) -> Answer<pb::Book> {
        books::create(request.into_inner()).map(Response::new)
    }

    async fn replace_book(&self, request: Request<pb::ReplaceBookRequest>) -> Answer<pb::Book> {
        books::stored(request.into_inner().book).map(Response::new)
    }

    async fn update_book(&self, request: Request<pb::UpdateBookRequest>) -> Answer<pb::Book> {
        let pb::UpdateBookRequest { book, update_mask } = request.into_inner();
        let mut book = books::stored(book)?;
        book.subtitle = Some(update_mask.map(|mask| mask.paths.join(",")).unwrap_or_default());
        Ok(Response::new(book))
    }

    async fn delete_book(&self, request: Request<pb::DeleteBookRequest>) -> Answer<()> {
        books::present(&request.get_ref().name).map(Response::new)
    }

    async fn move_book(&self, request: Request<pb::MoveBookRequest>) -> Answer<pb::Book> {
        let pb::MoveBookRequest { name, to_shelf, position } = request.into_inner();
        books::present(&name)?;
        let id = name.rsplit('/').next().unwrap_or_default();
        let mut moved = book(&format!("shelves/{to_shelf}/books/{id}"));
        moved.labels.insert("position".to_owned(), position.to_string());
        Ok(Response::new(moved))
    }

    async fn get_file(&self, request: Request<pb::FileRequest>) -> Answer<pb::FileRequest> {
        Ok(Response::new(request.into_inner()))
    }

    async fn echo(&self, request: Request<pb::Everything>) -> Answer<pb::Everything> {
        Ok(Response::new(request.into_inner()))
    }

    async fn inspect(&self, request: Request<pb::InspectRequest>) -> Answer<pb::InspectResponse> {
        let seen = metadata(request.metadata());
        let pb::InspectRequest { headers, trailers } = request.into_inner();
        let mut response = Response::new(pb::InspectResponse { metadata: seen });
        insert(response.metadata_mut(), &headers)?;
        if !trailers.is_empty() {
            // trailers of a success can be said by a stream alone; a failure carries them
            let mut status = Status::aborted("trailers come with a failure");
            insert(status.metadata_mut(), &trailers)?;
            return Err(status);
        }
        Ok(response)
    }

    async fn fail(&self, request: Request<pb::FailRequest>) -> Answer<pb::Book> {
        let pb::FailRequest { code, message, details } = request.into_inner();
        match (Code::from(code), details) {
            (Code::Ok, _) => Ok(Response::new(book("shelves/fail/books/not"))),
            (code, false) => Err(Status::new(code, message)),
            (code, true) => Err(Status::with_error_details(code, message, every_detail())),
        }
    }

    async fn wait(&self, request: Request<pb::WaitRequest>) -> Answer<()> {
        tokio::time::sleep(pause(request.get_ref().time.as_ref())?).await;
        Ok(Response::new(()))
    }

    type WatchBooksStream = Items<pb::Book>;

    async fn watch_books(&self, request: Request<pb::WatchBooksRequest>) -> Answer<Self::WatchBooksStream> {
        watch(request.into_inner()).map(Response::new)
    }

    async fn import_books(&self, request: Request<Streaming<pb::Book>>) -> Answer<pb::ImportBooksResponse> {
        streams::import(request.into_inner()).await.map(Response::new)
    }

    type ChatStream = Items<pb::Note>;

    async fn chat(&self, request: Request<Streaming<pb::Note>>) -> Answer<Self::ChatStream> {
        Ok(Response::new(streams::chat(request.into_inner())))
    }

    async fn download(&self, request: Request<pb::DownloadRequest>) -> Answer<HttpBody> {
        files::download(request.get_ref()).map(Response::new)
    }

    type DownloadPartsStream = Items<HttpBody>;

    async fn download_parts(
        &self,
        request: Request<pb::DownloadRequest>,
    ) -> Answer<Self::DownloadPartsStream> {
        files::parts(request.into_inner()).map(Response::new)
    }

    async fn upload(&self, request: Request<pb::UploadRequest>) -> Answer<pb::UploadResponse> {
        Ok(Response::new(files::upload(request.into_inner())))
    }

    async fn upload_parts(
        &self,
        request: Request<Streaming<pb::UploadRequest>>,
    ) -> Answer<pb::UploadResponse> {
        files::upload_parts(request.into_inner()).await.map(Response::new)
    }

    async fn report(&self, request: Request<pb::ReportRequest>) -> Answer<pb::ReportRequest> {
        Ok(Response::new(request.into_inner()))
    }

    async fn unbound(&self, request: Request<pb::ReportRequest>) -> Answer<pb::ReportRequest> {
        Ok(Response::new(request.into_inner()))
    }
}

/// A time to wait, an hour at most.
fn pause(time: Option<&prost_types::Duration>) -> Result<Duration, Status> {
    let time = Duration::try_from(time.copied().unwrap_or_default())
        .map_err(|_| Status::invalid_argument("a time to wait is not negative"))?;
    Ok(time.min(Duration::from_hours(1)))
}

/// Metadata by name; values of binary ones stay base64.
fn metadata(map: &MetadataMap) -> HashMap<String, pb::inspect_response::Values> {
    let mut all: HashMap<String, pb::inspect_response::Values> = HashMap::new();
    for entry in map.iter() {
        let (name, value) = match entry {
            KeyAndValueRef::Ascii(name, value) => (name.as_str(), value.as_encoded_bytes()),
            KeyAndValueRef::Binary(name, value) => (name.as_str(), value.as_encoded_bytes()),
        };
        let values = &mut all.entry(name.to_owned()).or_default().values;
        values.push(String::from_utf8_lossy(value).into_owned());
    }
    all
}

fn insert(map: &mut MetadataMap, entries: &HashMap<String, String>) -> Result<(), Status> {
    for (name, value) in entries {
        let refused = |_| Status::invalid_argument(format!("{name} is no name of metadata"));
        let key = MetadataKey::<Ascii>::from_bytes(name.as_bytes()).map_err(refused)?;
        let refused = |_| Status::invalid_argument(format!("{value} is no value of metadata"));
        map.insert(key, value.parse().map_err(refused)?);
    }
    Ok(())
}

/// A detail of every usual kind.
fn every_detail() -> ErrorDetails {
    let mut details = ErrorDetails::new();
    details
        .set_retry_info(Some(Duration::from_millis(1500)))
        .add_quota_failure_violation("shelves/1", "too many books")
        .set_error_info("SHELF_FULL", "library.example.org", HashMap::from([("shelf".into(), "1".into())]))
        .add_precondition_failure_violation("SHELF", "shelves/1", "is closed")
        .add_bad_request_violation("book.title", "must not be empty")
        .set_request_info("request-1", "")
        .set_resource_info("library.v1.Book", "shelves/1/books/2", "", "is lent")
        .add_help_link("how to lend", "https://library.example.org/lend")
        .set_localized_message("de-CH", "Das Regal ist voll");
    details
}

/// A moment that every test can know.
fn moment(seconds: i64) -> Timestamp {
    Timestamp { seconds: 1_700_000_000 + seconds, nanos: 120_000_000 }
}

//! `library.v1.Shapes`: rules that ordinary APIs seldom have.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

use crate::library::{book, watch};
use crate::proto::library::v1 as pb;
use pb::shapes_server::Shapes as Service;

type Answer<T> = Result<Response<T>, Status>;

/// The service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shapes {}

#[tonic::async_trait]
impl Service for Shapes {
    async fn part(&self, request: Request<pb::PartRequest>) -> Answer<pb::PartResponse> {
        let parent = request.into_inner().parent;
        let books = [1, 2].map(|number| book(&format!("{parent}/books/{number}")));
        Ok(Response::new(pb::PartResponse {
            titles: books.iter().map(|book| book.title.clone()).collect(),
            pages: books.iter().map(|book| (book.name.clone(), book.pages)).collect(),
            count: 2,
            title: parent,
            genre: pb::Genre::Poetry.into(),
            book: books.first().cloned(),
            books: books.into(),
        }))
    }

    async fn take(&self, request: Request<pb::Everything>) -> Answer<pb::Everything> {
        Ok(Response::new(request.into_inner()))
    }

    async fn any_method(&self, request: Request<pb::ReportRequest>) -> Answer<pb::ReportRequest> {
        Ok(Response::new(request.into_inner()))
    }

    async fn deep(&self, request: Request<pb::FileRequest>) -> Answer<pb::FileRequest> {
        Ok(Response::new(request.into_inner()))
    }

    type WatchTitlesStream = Pin<Box<dyn Stream<Item = Result<pb::PartResponse, Status>> + Send>>;

    async fn watch_titles(&self, request: Request<pb::WatchBooksRequest>) -> Answer<Self::WatchTitlesStream> {
        let books = watch(request.into_inner())?;
        let titles =
            books.map(|book| book.map(|book| pb::PartResponse { title: book.title, ..Default::default() }));
        Ok(Response::new(Box::pin(titles)))
    }
}

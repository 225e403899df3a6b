//! Streams down, up and both ways.

use async_stream::try_stream;
use tonic::{Code, Status, Streaming};

use super::{Items, book, pause};
use crate::proto::library::v1 as pb;

/// Titles are no longer: 1 MiB.
const LONGEST_TITLE: i32 = 1 << 20;

/// Books as they come, and the end that was asked for.
pub(crate) fn watch(request: pb::WatchBooksRequest) -> Result<Items<pb::Book>, Status> {
    let pause = pause(request.pause.as_ref())?;
    let title = usize::try_from(request.title_size.min(LONGEST_TITLE))
        .map_err(|_| Status::invalid_argument("title_size must not be negative"))?;
    let end = Code::from(request.fail_code);
    if request.count == 0 && end != Code::Ok {
        return Err(Status::new(end, "failed before the first book"));
    }
    Ok(Box::pin(try_stream! {
        for number in 1..=request.count {
            if number > 1 && !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            let mut next = book(&format!("{}/books/{number}", request.parent));
            if title > 0 {
                next.title = "t".repeat(title);
            }
            yield next;
        }
        if end != Code::Ok {
            Err(Status::new(end, format!("failed after {} books", request.count)))?;
        }
    }))
}

pub(super) async fn import(mut books: Streaming<pb::Book>) -> Result<pb::ImportBooksResponse, Status> {
    let mut response = pb::ImportBooksResponse::default();
    while let Some(book) = books.message().await? {
        if book.name.starts_with("refused") {
            return Err(Status::failed_precondition(format!("{} is refused", book.name)));
        }
        response.count += 1;
        response.names.push(book.name);
    }
    Ok(response)
}

pub(super) fn chat(mut notes: Streaming<pb::Note>) -> Items<pb::Note> {
    Box::pin(try_stream! {
        let mut number = 0;
        while let Some(note) = notes.message().await? {
            if note.text == "fail" {
                Err(Status::aborted("as told"))?;
            }
            number += 1;
            yield pb::Note { text: format!("re: {}", note.text), number };
        }
    })
}

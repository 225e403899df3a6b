//! Books that are made up from their names.

use prost_types::Duration;
use tonic::Status;

use super::moment;
use crate::proto::library::v1 as pb;

/// The book of this name; the same at every time.
pub fn book(name: &str) -> pb::Book {
    let id = name.rsplit('/').next().unwrap_or_default();
    let number = i32::try_from(id.len()).unwrap_or(i32::MAX);
    pb::Book {
        name: name.to_owned(),
        title: format!("The book \"{id}\" — für alle"),
        authors: vec![author("Ada", "Byron"), author("Émilie", "")],
        genre: pb::Genre::Science.into(),
        tags: vec!["new".to_owned(), id.to_owned()],
        labels: [("shelf".to_owned(), name.split('/').nth(1).unwrap_or_default().to_owned())].into(),
        pages: 100 + number,
        copies_sold: 9_007_199_254_740_993,
        price: 12.25,
        isbn: format!("isbn-{id}"),
        publish_time: Some(moment(number.into())),
        reading_time: Some(Duration { seconds: 3600, nanos: 500_000_000 }),
        rating: Some(4.5),
        cover: vec![0, 255, 128, 62, 63],
        form: Some(pb::book::Form::Paper(pb::Paper { grams: 420, hardcover: true })),
        etag: format!("etag-{id}"),
        ..pb::Book::default()
    }
}

pub(super) fn get(request: pb::GetBookRequest) -> Result<pb::Book, Status> {
    let mut found = if request.name.is_empty() {
        let mut found = book("shelves/isbn/books/found");
        found.isbn = request.isbn;
        found
    } else {
        present(&request.name)?;
        book(&request.name)
    };
    if let Some(mask) = request.read_mask {
        found.subtitle = Some(mask.paths.join(","));
    }
    Ok(found)
}

pub(super) fn list(request: &pb::ListBooksRequest) -> Result<pb::ListBooksResponse, Status> {
    let count = match request.page_size {
        size @ 0.. => {
            if size == 0 {
                10
            } else {
                size.min(1000)
            }
        }
        _ => return Err(Status::invalid_argument("page_size must not be negative")),
    };
    let mut books: Vec<_> =
        (1..=count).map(|number| book(&format!("{}/books/{number}", request.parent))).collect();
    if let (Some(first), Some(filter)) = (books.first_mut(), &request.filter) {
        first.subtitle = Some(format!("{filter:?} {:?}", request.genres));
    }
    if let (Some(first), Some(after)) = (books.first_mut(), request.published_after) {
        first.publish_time = Some(after);
    }
    let next_page_token = format!("after-{count}{}", request.page_token);
    Ok(pb::ListBooksResponse { books, next_page_token, total_size: count })
}

pub(super) fn create(request: pb::CreateBookRequest) -> Result<pb::Book, Status> {
    let mut made = request.book.ok_or_else(|| Status::invalid_argument("book is missing"))?;
    if made.title.is_empty() {
        return Err(Status::invalid_argument("book.title must not be empty"));
    }
    let id = if request.book_id.is_empty() { "made" } else { &request.book_id };
    made.name = format!("{}/books/{id}", request.parent);
    made.etag = if request.validate_only { String::new() } else { format!("etag-{id}") };
    Ok(made)
}

pub(super) fn stored(book: Option<pb::Book>) -> Result<pb::Book, Status> {
    let mut book = book.ok_or_else(|| Status::invalid_argument("book is missing"))?;
    present(&book.name)?;
    "etag-stored".clone_into(&mut book.etag);
    Ok(book)
}

/// Nothing of which the id begins with "missing" is there.
pub(super) fn present(name: &str) -> Result<(), Status> {
    let id = name.rsplit('/').next().unwrap_or_default();
    if id.starts_with("missing") {
        return Err(Status::not_found(format!("{name} does not exist")));
    }
    Ok(())
}

fn author(given_name: &str, family_name: &str) -> pb::Author {
    pb::Author { given_name: given_name.to_owned(), family_name: family_name.to_owned() }
}

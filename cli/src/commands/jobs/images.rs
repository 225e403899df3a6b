//! `toolforge jobs images`.

use api::jobs::v1::{Image, ListImagesRequest};

use crate::args::output::Show;
use crate::failure::Failure;
use crate::session::Session;
use crate::table::{columns, pretty};

/// Lists the images that should be used.
pub(super) async fn run(session: &Session<'_>, output: Show) -> Result<(), Failure> {
    let mut images = session.images().await?;
    let request = session.request(ListImagesRequest { tool: session.tool() });
    let reply = session.answer(images.list_images(request)).await?;
    if let Some(format) = output.machine() {
        session.warnings(reply.messages.as_ref());
        return session.machine(format, "toolforge.jobs.v1.ListImagesResponse", &reply);
    }
    session.messages(reply.messages.as_ref())?;
    let cells = |image: Image| vec![image.shortname, image.image];
    let rows: Vec<Vec<String>> = reply.images.into_iter().map(cells).collect();
    session.printer.line(match output {
        Show::Normal => pretty(&headings(&rows), &rows),
        _ => columns(&["NAME", "IMAGE"], &rows),
    })
}

/// The former client's headings: one of its two has never matched, and without rows neither does the other.
fn headings(rows: &[Vec<String>]) -> [&'static str; 2] {
    if rows.is_empty() { ["shortname", "imagename"] } else { ["Short name", "image"] }
}

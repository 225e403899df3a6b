//! `toolforge jobs quota`.

use api::jobs::v1::{GetQuotaRequest, GetQuotaResponse, QuotaCategory};

use crate::args::output::Show;
use crate::failure::Failure;
use crate::session::Session;
use crate::table::{columns, simple};

/// Shows what the tool may use, and uses.
pub(super) async fn run(session: &Session<'_>, output: Show) -> Result<(), Failure> {
    let mut quotas = session.quotas().await?;
    let reply =
        session.answer(quotas.get_quota(session.request(GetQuotaRequest { tool: session.tool() }))).await?;
    if let Some(format) = output.machine() {
        session.warnings(reply.messages.as_ref());
        return session.machine(format, "toolforge.jobs.v1.GetQuotaResponse", &reply);
    }
    session.messages(reply.messages.as_ref())?;
    let GetQuotaResponse { quota, .. } = reply;
    let categories = quota.unwrap_or_default().categories;
    if output == Show::Normal {
        let tables: Vec<String> = categories.iter().map(category).collect();
        return if tables.is_empty() { Ok(()) } else { session.printer.line(tables.join("\n\n")) };
    }
    let cells = |category: &QuotaCategory| {
        let name = category.name.clone();
        category
            .items
            .clone()
            .into_iter()
            .map(move |item| vec![name.clone(), item.name, item.used.unwrap_or_default(), item.limit])
    };
    let rows: Vec<Vec<String>> = categories.iter().flat_map(cells).collect();
    session.printer.line(columns(&["CATEGORY", "NAME", "USED", "LIMIT"], &rows))
}

/// One table; the first item says whether there is a column for what is used.
fn category(category: &QuotaCategory) -> String {
    let has_used = category.items.first().is_some_and(|item| item.used.is_some());
    let mut headings = vec![category.name.as_str()];
    headings.extend(has_used.then_some("Used"));
    headings.push("Limit");
    let rows = category.items.iter().map(|item| {
        let mut cells = vec![Some(item.name.clone())];
        cells.extend(has_used.then(|| item.used.clone()));
        cells.push(Some(item.limit.clone()));
        cells
    });
    simple(&headings, &rows.collect::<Vec<_>>())
}

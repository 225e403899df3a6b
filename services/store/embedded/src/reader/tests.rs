//! Every query finds its rows by an index, in order, whatever the size of the tables.

#![allow(clippy::unwrap_used, reason = "tests")]

use rusqlite::Connection;

use super::{CHANGES, GET, LIST_ALL, LIST_TOOL};
use crate::schema;

fn plan(connection: &Connection, query: &str) -> String {
    let mut rows = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
    for place in 1..=rows.parameter_count() {
        rows.raw_bind_parameter(place, 1).unwrap();
    }
    let mut rows = rows.raw_query();
    let mut plan = String::new();
    while let Some(row) = rows.next().unwrap() {
        plan += &row.get::<_, String>(3).unwrap();
        plan.push('\n');
    }
    plan
}

#[test]
fn no_query_scans_or_sorts() {
    let directory = tempfile::tempdir().unwrap();
    let connection = schema::open(&directory.path().join("state.db"), false).unwrap();
    for query in [GET, LIST_ALL, LIST_TOOL, CHANGES] {
        let plan = plan(&connection, query);
        assert!(plan.contains("SEARCH records USING INDEX"), "{plan}");
        assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}

//! Runs as columns.

use std::time::{SystemTime, UNIX_EPOCH};

use api::jobs::v1::Run;

use crate::args::output::Columns;
use crate::table::columns;
use crate::view::elapsed;
use crate::words::Word as _;

const TABLE: [&str; 7] = ["NAME", "JOB", "TRIGGER", "STATE", "EXIT", "STARTED", "TOOK"];
const WIDE: [&str; 12] = [
    "NAME", "JOB", "TRIGGER", "STATE", "EXIT", "STARTED", "TOOK", "DUE", "ENDED", "TRIES", "COMMAND",
    "MESSAGE",
];

/// Runs in a format for people.
pub(super) fn runs(runs: &[Run], output: Columns) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    match output {
        Columns::Name => runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join("\n"),
        Columns::Wide => columns(&WIDE, &runs.iter().map(|run| wide(run, now)).collect::<Vec<_>>()),
        _ => columns(&TABLE, &runs.iter().map(|run| table(run, now)).collect::<Vec<_>>()),
    }
}

fn table(run: &Run, now: i64) -> Vec<String> {
    let exit = run.exit_code.map(|code| code.to_string()).unwrap_or_default();
    let took =
        run.start_time.as_ref().map(|start| elapsed(start, run.end_time.as_ref(), now)).unwrap_or_default();
    vec![
        run.name.clone(),
        run.job.clone(),
        run.trigger().word().to_owned(),
        run.state().word().to_owned(),
        exit,
        time(run.start_time),
        took,
    ]
}

fn wide(run: &Run, now: i64) -> Vec<String> {
    let mut cells = table(run, now);
    cells.extend([
        time(run.schedule_time),
        time(run.end_time),
        run.attempts.to_string(),
        run.cmd().to_owned(),
        run.message().to_owned(),
    ]);
    cells
}

/// To the second: what is finer is in the formats for programs.
fn time(time: Option<prost_types::Timestamp>) -> String {
    time.map(|time| prost_types::Timestamp { nanos: 0, ..time }.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    //! One run in each format.

    use api::jobs::v1::{RunState, RunTrigger};

    use super::*;

    fn run() -> Run {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 5 });
        let mut run = Run {
            name: "nightly-1".into(),
            job: "nightly".into(),
            attempts: 1,
            exit_code: Some(3),
            ..Run::default()
        };
        run.set_trigger(RunTrigger::Schedule);
        run.set_state(RunState::Failed);
        (run.schedule_time, run.start_time, run.end_time) = (at(60), at(61), at(151));
        run
    }

    #[test]
    fn a_run_in_columns() {
        let expected = "NAME        JOB       TRIGGER    STATE    EXIT   STARTED                TOOK\n\
                        nightly-1   nightly   schedule   failed   3      1970-01-01T00:01:01Z   1m30s";
        assert_eq!(runs(&[run()], Columns::Table), expected);
        assert!(runs(&[run()], Columns::Wide).contains("1970-01-01T00:02:31Z"));
    }

    #[test]
    fn names_alone() {
        assert_eq!(runs(&[run(), run()], Columns::Name), "nightly-1\nnightly-1");
    }
}

//! Schedules: they really run at the minute, and tell when they did and when they will.

use std::time::Duration;

use anyhow::{Context as _, Result};
use integration::{Client, Home, Platform, within};

use crate::oneoff::row;
use crate::{CLIENTS, SHELL};

/// A minute, and time for a loaded machine to start a process.
const MINUTE: Duration = Duration::from_secs(100);

#[test]
fn schedules_run_at_the_minute() -> Result<()> {
    let platform = Platform::start()?;
    let homes = CLIENTS.iter().map(|(_, tool)| platform.tool(tool)).collect::<Result<Vec<_>>>()?;
    let create = ["run", "tick", "--image", SHELL, "--command", "date +%S", "--schedule", "* * * * *"];
    for ((client, _), home) in CLIENTS.iter().zip(&homes) {
        let created = home.jobs(*client, &create)?;
        assert_eq!(
            (created.code, created.stdout.as_str(), created.notes().as_str()),
            (0, "", ""),
            "{created}"
        );
        let waiting = home.jobs(*client, &["show", "tick"])?.succeeded()?;
        assert_eq!(row(&waiting, "Job type:"), "scheduled: * * * * *");
        assert!(row(&waiting, "Hints:").contains("Next: 20"), "{waiting}");
    }
    for ((client, _), home) in CLIENTS.iter().zip(&homes) {
        ran_at_the_minute(*client, home)?;
    }
    Ok(())
}

fn ran_at_the_minute(client: Client, home: &Home) -> Result<()> {
    let written = within(MINUTE, "the schedule has run", || {
        Ok(home.read("tick.out").ok().filter(|text| text.ends_with('\n')))
    })?;
    let second: u32 = written.lines().next().context("nothing was written")?.parse()?;
    assert!(second < 20, "{client:?}: it ran at second {second}");

    let shown = within(MINUTE, "the run has ended", || {
        let shown = home.jobs(client, &["show", "tick"])?.succeeded()?;
        Ok(row(&shown, "Status:").starts_with("Succeeded for ").then_some(shown))
    })?;
    let (previous, next) = row(&shown, "Hints:").split_once(". ").context("two hints")?;
    let previous = previous.strip_prefix("Previous: ").with_context(|| shown.clone())?;
    let next = next.strip_prefix("Next: ").with_context(|| shown.clone())?;
    assert!(previous.ends_with(":00Z") && next.ends_with(":00Z") && previous < next, "{shown}");

    within(MINUTE, "the run is recorded", || {
        let runs = home.toolforge(&["runs", "list", "--job", "tick"])?.succeeded()?;
        let recorded = runs.lines().any(|run| run.contains("schedule") && run.contains("succeeded"));
        Ok(recorded.then_some(()))
    })
}

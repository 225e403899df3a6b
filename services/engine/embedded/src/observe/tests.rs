//! Observers see everything in order, or their stream ends.

#![allow(clippy::unwrap_used, reason = "tests")]

use engine::{Container, Phase};
use futures_util::StreamExt;

use super::*;

fn instance(id: &str, restarts: u32) -> Instance {
    Instance {
        id: InstanceId(id.to_owned()),
        workload: WorkloadId("w".to_owned()),
        generation: 1,
        tool: "alpha".to_owned(),
        name: "web".to_owned(),
        phase: Phase::Running,
        container: Container::Absent,
        last_exit: None,
        restarts,
        ready: false,
        created: Timestamp::UNIX_EPOCH,
        changed: Timestamp::UNIX_EPOCH,
        message: None,
    }
}

#[tokio::test]
async fn what_holds_comes_first_then_synced_then_changes() {
    let board = Board::default();
    board.instance(&instance("a", 0));
    let mut stream = board.observe();
    board.instance(&instance("a", 0));
    board.instance(&instance("a", 1));
    board.gone(&InstanceId("a".to_owned()));
    board.gone(&InstanceId("a".to_owned()));
    let expected = [
        Observation::Instance(instance("a", 0)),
        Observation::Synced,
        Observation::Instance(instance("a", 1)),
        Observation::Gone(InstanceId("a".to_owned())),
    ];
    for expected in expected {
        assert_eq!(stream.next().await, Some(expected));
    }
}

#[tokio::test]
async fn a_slow_observer_gets_what_fits_and_the_end() {
    let board = Board::default();
    let slow = board.observe();
    let changes = u32::try_from(BEHIND).unwrap() + 10;
    for restarts in 0..changes {
        board.instance(&instance("a", restarts));
    }
    assert_eq!(slow.collect::<Vec<_>>().await.len(), BEHIND + 1);
}

#[tokio::test]
async fn progress_is_told_after_trouble_only() {
    let board = Board::default();
    let workload = WorkloadId("w".to_owned());
    let mut stream = board.observe();
    board.condition(&workload, ConditionKind::Progressing, Timestamp::UNIX_EPOCH);
    board.condition(&workload, ConditionKind::CannotCreate("disk".to_owned()), Timestamp::UNIX_EPOCH);
    board.condition(&workload, ConditionKind::Progressing, Timestamp::UNIX_EPOCH);
    assert_eq!(stream.next().await, Some(Observation::Synced));
    for kind in [ConditionKind::CannotCreate("disk".to_owned()), ConditionKind::Progressing] {
        let Some(Observation::Condition(condition)) = stream.next().await else { unreachable!() };
        assert_eq!(condition.kind, kind);
    }
}

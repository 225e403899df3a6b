//! What comes next for a workload that always runs: how many to start, and whom to stop.

use engine::InstanceId;
use jiff::Timestamp;

/// One instance that has not been told to end.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Its name.
    pub(crate) id: InstanceId,
    /// Made from the newest definition, after the newest restart.
    pub(crate) current: bool,
    /// Serves.
    pub(crate) ready: bool,
    /// When it was created.
    pub(crate) created: Timestamp,
}

/// What to do now; both may be empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Next {
    /// So many new instances.
    pub(crate) start: usize,
    /// These are not needed any more.
    pub(crate) stop: Vec<InstanceId>,
}

/// Decides from the members. With `surge`, a new one is ready before an old one goes; without, an old one goes first.
pub(crate) fn next(replicas: u32, members: &[Member], surge: bool) -> Next {
    let wanted = usize::try_from(replicas).unwrap_or(usize::MAX);
    let (current, old): (Vec<&Member>, Vec<&Member>) = members.iter().partition(|member| member.current);
    if !surge && !old.is_empty() {
        return Next { start: 0, stop: old.iter().map(|member| member.id.clone()).collect() };
    }
    let extra = usize::from(!old.is_empty());
    let missing = wanted.saturating_sub(current.len());
    let room = (wanted + extra).saturating_sub(members.len());
    let mut next = Next { start: missing.min(room), stop: Vec::new() };
    // an old one may go for every new one that is ready, and where there are more than wanted anyway
    let ready = current.iter().filter(|member| member.ready).count();
    let replaced = (ready + old.len()).saturating_sub(wanted).min(old.len());
    next.stop.extend(least_useful(old).take(replaced));
    next.stop.extend(least_useful(current).take(members_over(members, wanted)));
    next
}

/// Current ones above the wanted number.
fn members_over(members: &[Member], wanted: usize) -> usize {
    members.iter().filter(|member| member.current).count().saturating_sub(wanted)
}

/// Those that do not serve first, then the youngest.
fn least_useful(mut members: Vec<&Member>) -> impl Iterator<Item = InstanceId> {
    members.sort_by(|a, b| (a.ready, b.created, &a.id).cmp(&(b.ready, a.created, &b.id)));
    members.into_iter().map(|member| member.id.clone())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn member(name: &str, current: bool, ready: bool) -> Member {
        let created = Timestamp::from_second(name.bytes().map(i64::from).sum()).unwrap();
        Member { id: InstanceId(name.to_owned()), current, ready, created }
    }

    fn stop(names: &[&str]) -> Vec<InstanceId> {
        names.iter().map(|name| InstanceId((*name).to_owned())).collect()
    }

    #[test]
    fn missing_ones_are_started_and_needless_ones_stopped() {
        assert_eq!(next(3, &[member("a", true, true)], true), Next { start: 2, stop: vec![] });
        let three = [member("a", true, true), member("b", true, false), member("c", true, true)];
        assert_eq!(next(3, &three, true), Next::default());
        assert_eq!(next(1, &three, true), Next { start: 0, stop: stop(&["b", "c"]) });
        assert_eq!(next(0, &three, true).stop.len(), 3);
    }

    #[test]
    fn one_replica_is_replaced_without_a_gap() {
        let old = member("a", false, true);
        assert_eq!(next(1, std::slice::from_ref(&old), true), Next { start: 1, stop: vec![] });
        let starting = [old.clone(), member("b", true, false)];
        assert_eq!(next(1, &starting, true), Next::default());
        let ready = [old, member("b", true, true)];
        assert_eq!(next(1, &ready, true), Next { start: 0, stop: stop(&["a"]) });
    }

    #[test]
    fn several_are_replaced_one_after_the_other() {
        let (a, b) = (member("a", false, true), member("b", false, true));
        assert_eq!(next(2, &[a.clone(), b.clone()], true).start, 1);
        let one = [a.clone(), b.clone(), member("c", true, true)];
        assert_eq!(next(2, &one, true), Next { start: 0, stop: stop(&["b"]) });
        let two = [a, member("c", true, true)];
        assert_eq!(next(2, &two, true), Next { start: 1, stop: vec![] });
    }

    #[test]
    fn a_broken_old_one_goes_first() {
        let members = [member("a", false, false), member("b", false, true), member("c", true, true)];
        assert_eq!(next(2, &members, true).stop, stop(&["a"]));
    }

    #[test]
    fn without_surge_the_old_one_goes_before_the_new_one_comes() {
        assert_eq!(next(1, &[member("a", false, true)], false), Next { start: 0, stop: stop(&["a"]) });
        assert_eq!(next(1, &[], false), Next { start: 1, stop: vec![] });
    }

    #[test]
    fn every_rollout_ends_with_the_wanted_number_of_new_ones() {
        for replicas in 0..5u32 {
            for old in 0..5usize {
                let mut members: Vec<Member> =
                    (0..old).map(|index| member(&format!("o{index}"), false, index % 2 == 0)).collect();
                for round in 0..40 {
                    let step = next(replicas, &members, true);
                    members.retain(|member| !step.stop.contains(&member.id));
                    members.iter_mut().filter(|member| member.current).for_each(|member| member.ready = true);
                    members.extend(
                        (0..step.start).map(|index| member(&format!("n{round}{index}"), true, false)),
                    );
                }
                let wanted = usize::try_from(replicas).unwrap();
                assert_eq!(members.len(), wanted, "{replicas} of {old}");
                assert!(members.iter().all(|member| member.current), "{replicas} of {old}");
            }
        }
    }
}

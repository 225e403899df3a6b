//! Names of instances, as pods have them: the job's name and five random characters.

use engine::{Error, InstanceId, Workload};

/// RFC 4648 base32, in lower case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const SUFFIX: usize = 5;
/// Leaves room for the suffix in a host name (RFC 1035: 63 bytes).
const LONGEST: usize = 57;
const LONGEST_ID: usize = 120;

/// A name that `is_used` does not know. The bits are asked for again as long as the name is taken.
pub(crate) fn instance(
    job: &str,
    entropy: &dyn Fn() -> u64,
    is_used: impl Fn(&InstanceId) -> bool,
) -> InstanceId {
    loop {
        let mut bits = entropy();
        let mut name = String::with_capacity(job.len() + 1 + SUFFIX);
        name.push_str(job);
        name.push('-');
        for _ in 0..SUFFIX {
            let index = usize::try_from(bits % 32).unwrap_or(0);
            name.push(ALPHABET.get(index).map_or('a', |byte| char::from(*byte)));
            bits /= 32;
        }
        let id = InstanceId(name);
        if !is_used(&id) {
            return id;
        }
    }
}

/// Refuses names that could not be part of a path, a host name or a control group.
pub(crate) fn check(workload: &Workload) -> Result<(), Error> {
    let id = &workload.id.0;
    let clean = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if id.is_empty() || id.len() > LONGEST_ID || id.starts_with('.') || !id.bytes().all(clean) {
        return Err(refused("workload id", id, "letters, digits, '-', '_' and '.', not beginning with '.'"));
    }
    for (what, name) in [("tool", &workload.tool), ("job name", &workload.name)] {
        if !is_label(name) {
            return Err(refused(what, name, "at most 57 lower-case letters, digits, '-' and '.'"));
        }
    }
    Ok(())
}

fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=LONGEST).contains(&name.len())
        && name.bytes().all(|byte| inner(byte) || matches!(byte, b'-' | b'.'))
        && name.bytes().next().is_some_and(inner)
        && name.bytes().last().is_some_and(inner)
}

fn refused(what: &str, value: &str, rule: &str) -> Error {
    Error::Unsupported { feature: format!("{what} {value:?}"), hint: format!("it has to be {rule}") }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::records::tests::workload;

    #[test]
    fn a_used_name_is_drawn_again() {
        let bits = Cell::new(0);
        let draw = || bits.replace(bits.get() + 1);
        let id = instance("web", &draw, |id| id.0 == "web-aaaaa");
        assert_eq!(id.0, "web-baaaa");
    }

    #[test]
    fn every_character_of_the_suffix_counts() {
        let id = instance("web", &|| 31 + 32 * (30 + 32 * (1 + 32 * (2 + 32 * 3))), |_| false);
        assert_eq!(id.0, "web-76bcd");
    }

    #[test]
    fn names_that_could_leave_their_directory_are_refused() {
        for id in ["", ".x", "a/b", "..", "a b", &"x".repeat(121)] {
            assert!(check(&workload(id)).is_err(), "{id:?}");
        }
        for name in ["", "-a", "a-", "A", "../x", &"x".repeat(58)] {
            let mut bad = workload("w-1");
            bad.name = name.to_owned();
            assert!(check(&bad).is_err(), "{name:?}");
            bad.name = "ok".to_owned();
            assert!(check(&bad).is_ok());
            bad.tool = name.to_owned();
            assert!(check(&bad).is_err(), "{name:?}");
        }
    }
}

//! What a process finds in its environment, and the words of its command.

use std::path::{Path, PathBuf};

use engine::{Command, Mounts, Workload};
use engine_shim::Tier;

use crate::config::Identity;
use crate::images::Runtime;

/// Where homes are, as instances see them (contract 8.1).
const HOMES: &str = "/data/project";

/// The words to execute (contract 3.18).
pub(crate) fn argv(command: &Command) -> Vec<String> {
    match command {
        Command::Shell(script) => ["/bin/sh", "-c", "--", script].map(str::to_owned).to_vec(),
        Command::Argv(words) => words.clone(),
        Command::Launcher(words) => {
            let launcher =
                (words.first().map(String::as_str) != Some("launcher")).then(|| "launcher".to_owned());
            launcher.into_iter().chain(words.iter().cloned()).collect()
        }
    }
}

/// The words where a home is not at its usual place, as for plain processes: those that name something in it by the usual
/// path, such as files of output, are led to where it is. A place whose name a shell would take apart changes nothing.
pub(crate) fn at_home(argv: Vec<String>, tool: &str, home: &Path) -> Vec<String> {
    let usual = format!("{HOMES}/{tool}/");
    let place = format!("{}/", home.display());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@%".contains(&byte);
    if place == usual || !place.bytes().all(plain) {
        return argv;
    }
    argv.into_iter().map(|word| word.replace(&usual, &place)).collect()
}

/// The login name of a tool inside its instances.
pub(crate) fn user(tool: &str) -> String {
    format!("tools.{tool}")
}

/// Where the tool's home is, as its instances see it. A plain process sees the machine's own paths.
pub(crate) fn home(tool: &str, identity: &Identity, tier: Tier) -> PathBuf {
    match tier {
        Tier::Process => identity.home.clone(),
        Tier::UserNamespaces | Tier::Full => Path::new(HOMES).join(tool),
    }
}

/// The working directory: the home where it is mounted (contract 3.8, 3.18).
pub(crate) fn directory(workload: &Workload, home: &Path) -> PathBuf {
    match workload.mounts {
        Mounts::All => home.to_owned(),
        Mounts::None => PathBuf::from("/"),
    }
}

/// The whole environment: what every process has, then the workload's own, then the tool's secrets. A later value
/// of a name takes the place of an earlier one.
pub(crate) fn build(
    workload: &Workload,
    home: &Path,
    runtime: &Runtime,
    secrets: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let directory = directory(workload, home);
    let base = [
        ("PATH", runtime.path()),
        ("HOME", directory.display().to_string()),
        ("TOOL_DATA_DIR", home.display().to_string()),
        ("USER", user(&workload.tool)),
        ("LOGNAME", user(&workload.tool)),
        ("LANG", "C.UTF-8".to_owned()),
    ];
    let mut all: Vec<(String, String)> = base.map(|(name, value)| (name.to_owned(), value)).to_vec();
    all.extend(runtime.libraries().map(|libraries| ("LD_LIBRARY_PATH".to_owned(), libraries)));
    for (name, value) in workload.env.iter().cloned().chain(secrets) {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => all.push((name, value)),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::tests::workload;

    #[test]
    fn commands_become_words() {
        assert_eq!(argv(&Command::Shell("a | b".to_owned())), ["/bin/sh", "-c", "--", "a | b"]);
        assert_eq!(argv(&Command::Argv(vec!["a".to_owned(), "b c".to_owned()])), ["a", "b c"]);
        assert_eq!(argv(&Command::Launcher(vec!["web".to_owned()])), ["launcher", "web"]);
        let again = Command::Launcher(vec!["launcher".to_owned(), "web".to_owned()]);
        assert_eq!(argv(&again), ["launcher", "web"]);
    }

    #[test]
    fn a_plain_process_finds_its_home_under_the_usual_name() {
        let words = || {
            argv(&Command::Shell("exec 1>>/data/project/alpha/a.out;cat /data/project/alphabet/x".to_owned()))
        };
        let script = |home: &str| at_home(words(), "alpha", Path::new(home)).remove(3);
        assert_eq!(script("/data/project/alpha"), words()[3]);
        assert_eq!(script("/srv/x/alpha"), "exec 1>>/srv/x/alpha/a.out;cat /data/project/alphabet/x");
        assert_eq!(script("/srv/a b;c/alpha"), words()[3]);
    }

    #[test]
    fn a_later_value_wins_and_no_name_occurs_twice() {
        let mut job = workload("w");
        job.env = vec![("A".to_owned(), "plain".to_owned()), ("LANG".to_owned(), "de".to_owned())];
        let secrets = vec![("A".to_owned(), "secret".to_owned())];
        let all = build(&job, Path::new("/data/project/alpha"), &Runtime::default(), secrets);
        let value = |name: &str| {
            let found: Vec<_> =
                all.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect();
            found.join("|")
        };
        assert_eq!(value("A"), "secret");
        assert_eq!(value("LANG"), "de");
        assert_eq!(value("HOME"), "/data/project/alpha");
        assert_eq!(value("TOOL_DATA_DIR"), "/data/project/alpha");
        assert_eq!(value("USER"), "tools.alpha");
    }

    #[test]
    fn without_mounts_the_home_is_not_the_working_directory() {
        let mut job = workload("w");
        job.mounts = Mounts::None;
        assert_eq!(directory(&job, Path::new("/data/project/alpha")), Path::new("/"));
    }
}

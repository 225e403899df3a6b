//! Programs of others as subcommands, completion, and names.

use std::os::unix::fs::PermissionsExt as _;

use crate::platform::{Platform, done};

fn program(platform: &Platform, name: &str) {
    platform.write(
        &format!("bin/{name}"),
        "#!/bin/sh\necho \"$TOOLFORGE_CLI $TOOLFORGE_VERBOSE $TOOLFORGE_DEBUG $*\"\nexit 7\n",
    );
    let path = platform.path(&format!("bin/{name}"));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn run(platform: &Platform, arguments: &[&str]) -> crate::platform::Done {
    let path = format!("{}:/usr/bin:/bin", platform.path("bin").display());
    done(platform.command(arguments).env("PATH", path).output().unwrap())
}

#[test]
fn a_program_of_the_name_is_run_with_what_follows() {
    let platform = Platform::start();
    program(&platform, "toolforge-webservice");
    let done = run(&platform, &["webservice", "--help", "start"]);
    assert_eq!((done.code, done.out.as_str()), (7, "1 0 0 --help start\n"));
    let done = run(&platform, &["-v", "-d", "webservice"]);
    assert_eq!((done.code, done.out.as_str()), (7, "1 1 1 \n"));
}

#[test]
fn what_is_built_in_never_is_a_program() {
    let platform = Platform::start();
    program(&platform, "toolforge-jobs");
    assert_eq!(run(&platform, &["jobs", "list"]).ok(), "");
}

#[test]
fn an_unknown_subcommand_is_wrong_usage() {
    let platform = Platform::start();
    platform.write("bin/toolforge-notexecutable", "x");
    for name in ["nope", "notexecutable", "../bin/x"] {
        let done = run(&platform, &[name]);
        assert_eq!(done.code, 2, "{}", done.err);
        assert!(done.err.contains(&format!("unrecognized subcommand '{name}'")), "{}", done.err);
    }
}

#[test]
fn all_subcommands_are_named() {
    let platform = Platform::start();
    program(&platform, "toolforge-webservice");
    assert_eq!(run(&platform, &["_commands"]).ok(), "completion\ncontext\njobs\nruns\nwebservice\n");
}

#[test]
fn completions_are_scripts() {
    let platform = Platform::start();
    for (shell, part) in
        [("bash", "complete -F"), ("zsh", "#compdef toolforge"), ("fish", "complete -c toolforge")]
    {
        assert!(platform.run(&format!("completion {shell}")).ok().contains(part), "{shell}");
    }
}

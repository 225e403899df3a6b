//! `jobs load`: what is created, what is updated, what is told.

use crate::platform::Platform;
use crate::samples;

#[test]
fn a_dump_can_be_loaded() {
    let platform = Platform::start();
    platform.state().dump = samples::dump();
    platform.run("jobs dump -f jobs.yaml").ok();
    platform.state().calls.clear();
    let done = platform.run("jobs load jobs.yaml");
    assert_eq!((done.code, done.out.as_str()), (0, ""), "{}", done.err);
    let calls = [
        "create j1",
        "create yes",
        "upsert s1",
        "upsert s2",
        "upsert c1",
        "upsert c2",
        "upsert webservice",
        "upsert w2",
    ];
    assert_eq!(platform.state().calls, calls);
    assert!(
        done.err.ends_with("INFO: loading job 'w2'...\nINFO: 8 job(s) loaded successfully\n"),
        "{}",
        done.err
    );
    let former = "WARNING: Assigning \"yes\" to filelog will be deprecated in future releases. Please use True unquoted instead.\n";
    assert!(done.err.contains(former), "{}", done.err);
    let state = platform.state();
    let job = &state.upserted[2];
    assert_eq!((job.cmd(), job.port, job.publish()), (samples::dump()[4].cmd(), Some(8080), "/"));
    assert_eq!(state.upserted[1].cmd(), "line one\nline two: 'quoted'\n\nlast");
}

#[test]
fn one_job_can_be_chosen_and_duplicates_are_told() {
    let platform = Platform::start();
    platform.write(
        "jobs.yaml",
        "- {name: a, image: i, command: c}\n- {name: b, image: i, command: c}\n- {name: a, image: i, command: d}\n",
    );
    let done = platform.run("jobs load jobs.yaml --job b");
    assert_eq!(done.err, "INFO: loading job 'b'...\nINFO: 1 job(s) loaded successfully\n");
    let done = platform.run("jobs load jobs.yaml");
    let expected = "INFO: loading job 'a'...\nINFO: loading job 'b'...\n\
                    WARNING: ignoring duplicate job 'a' in file 'jobs.yaml'\nINFO: 2 job(s) loaded successfully\n";
    assert_eq!((done.code, done.err.as_str()), (0, expected));
    assert_eq!(platform.state().calls, ["create b", "create a", "create b"]);
}

#[test]
fn wrong_values_of_flags_are_left_out() {
    let platform = Platform::start();
    platform.write("jobs.yaml", "- {name: a, image: i, command: c, continuous: 'yes', wait: false, mem: }\n");
    let done = platform.run("jobs load jobs.yaml");
    let expected = "WARNING: Invalid key: continuous expects True but got \"yes\". omitting key...\n\
                    WARNING: Invalid key: 'wait' expects True or integer but got \"False\". omitting key...\n\
                    WARNING: Invalid key: mem has no value. omitting key...\n\
                    INFO: loading job 'a'...\nINFO: 1 job(s) loaded successfully\n";
    assert_eq!((done.code, done.err.as_str()), (0, expected));
}

#[test]
fn files_that_cannot_be_read_end_with_one() {
    let platform = Platform::start();
    for (text, part) in [
        ("- a: [", ""),
        ("a: b\n", "expected a list of jobs"),
        ("- a\n", "entry 1 is no job"),
        ("", "expected a list of jobs"),
    ] {
        platform.write("jobs.yaml", text);
        let done = platform.run("jobs load jobs.yaml");
        assert_eq!(done.code, 1, "{}", done.err);
        assert!(done.err.starts_with("ERROR: Unable to parse yaml file 'jobs.yaml'\n"), "{}", done.err);
        assert!(done.err.contains(part), "{}", done.err);
    }
    let done = platform.run("jobs load nope.yaml");
    assert!(done.code == 1 && done.err.contains("No such file"), "{}", done.err);
}

#[test]
fn an_entry_is_refused_like_its_arguments() {
    let platform = Platform::start();
    platform.write("jobs.yaml", "- {name: a, image: i}\n");
    let done = platform.run("jobs load jobs.yaml");
    let expected = "INFO: loading job 'a'...\nERROR: the following arguments are required: --command\n";
    assert_eq!((done.code, done.err.as_str()), (1, expected));
    platform.write("jobs.yaml", "- {name: a, image: i, command: c, frob: 1}\n");
    let done = platform.run("jobs load jobs.yaml");
    assert!(done.code == 2 && done.err.contains("--frob"), "{}", done.err);
    assert!(platform.state().calls.is_empty());
}

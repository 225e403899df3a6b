//! Entries as arguments; the whole command is in `tests/`.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::printer::Color;

fn entry(yaml: &str) -> Vec<String> {
    let Value::List(entries) = serde_saphyr::from_str(yaml).unwrap() else { panic!("no list: {yaml}") };
    let Some(Value::Map(pairs)) = entries.into_iter().next() else { panic!("no entry: {yaml}") };
    arguments(&pairs, &Printer::new(Color::Never, true, false, false))
}

#[test]
fn keys_are_options() {
    assert_eq!(
        entry("- {name: j, image: i, command: a b, port: 8080, cpu: 0.5, retry: 0, wait: 30, publish: /}"),
        [
            "j",
            "--image=i",
            "--command=a b",
            "--port=8080",
            "--cpu=0.5",
            "--retry=0",
            "--wait=30",
            "--publish=/"
        ]
    );
}

#[test]
fn flags_are_true_or_left_out() {
    assert_eq!(
        entry(
            "- {continuous: true, filelog: 'yes', no-filelog: 'true', webservice: false, wait: true, suspended: 'x'}"
        ),
        ["--continuous", "--filelog", "--no-filelog", "--wait"]
    );
    assert_eq!(entry("- {wait: false, filelog: 'no', mem: }"), Vec::<String>::new());
}

#[test]
fn words_of_yaml_1_1_are_truths_as_for_former_files() {
    assert_eq!(entry("- {filelog: yes, continuous: on}"), ["--filelog", "--continuous"]);
}

#[test]
fn a_command_may_begin_with_a_dash() {
    let run = parse(entry("- {name: j, image: i, command: '-x --y'}")).unwrap();
    assert_eq!(run.command.as_deref(), Some("-x --y"));
}

#[test]
fn an_unknown_key_is_wrong_usage() {
    assert!(matches!(parse(entry("- {name: j, image: i, nope: 1}")), Err(Failure::Usage(_))));
}

#[test]
fn what_is_true_decides_whether_a_job_is_updated() {
    let updated = |key: &str, value: Value| is_updated(&vec![(key.to_owned(), value)]);
    assert!(updated("continuous", true.into()) && updated("schedule", "@daily".into()));
    assert!(
        !updated("continuous", false.into())
            && !updated("schedule", "".into())
            && !updated("retry", 1.into())
    );
}

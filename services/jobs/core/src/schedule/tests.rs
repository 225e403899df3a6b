#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::*;

const MACROS: [&str; 5] = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly"];

#[test]
fn macros_have_the_slots_of_the_contract() {
    let vectors = [
        ("some-tool", "some-job", ["56 * * * *", "56 6 * * *", "56 6 * * 6", "56 6 25 * *", "56 6 25 9 *"]),
        (
            "some-tool",
            "dummy-job-name",
            ["58 * * * *", "58 4 * * *", "58 4 * * 1", "58 4 7 * *", "58 4 7 5 *"],
        ),
        ("alpha", "backup", ["10 * * * *", "10 11 * * *", "10 11 * * 5", "10 11 24 * *", "10 11 24 5 *"]),
        ("wm-bot", "a.b-c", ["28 * * * *", "28 19 * * *", "28 19 * * 0", "28 19 2 * *", "28 19 2 6 *"]),
        ("tf-test", "test-1", ["59 * * * *", "59 2 * * *", "59 2 * * 6", "59 2 27 * *", "59 2 27 4 *"]),
    ];
    for (tool, job, slots) in vectors {
        let (tool, job) = (ToolName::parse(tool).unwrap(), JobName::parse(job).unwrap());
        for (text, slot) in MACROS.iter().zip(slots) {
            let schedule = Schedule::parse(text).unwrap();
            assert_eq!(schedule.actual(&tool, &job).to_string(), slot, "{tool} {job} {text}");
            assert_eq!(schedule.as_str(), *text);
        }
    }
}

#[test]
fn fields_are_kept_as_written_in_lower_case() {
    let (tool, job) = (ToolName::parse("t").unwrap(), JobName::parse("j").unwrap());
    for (text, actual) in [
        ("* * * * *", "* * * * *"),
        ("*/5 1,2-4 1/7 12 SUN,tue-Thu", "*/5 1,2-4 1/7 12 sun,tue-thu"),
        ("0 0 31 2 7", "0 0 31 2 7"),
        ("059 0 1 1 0", "059 0 1 1 0"),
    ] {
        let schedule = Schedule::parse(text).unwrap();
        assert_eq!(schedule.actual(&tool, &job).to_string(), actual);
        assert_eq!(schedule.as_str(), text, "the user's own text is what is shown");
    }
}

#[test]
fn every_refusal_has_its_text() {
    let macros = "supported macros are: @hourly, @daily, @weekly, @monthly, @yearly";
    for (schedule, field, cause) in [
        ("@never", "@never", format!("Invalid at-macro '@never', {macros}")),
        ("@Daily", "@Daily", format!("Invalid at-macro '@Daily', {macros}")),
        ("* * * *", "* * * *", "Expected to find 5 space-separated values, found 4".to_owned()),
        ("*  * * * *", "*  * * * *", "Expected to find 5 space-separated values, found 6".to_owned()),
        ("", "", "Expected to find 5 space-separated values, found 1".to_owned()),
        ("1-5/2 * * * *", "1-5/2", "Step syntax is not supported with ranges".to_owned()),
        ("x * * * *", "x", "Unable to parse 'x' as an integer".to_owned()),
        ("-1 * * * *", "-1", "Unable to parse '' (from '-1') as an integer".to_owned()),
        ("1-x * * * *", "1-x", "Unable to parse 'x' (from '1-x') as an integer".to_owned()),
        ("*/x * * * *", "*/x", "Unable to parse 'x' (from '*/x') as an integer".to_owned()),
        ("* * * jan *", "jan", "Unable to parse 'jan' as an integer".to_owned()),
        ("5-1 * * * *", "5-1", "End value 1 must be smaller than start value 5".to_owned()),
        ("* * 0-1 * *", "0-1", "Start value 0 must be at least 1".to_owned()),
        ("* 1-24 * * *", "1-24", "End value 24 must be at most 23".to_owned()),
        ("60 * * * *", "60", "Invalid value '60', expected 0-59".to_owned()),
        ("* * 0 * *", "0", "Invalid value '0', expected 1-31".to_owned()),
        ("*/0 * * * *", "*/0", "Invalid step value in '*/0'".to_owned()),
        ("*/60 * * * *", "*/60", "Invalid step value in '*/60'".to_owned()),
        ("* * */32 * *", "*/32", "Invalid step value in '*/32'".to_owned()),
    ] {
        let text = Schedule::parse(schedule).unwrap_err().to_string();
        let expected = format!(
            "Unable to parse cron expression \"{schedule}\" (Unable to parse cron expression \"{field}\": {cause})"
        );
        assert_eq!(text, expected);
    }
}

#[test]
fn hostile_texts_are_refused_briefly() {
    for text in ["9".repeat(100_000), "\u{0} * * * *".to_owned(), "１ * * * *".to_owned(), "@".repeat(10_000)]
    {
        let refusal = Schedule::parse(&text).unwrap_err().to_string();
        assert!(refusal.len() < 1200, "{}", refusal.len());
    }
}

#[test]
fn selections_are_explicit_values() {
    let schedule = Schedule::parse("*/20 8/6 1-3 2,4 5-7").unwrap();
    let actual = schedule.actual(&ToolName::parse("t").unwrap(), &JobName::parse("j").unwrap());
    assert_eq!(
        actual.selected(),
        [
            Some(vec![0, 20, 40]),
            Some(vec![8, 14, 20]),
            Some(vec![1, 2, 3]),
            Some(vec![2, 4]),
            Some(vec![0, 5, 6])
        ]
    );
    let wild = Schedule::parse("*/1 * * * *,1").unwrap();
    let wild = wild.actual(&ToolName::parse("t").unwrap(), &JobName::parse("j").unwrap());
    assert_eq!(wild.selected(), [const { None }; 5]);
}

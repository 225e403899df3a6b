//! Arguments and bodies, and the sentences that answer them.

/// Arguments that the client refuses, and its sentence.
pub(crate) const BY_CLIENT: &[(&[&str], &str)] = &[
    (&["run", "a", "--image", "bookworm"], "the following arguments are required: --command"),
    (&["run", "a", "--image", "bookworm", "--continuous"], "the following arguments are required: --command"),
    (&["run", "--image", "bookworm", "--command", "true"], "the following arguments are required: name"),
    (
        &["run", "a", "--image", "bookworm", "--command", "true", "--port", "80"],
        "--port is only valid for continuous/webservice jobs",
    ),
    (
        &["run", "a", "--image", "bookworm", "--command", "true", "-p", "80/tcp", "--schedule", "@daily"],
        "--port is only valid for continuous/webservice jobs",
    ),
    (
        &["run", "a", "--image", "bookworm", "--command", "true", "--replicas", "2"],
        "--replicas is only valid for continuous/webservice jobs",
    ),
    (
        &["run", "a", "--image", "bookworm", "--command", "true", "--replicas", "1", "--schedule", "@daily"],
        "--replicas is only valid for continuous/webservice jobs",
    ),
    (
        &["run", "a", "--image", "bookworm", "--command", "true", "--filelog", "--mount", "none"],
        "Specifying --filelog requires --mount=all",
    ),
    (
        &["run", "a", "--image", "bookworm", "--command", "true", "--health-check-script", "true"],
        "Health checks are only supported for continuous/webservice jobs.",
    ),
    (
        &[
            "run",
            "a",
            "--image",
            "bookworm",
            "--command",
            "true",
            "--health-check-http",
            "/",
            "--schedule",
            "@daily",
        ],
        "Health checks are only supported for continuous/webservice jobs.",
    ),
    (
        &["run", "a", "--image", "bookworm", "--command", "true", "--timeout", "5"],
        "--timeout is only valid for scheduled jobs",
    ),
    (
        &["run", "a", "--image", "bookworm", "--command", "true", "--timeout", "5", "--continuous"],
        "--timeout is only valid for scheduled jobs",
    ),
    (
        &["run", "a", "--image", "bookworm", "--command", "true", "--retry", "2", "--continuous"],
        "--retry is only valid for one-off and scheduled jobs",
    ),
    (
        &["run", "a", "--image", "bookworm", "--command", "true", "--publish"],
        "--publish is only valid for continuous jobs. Add --continuous to use it.",
    ),
    (
        &["run", "a", "--image", "bookworm", "--command", "true", "--publish", "/", "--schedule", "@daily"],
        "--publish is only valid for continuous jobs. Add --continuous to use it.",
    ),
    (
        &["run", "a", "--image", "bookworm", "--command", "true", "--continuous", "--health-check-http", "/"],
        "--health-check-http requires --port to be set as well",
    ),
    (
        &["run", "--image", "bookworm", "--webservice", "--filelog"],
        "--filelog is not supported for webservice jobs",
    ),
    (
        &["run", "--image", "bookworm", "--webservice", "-o", "a.out"],
        "--filelog is not supported for webservice jobs",
    ),
];

/// Arguments that are no command.
pub(crate) const USAGE: &[&[&str]] = &[
    &["run"],
    &["run", "a", "--command", "true"],
    &["run", "a", "--image", "bookworm", "--command", "true", "--retry", "9"],
    &["run", "a", "--image", "bookworm", "--command", "true", "--retry", "some"],
    &["run", "a", "--image", "bookworm", "--command", "true", "--emails", "sometimes"],
    &["run", "a", "--image", "bookworm", "--command", "true", "--mount", "some"],
    &["run", "a", "--image", "bookworm", "--command", "true", "--wait", "long"],
    &["run", "a", "--image", "bookworm", "--command", "true", "--continuous", "--schedule", "@daily"],
    &["run", "a", "--image", "bookworm", "--command", "true", "--continuous", "--wait"],
    &["run", "a", "--image", "bookworm", "--command", "true", "--continuous", "--webservice"],
    &["run", "a", "--image", "bookworm", "--command", "true", "--filelog", "--no-filelog"],
    &[
        "run",
        "a",
        "--image",
        "bookworm",
        "--command",
        "true",
        "--continuous",
        "--port",
        "80",
        "--publish",
        "/x",
    ],
    &[
        "run",
        "a",
        "--image",
        "bookworm",
        "--command",
        "true",
        "--continuous",
        "--health-check-script",
        "true",
        "--health-check-http",
        "/",
    ],
    &["show"],
    &["load"],
    &["logs"],
    &["delete"],
    &["restart"],
    &["list", "-o", "short"],
    &["nothing"],
    &["logs", "a", "--last", "some"],
];

/// Arguments after `run --image bookworm --command true` that the service refuses, and its sentence.
pub(crate) const BY_SERVICE: &[(&[&str], &str)] = &[
    (&["A"], "Invalid job name. See the documentation for the naming rules: https://w.wiki/6YL8"),
    (&["a..b"], "Invalid job name. See the documentation for the naming rules: https://w.wiki/6YL8"),
    (&["a-"], "Invalid job name. See the documentation for the naming rules: https://w.wiki/6YL8"),
    (&[".a"], "Invalid job name. See the documentation for the naming rules: https://w.wiki/6YL8"),
    (&["a_b"], "Invalid job name. See the documentation for the naming rules: https://w.wiki/6YL8"),
    (&["a", "--mount", "none"], "Mount type none is only supported for build service images"),
    (&["a", "--cpu", "0.01"], "Requested CPU 0.01 is less than minimum required per container (0.05)"),
    (&["a", "--cpu", "5"], "Requested CPU 5.0 is over maximum allowed per container (1.0)"),
    (
        &["a", "--mem", "1Mi"],
        "Requested memory 0.001Gi is less than minimum required per container (0.098Gi)",
    ),
    (&["a", "--mem", "10Gi"], "Requested memory 10.0Gi is over maximum allowed per container (4.0Gi)"),
    (
        &["a", "--mem", "much"],
        "Invalid memory quantity \"much\", expected a number with an optional unit such as 512Mi, 2G or 0.5Gi",
    ),
    (
        &["a", "--cpu", "much"],
        "Invalid CPU quantity \"much\", expected a number with an optional unit such as 100m, 0.5 or 1",
    ),
    (&["a", "--continuous", "--publish"], "publish requires port to be set"),
    (&["a", "--continuous", "--publish", "--port", "80/udp"], "publish requires port_protocol set to tcp"),
    (&["a", "--continuous", "--port", "99999"], "port must be between 1 and 65535, not 99999"),
    (&["a", "--continuous", "--replicas=-1"], "replicas must be between 0 and 1000, not -1"),
    (&["a", "--schedule", "@daily", "--timeout=-1"], "timeout must be between 0 and 2147483647, not -1"),
    (
        &["a", "--schedule", "@often"],
        "Unable to parse cron expression \"@often\" (Unable to parse cron expression \"@often\": Invalid at-macro '@often', supported macros are: @hourly, @daily, @weekly, @monthly, @yearly)",
    ),
    (
        &["a", "--schedule", "* * * *"],
        "Unable to parse cron expression \"* * * *\" (Unable to parse cron expression \"* * * *\": Expected to find 5 space-separated values, found 4)",
    ),
    (
        &["a", "--schedule", "1-9/2 * * * *"],
        "Unable to parse cron expression \"1-9/2 * * * *\" (Unable to parse cron expression \"1-9/2\": Step syntax is not supported with ranges)",
    ),
    (
        &["a", "--schedule", "a * * * *"],
        "Unable to parse cron expression \"a * * * *\" (Unable to parse cron expression \"a\": Unable to parse 'a' as an integer)",
    ),
    (
        &["a", "--schedule", "1-b * * * *"],
        "Unable to parse cron expression \"1-b * * * *\" (Unable to parse cron expression \"1-b\": Unable to parse 'b' (from '1-b') as an integer)",
    ),
    (
        &["a", "--schedule", "9-2 * * * *"],
        "Unable to parse cron expression \"9-2 * * * *\" (Unable to parse cron expression \"9-2\": End value 2 must be smaller than start value 9)",
    ),
    (
        &["a", "--schedule", "* * 0-3 * *"],
        "Unable to parse cron expression \"* * 0-3 * *\" (Unable to parse cron expression \"0-3\": Start value 0 must be at least 1)",
    ),
    (
        &["a", "--schedule", "0-99 * * * *"],
        "Unable to parse cron expression \"0-99 * * * *\" (Unable to parse cron expression \"0-99\": End value 99 must be at most 59)",
    ),
    (
        &["a", "--schedule", "77 * * * *"],
        "Unable to parse cron expression \"77 * * * *\" (Unable to parse cron expression \"77\": Invalid value '77', expected 0-59)",
    ),
    (
        &["a", "--schedule", "*/0 * * * *"],
        "Unable to parse cron expression \"*/0 * * * *\" (Unable to parse cron expression \"*/0\": Invalid step value in '*/0')",
    ),
];

/// The rest of a job in JSON, with other quotes; status and beginning of the sentence that refuse it.
pub(crate) const BY_REST: &[(&str, u16, &str)] = &[
    (
        "'cmd': 'true'",
        400,
        "Job name is required. See the documentation for the naming rules: https://w.wiki/6YL8",
    ),
    (
        "'name': '', 'cmd': 'true'",
        400,
        "Job name is required. See the documentation for the naming rules: https://w.wiki/6YL8",
    ),
    ("'name': 'a'", 422, "cmd is required"),
    ("'name': 'a', 'cmd': 'true', 'blue': 1", 400, "blue: unknown field"),
    ("'name': 'a', 'cmd': 'true', 'retry': 6", 422, "retry must be between 0 and 5, not 6"),
    ("'name': 'a', 'cmd': 'true', 'retry': 'x'", 400, "retry: expected an integer"),
    (
        "'name': 'a', 'cmd': 'true', 'emails': 'x'",
        400,
        "emails: expected one of none, all, onfinish, onfailure, got",
    ),
    ("'name': 'a', 'cmd': 'true', 'mount': 'x'", 400, "mount: expected one of all, none, got"),
    (
        "'name': 'a', 'cmd': 'true', 'job_type': 'x'",
        400,
        "job_type: expected one of one-off, scheduled, continuous, webservice, got",
    ),
    (
        "'name': 'a', 'cmd': 'true', 'filelog': true, 'mount': 'none'",
        400,
        "File logging is only available with --mount=all",
    ),
    (
        "'name': 'a', 'cmd': 'true', 'continuous': true, 'health_check': {'type': 'http', 'path': '/'}",
        400,
        "Port must be set for HTTP health checks",
    ),
    (
        "'name': 'a', 'cmd': 'true', 'continuous': true, 'health_check': {'type': 'tcp'}",
        400,
        "health_check.type: expected one of script, http, got",
    ),
    (
        "'name': 'a', 'cmd': 'true', 'continuous': true, 'health_check': {'type': 'script'}",
        422,
        "A script health check has exactly the field script",
    ),
    (
        "'name': 'a', 'cmd': 'true', 'continuous': true, 'port': 0",
        422,
        "port must be between 1 and 65535, not 0",
    ),
    ("'name': 'a', 'cmd': 'true', 'continuous': true, 'port': 'x'", 400, "port: expected an integer"),
    (
        "'name': 'a', 'cmd': 'true', 'continuous': true, 'port': 80, 'port_protocol': 'TCP'",
        400,
        "port_protocol: expected one of tcp, udp, got",
    ),
    (
        "'name': 'a', 'cmd': 'true', 'continuous': true, 'port': 80, 'publish': '/x'",
        422,
        "publish must be / or empty, not",
    ),
    (
        "'name': 'a', 'cmd': 'true', 'job_type': 'continuous', 'retry': 1",
        422,
        "retry is not allowed for continuous jobs",
    ),
    ("'name': 'a', 'cmd': 'true', 'job_type': 'scheduled'", 422, "schedule is required for scheduled jobs"),
    ("'name': 'a', 'cmd': 'true', 'name': 'b'", 400, "name"),
];

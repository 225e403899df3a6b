//! What is refused, with which sentence and which exit code: by the client, by the service, by both clients alike.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use anyhow::Result;
use integration::{Caller, Client, Home, Platform, Request};

#[path = "refusals/tables.rs"]
mod tables;

use tables::{BY_CLIENT, BY_REST, BY_SERVICE, USAGE};

const CLIENTS: [Client; 2] = [Client::Python, Client::Ours];

/// Contract 7.4, and what the parser of arguments refuses.
#[test]
fn clients_check_before_they_ask() -> Result<()> {
    let mut platform = Platform::start()?;
    let alpha = platform.tool("alpha")?;
    // without a server nobody but the client can say these
    assert_eq!(platform.terminate()?, 0);
    for (arguments, sentence) in BY_CLIENT {
        for client in CLIENTS {
            refused(client, &alpha, arguments, sentence)?;
        }
    }
    for arguments in USAGE {
        for client in CLIENTS {
            let wrong = alpha.jobs(client, arguments)?;
            assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""), "{client:?} {arguments:?}: {wrong}");
            assert!(
                wrong.notes().to_lowercase().contains("usage") || wrong.notes().contains("--help"),
                "{wrong}"
            );
        }
    }
    let allowed = ["run", "a", "--image", "bookworm", "--command", "true"];
    for client in [Client::Python, Client::PythonWrapper, Client::Ours] {
        let down = alpha.jobs(client, &allowed)?;
        assert_eq!((down.code, down.stdout.as_str()), (2, ""), "{client:?} {down}");
        let sentence = "JobsCliError: The jobs service seems to be down – please retry in a few minutes.";
        assert!(down.notes().contains(sentence), "{client:?} {down}");
        assert!(down.notes().contains("https://w.wiki/6Zuu"), "{client:?} {down}");
    }
    Ok(())
}

/// Contract 3.2 and 3.6.
#[test]
fn the_service_refuses_with_its_sentences() -> Result<()> {
    let platform = Platform::start()?;
    let alpha = platform.tool("alpha")?;
    let long = "a".repeat(53);
    let too_long = "Invalid job name, it can't be longer than 52 characters. See the documentation for the naming \
                    rules: https://w.wiki/6YL8";
    for client in CLIENTS {
        refused(client, &alpha, &["run", &long, "--image", "bookworm", "--command", "true"], too_long)?;
        for (more, sentence) in BY_SERVICE {
            let arguments = [&["run", "--image", "bookworm", "--command", "true"], *more].concat();
            refused(client, &alpha, &arguments, sentence)?;
        }
        let image = ["run", "a", "--image", "nope", "--command", "true"];
        refused(client, &alpha, &image, "No such image 'nope'")?;
        let bare = ["run", "--image", "bookworm", "--webservice"];
        refused(client, &alpha, &bare, "selected image requires that you specify a command")?;
    }
    for client in CLIENTS {
        assert_eq!(alpha.jobs(client, &["list"])?.succeeded()?, "", "{client:?}: something was stored");
    }
    Ok(())
}

#[test]
fn rest_refuses_what_clients_do_not_send() -> Result<()> {
    let platform = Platform::start()?;
    let alpha = platform.tool("alpha")?;
    let caller = Caller::tool(&platform, &alpha);
    let requests: Vec<Request> = BY_REST
        .iter()
        .map(|(body, ..)| {
            let body = body.replace('\'', "\"");
            Request::json(
                "POST",
                "/jobs/v1/tool/alpha/jobs/",
                format!(r#"{{"imagename": "bookworm", {body}}}"#),
            )
        })
        .collect();
    for (answer, (body, status, sentence)) in caller.send_all(&requests)?.iter().zip(BY_REST) {
        assert_eq!(answer.status, *status, "{body}: {answer:?}");
        let said: serde_json::Value = serde_json::from_str(&answer.body)?;
        let first = said["error"][0].as_str().expect("a sentence");
        assert!(first.contains(sentence), "{body}: {first}");
        assert_eq!(said["messages"]["error"][0], first, "{body}");
    }
    assert_eq!(alpha.jobs(Client::Ours, &["list"])?.succeeded()?, "");
    Ok(())
}

#[test]
fn what_is_there_stands_in_the_way() -> Result<()> {
    let platform = Platform::start()?;
    let alpha = platform.tool("alpha")?;
    let port = platform.web().rsplit_once(':').unwrap().1;
    assert!(port.parse::<u16>().is_ok());
    let sleep = ["--image", "bookworm", "--command", "exec sleep 600"];
    let with = |words: &[&'static str]| [&["run"], words, &sleep].concat();
    alpha
        .jobs(Client::Ours, &with(&["first", "--continuous", "--port", "8000", "--publish"]))?
        .succeeded()?;
    alpha.jobs(Client::Ours, &with(&["large", "--mem", "4Gi"]))?.succeeded()?;
    let taken = "Attempt to create job failed. The job cannot be published because the domain 'alpha.localhost' and \
                 path '/' are already in use by another public job or webservice.";
    for client in CLIENTS {
        refused(client, &alpha, &with(&["first"]), "A job with the name first already exists")?;
        refused(
            client,
            &alpha,
            &with(&["large", "--continuous"]),
            "A job with the name large already exists",
        )?;
        refused(client, &alpha, &with(&["second", "--continuous", "--port", "80", "--publish"]), taken)?;
        refused(client, &alpha, &with(&["--webservice"]), taken)?;
        refused(client, &alpha, &with(&["larger", "--mem", "4Gi"]), "Out of quota for memory")?;
        for name in ["second", "webservice", "larger"] {
            refused(client, &alpha, &["show", name], &format!("Job '{name}' does not exist"))?;
        }
    }
    Ok(())
}

#[test]
fn a_home_without_configuration_is_explained() -> Result<()> {
    let platform = Platform::start()?;
    let alpha = platform.tool("alpha")?;
    std::fs::remove_file(alpha.path().join(".kube/config"))?;
    for client in CLIENTS {
        let lost = alpha.jobs(client, &["list"])?;
        assert_eq!((lost.code, lost.stdout.as_str()), (1, ""), "{client:?} {lost}");
        let sentence = "Failed to load configuration, did you forget to run 'become <mytool>'?";
        assert!(lost.notes().contains(sentence), "{client:?} {lost}");
        let help = alpha.jobs(client, &["run", "--help"])?;
        assert_eq!(help.code, 0, "{client:?} {help}");
        assert!(help.stdout.contains("--health-check-script"), "{client:?} {help}");
    }
    Ok(())
}

/// Exit code 1, nothing on standard output, and the sentence after the prefix of errors.
fn refused(client: Client, home: &Home, arguments: &[&str], sentence: &str) -> Result<()> {
    let ran = home.jobs(client, arguments)?;
    let error = format!("\u{1b}[1;31mERROR\u{1b}[1;0m: {sentence}\n");
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{client:?} {arguments:?}: {ran}");
    assert_eq!(ran.notes(), error, "{client:?} {arguments:?}");
    Ok(())
}

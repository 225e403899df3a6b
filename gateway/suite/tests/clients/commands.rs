//! curl, h2load and grpcurl.

use std::process::{Command, Output};

use gateway_suite::{Backend, Gateway};
use integration::grpcurl;
use serde_json::{Value, json};

/// The gateway before the test services.
fn served() -> (Backend, Gateway) {
    let backend = Backend::start().unwrap();
    let gateway = Gateway::before(&backend.uri()).unwrap();
    (backend, gateway)
}

fn run(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().expect("the program starts")
}

/// What curl prints: the body, then what `write` says of the answer.
fn curl(arguments: &[&str], write: &str) -> (String, String) {
    let output =
        run("curl", &[&["-s", "--max-time", "20", "-w", &format!("\n<<{write}>>")], arguments].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}: {text}", String::from_utf8_lossy(&output.stderr));
    let (body, told) = text.rsplit_once("\n<<").unwrap();
    (body.to_owned(), told.trim_end_matches(">>").to_owned())
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn curl_speaks_both_versions_of_http() {
    let (_backend, gateway) = served();
    let url = format!("{}/v1/shelves/a/books/1", gateway.url().unwrap());
    for (version, flag) in [("1.1", "--http1.1"), ("2", "--http2-prior-knowledge")] {
        let (body, told) = curl(&[flag, &url], "%{http_version} %{response_code} %{content_type}");
        assert_eq!(told, format!("{version} 200 application/json"));
        assert_eq!(json(&body)["name"], "shelves/a/books/1");
    }
    let (body, told) = curl(&["-I", &url], "%{response_code}");
    assert_eq!(told, "200");
    assert!(body.to_ascii_lowercase().contains("content-length: "), "{body}");
}

#[test]
fn curl_reads_a_stream_line_by_line_and_its_failure() {
    let (_backend, gateway) = served();
    let url = format!("{}/v1/shelves/a/books:watch?count=2&fail_code=10", gateway.url().unwrap());
    let (body, told) = curl(&["-N", "-H", "accept: application/x-ndjson", &url], "%{response_code}");
    assert_eq!(told, "200");
    let lines: Vec<Value> = body.lines().map(json).collect();
    assert_eq!(lines.len(), 3, "{body}");
    assert_eq!(lines[1]["name"], "shelves/a/books/2");
    assert_eq!(lines[2]["error"]["code"], 10);
}

#[test]
fn curl_sends_streams_and_files() {
    let (_backend, gateway) = served();
    let url = gateway.url().unwrap();
    let books = "{\"name\":\"a\"}\n{\"name\":\"b\"}\n";
    let import = format!("{url}/v1/books:import");
    let (body, told) = curl(
        &["-H", "content-type: application/x-ndjson", "--data-binary", books, &import],
        "%{response_code}",
    );
    assert_eq!((told.as_str(), json(&body)), ("200", json!({"count": 2, "names": ["a", "b"]})));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, vec![7; 3_000_000]).unwrap();
    // larger than a kilobyte, so that curl asks whether it may send it
    let upload = format!("{url}/v1/raw/file");
    let file = format!("@{}", file.display());
    let headers = ["-H", "content-type: image/png", "-H", "expect: 100-continue"];
    let (body, told) = curl(&[&headers[..], &["--data-binary", &file, &upload]].concat(), "%{response_code}");
    assert_eq!(told, "200", "{body}");
    assert_eq!((&json(&body)["size"], &json(&body)["contentType"]), (&json!("3000000"), &json!("image/png")));
}

#[test]
fn curl_gets_compressed_answers() {
    let (_backend, gateway) = served();
    let url = format!("{}/v1/shelves/a/books?page_size=100", gateway.url().unwrap());
    let (plain, size) = curl(&[&url], "%{size_download}");
    let (unpacked, packed) = curl(&["--compressed", "-H", "accept-encoding: gzip", &url], "%{size_download}");
    assert_eq!(json(&plain), json(&unpacked));
    let (size, packed): (u64, u64) = (size.parse().unwrap(), packed.parse().unwrap());
    assert!(packed * 2 < size, "{packed} of {size} bytes");
}

#[test]
fn h2load_sees_no_failure() {
    let (_backend, gateway) = served();
    let url = format!("{}/v1/shelves/a/books/1", gateway.url().unwrap());
    for flags in [&["-m", "10"][..], &["--h1"]] {
        let output = run("h2load", &[flags, &["-n", "4000", "-c", "8", &url]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let wanted = "4000 total, 4000 started, 4000 done, 4000 succeeded, 0 failed, 0 errored, 0 timeout";
        assert!(text.contains(wanted), "{text}");
        assert!(text.contains("4000 2xx, 0 3xx, 0 4xx, 0 5xx"), "{text}");
    }
}

#[test]
fn grpcurl_lists_describes_and_calls() {
    let backend = Backend::start().unwrap();
    // reflection is open to everybody where the operator says so
    let gateway = Gateway::start(&["--backend", &backend.uri(), "--public-reflection"]).unwrap();
    let address = gateway.address().unwrap().to_string();
    let program = grpcurl().unwrap();
    let call = |arguments: &[&str]| {
        let output = run(&program, &[&["-plaintext"], arguments].concat());
        let both = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(both).unwrap())
    };
    let (_, services) = call(&[&address, "list"]);
    assert!(services.lines().any(|line| line == "library.v1.Library"), "{services}");
    let (_, described) = call(&[&address, "describe", "library.v1.Library.GetBook"]);
    assert!(described.contains("google.api.http"), "{described}");
    let request = r#"{"name": "shelves/a/books/1"}"#;
    let (_, book) = call(&["-d", request, &address, "library.v1.Library/GetBook"]);
    assert_eq!(json(&book)["name"], "shelves/a/books/1");
    let (good, failed) = call(&["-d", r#"{"code": 9}"#, &address, "library.v1.Library/Fail"]);
    assert!(!good && failed.contains("FailedPrecondition"), "{failed}");
    let notes = r#"{"text": "one"} {"text": "two"}"#;
    let (_, answers) = call(&["-d", notes, &address, "library.v1.Library/Chat"]);
    assert!(answers.contains("re: one") && answers.contains("re: two"), "{answers}");
}

//! Raw requests at the gateway, many by one `curl` over one connection: any method, path, header and body.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{Home, Platform, grpcurl, run};

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<String>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A request without a body; the path begins with a slash and is sent as it is.
    pub fn new(method: &str, path: impl Into<String>) -> Self {
        Self { method: method.to_owned(), path: path.into(), ..Self::default() }
    }

    /// A JSON request; the body may be anything.
    pub fn json(method: &str, path: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::new(method, path).header("Content-Type: application/json").body(body)
    }

    /// With one more header, written `Name: value`.
    #[must_use]
    pub fn header(mut self, header: impl Into<String>) -> Self {
        self.headers.push(header.into());
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// What it is about, for the messages of assertions.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status; 0 where there was no answer.
    pub status: u16,
    /// Exit code of `curl` for this request; 0 for a complete answer.
    pub curl: i32,
    /// Status line, headers and trailers.
    pub head: String,
    /// Body.
    pub body: String,
}

impl Answer {
    /// A header or trailer.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().rev().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Somebody who sends requests to a gateway.
#[derive(Clone, Debug)]
pub struct Caller {
    gateway: String,
    certificate: Option<(PathBuf, PathBuf)>,
}

impl Caller {
    /// Without a certificate.
    pub fn anonymous(platform: &Platform) -> Self {
        Self { gateway: platform.gateway().to_owned(), certificate: None }
    }

    /// A tool with the certificate in its home.
    pub fn tool(platform: &Platform, home: &Home) -> Self {
        let folder = home.path().join(".toolskube");
        Self::anonymous(platform).with(&folder.join("client.crt"), &folder.join("client.key"))
    }

    /// The administrator that every platform has.
    pub fn admin(platform: &Platform) -> Self {
        let folder = platform.data().join("pki");
        Self::anonymous(platform).with(&folder.join("admin.crt"), &folder.join("admin.key"))
    }

    /// With this certificate and key.
    #[must_use]
    pub fn with(mut self, certificate: &Path, key: &Path) -> Self {
        self.certificate = Some((certificate.to_owned(), key.to_owned()));
        self
    }

    /// Sends one request.
    pub fn send(&self, request: Request) -> Result<Answer> {
        self.send_all(&[request])?.pop().context("no answer")
    }

    /// Sends requests one after the other over HTTP/1.1; none is sent again.
    pub fn send_all(&self, requests: &[Request]) -> Result<Vec<Answer>> {
        let folder = tempfile::Builder::new().prefix("toolforge-rest-").tempdir()?;
        let place = |index: usize, kind: &str| folder.path().join(format!("{index}.{kind}"));
        let mut script = String::new();
        for (index, request) in requests.iter().enumerate() {
            if let Some(body) = &request.body {
                fs::write(place(index, "request"), body)?;
            }
            self.write(&mut script, request, &|kind| place(index, kind))?;
        }
        let config = folder.path().join("curl");
        fs::write(&config, script)?;
        let finished = run(Command::new("curl").arg("--config").arg(&config))?;
        let results: Vec<&str> = finished.stdout.lines().collect();
        ensure!(
            results.len() == requests.len(),
            "{} answers of {}: {finished}",
            results.len(),
            requests.len()
        );
        let read = |index, kind| {
            let bytes = fs::read(place(index, kind)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let answer = |(index, line): (usize, &&str)| {
            let (curl, status) = line.split_once(' ').context("a line of curl")?;
            let (curl, status) = (curl.parse()?, status.parse()?);
            Ok(Answer { status, curl, head: read(index, "head"), body: read(index, "body") })
        };
        results.iter().enumerate().map(answer).collect()
    }

    /// Calls a gRPC method with a JSON message, for so many seconds at most, and tells the status code.
    pub fn grpc(&self, method: &str, message: &str, headers: &[&str], seconds: f32) -> Result<i32> {
        let mut command = Command::new(grpcurl()?);
        command.args(["-insecure", "-max-time", &seconds.to_string(), "-d", message]);
        if let Some((certificate, key)) = &self.certificate {
            command.arg("-cert").arg(certificate).arg("-key").arg(key);
        }
        for header in headers {
            command.args(["-rpc-header", header]);
        }
        let finished = run(command.arg(&self.gateway).arg(method.trim_start_matches('/')))?;
        // its exit code is 64 and the code of the status
        let code = if finished.code == 0 { 0 } else { finished.code - 64 };
        ensure!((0..=16).contains(&code), "{method}: {finished}");
        Ok(code)
    }

    fn write(&self, script: &mut String, request: &Request, place: &dyn Fn(&str) -> PathBuf) -> Result<()> {
        if !script.is_empty() {
            script.push_str("next\n");
        }
        writeln!(script, "silent\ninsecure\ngloboff\npath-as-is\nhttp1.1\nmax-time = 60")?;
        writeln!(script, "url = {}", quoted(&format!("https://{}{}", self.gateway, request.path)))?;
        if request.method == "HEAD" {
            writeln!(script, "head")?;
        } else {
            writeln!(script, "request = {}", quoted(&request.method))?;
        }
        for header in &request.headers {
            writeln!(script, "header = {}", quoted(header))?;
        }
        if let Some((certificate, key)) = &self.certificate {
            writeln!(script, "cert = {}", quoted(&certificate.display().to_string()))?;
            writeln!(script, "key = {}", quoted(&key.display().to_string()))?;
        }
        if request.body.is_some() {
            writeln!(script, "data-binary = {}", quoted(&format!("@{}", place("request").display())))?;
        }
        writeln!(script, "output = {}", quoted(&place("body").display().to_string()))?;
        writeln!(script, "dump-header = {}", quoted(&place("head").display().to_string()))?;
        writeln!(script, "write-out = \"%{{exitcode}} %{{http_code}}\\n\"")?;
        Ok(())
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

//! The binary: its command line, certificates from files, signals.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use mesh::drain::Drain;
use mesh::identity::tls::{Pem, Server as MeshTls};
use mesh::serve::Listener;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::backend::Fake;
use crate::pki::{Identity, Pki};
use crate::raw::Connection;
use crate::world::{serve_backend, within};

const BINARY: &str = env!("CARGO_BIN_EXE_toolforged-gateway");

pub(crate) struct Process {
    child: Child,
    url: String,
    metrics: Option<String>,
    pub(crate) admin: Option<String>,
    /// Kept open: a process whose output nobody reads any longer may not write.
    _out: BufReader<tokio::process::ChildStdout>,
}

impl Process {
    /// Starts the gateway and waits until it says that it is ready.
    pub(crate) async fn start(args: &[&str]) -> Self {
        Self::start_logging(args, Stdio::null()).await
    }

    pub(crate) async fn start_logging(args: &[&str], log: Stdio) -> Self {
        Self::start_anywhere(&[&["--listen", "127.0.0.1:0"], args].concat(), log).await
    }

    /// The same with more in its environment.
    async fn start_within(environment: &[(&str, &str)], args: &[&str]) -> Self {
        let mut command = Command::new(BINARY);
        command.args(["--listen", "127.0.0.1:0"]).args(args).envs(environment.iter().copied());
        Self::start_command(command, Stdio::null()).await
    }

    /// The same where the arguments say.
    async fn start_anywhere(args: &[&str], log: Stdio) -> Self {
        let mut command = Command::new(BINARY);
        command.args(args);
        Self::start_command(command, log).await
    }

    async fn start_command(mut command: Command, log: Stdio) -> Self {
        command.kill_on_drop(true);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        tokio::time::timeout(std::time::Duration::from_secs(30), out.read_line(&mut line))
            .await
            .unwrap()
            .unwrap();
        let mut said = line.trim_end().split(' ');
        assert_eq!(said.next(), Some("ready"), "{line:?}");
        let said: Vec<&str> = said.collect();
        let value = |name: &str| said.iter().find_map(|part| part.strip_prefix(name)).map(str::to_owned);
        let url = value("gateway=").unwrap();
        Self { child, url, metrics: value("metrics="), admin: value("admin="), _out: out }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        address_of(&self.url)
    }

    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().await.unwrap().success());
    }
}

/// A backend at a TCP port that takes mutual TLS.
async fn backend(pki: &Pki, fake: &Fake) -> (SocketAddr, Drain) {
    let own = pki.service("jobs");
    let pem = Pem {
        chain: own.chain,
        key: own.key,
        mesh_root: Some(pki.mesh.pem.clone()),
        clients_root: None,
        revoked: None,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, drain) = (listener.local_addr().unwrap(), Drain::new());
    let tls = std::sync::Arc::new(MeshTls::new(&pem, true).unwrap());
    serve_backend(fake, Listener::tls(listener, tls), &drain);
    (address, drain)
}

pub(crate) fn address_of(url: &str) -> SocketAddr {
    url.split("://").nth(1).unwrap().parse().unwrap()
}

struct Files(tempfile::TempDir);

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name).display().to_string()
    }

    fn identity(&self, name: &str, identity: &Identity) -> (String, String) {
        (
            self.write(&format!("{name}.crt"), &identity.chain),
            self.write(&format!("{name}.key"), &identity.key),
        )
    }
}

pub(crate) async fn output(args: &[&str]) -> std::process::Output {
    within(Command::new(BINARY).args(args).output()).await.unwrap()
}

#[tokio::test]
async fn help_shows_how_it_is_used() {
    let help = output(&["--help"]).await;
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success());
    for part in
        ["Examples:", "--backend jobs=https://jobs.svc:8443", "SIGHUP", "--client-crl", "--public-reflection"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn what_cannot_work_is_said_at_once() {
    for (args, why) in [
        (
            &["--listen", "0.0.0.0:0", "--backend", "http://127.0.0.1:1"][..],
            "or --allow-cleartext behind a proxy that ends TLS",
        ),
        (
            &[
                "--listen",
                "127.0.0.1:0",
                "--backend",
                "http://127.0.0.1:1",
                "--tls-cert",
                "/no/cert",
                "--tls-key",
                "/no/key",
            ],
            "/no/cert",
        ),
        (&["--backend", "somewhere"], "expected [NAME=]URI"),
        (&["--config", "/no/such/file"], "/no/such/file"),
        (&["--listen", "127.0.0.1:0"], "there is no backend"),
        (&["--backend", "http://127.0.0.1:1", "--admin", "0.0.0.0:0"], "for loopback alone"),
    ] {
        let failed = output(args).await;
        assert!(!failed.status.success());
        let text = String::from_utf8(failed.stderr).unwrap();
        assert!(text.contains(why), "{args:?}: {text}");
    }
}

#[tokio::test]
async fn certificates_come_from_files_and_come_anew_at_a_signal() {
    let (pki, fake, files) = (Pki::new(), Fake::default(), Files(tempfile::tempdir().unwrap()));
    let (backend, _drain) = backend(&pki, &fake).await;
    let pem = pki.gateway();
    let (cert, key) = files.identity("server", &Identity { chain: pem.chain, key: pem.key });
    let (mesh_cert, mesh_key) = files.identity("gateway", &pki.service("gateway"));
    let (mesh_ca, client_ca) =
        (files.write("mesh.crt", &pki.mesh.pem), files.write("ca.crt", &pki.clients.pem));
    let crl = files.write("crl.pem", &pki.clients.revoke(&[99]));
    let target = format!("jobs=https://{backend}");
    let mut args = vec!["--prefer", "http1", "--errors", "toolforge", "--backend", &target];
    args.extend(["--tls-cert", &cert, "--tls-key", &key, "--client-ca", &client_ca, "--client-crl", &crl]);
    args.extend(["--mesh-cert", &mesh_cert, "--mesh-key", &mesh_key, "--mesh-ca", &mesh_ca]);
    let mut process = Process::start(&args).await;
    assert!(process.url.starts_with("https://"));

    let (address, root, alpha) = (process.address(), &pki.servers.pem, pki.tool("alpha"));
    let open = || Connection::open(address, root, &alpha, &["h2", "http/1.1"]);
    let mut connection = open().await.unwrap();
    assert_eq!(connection.protocol().as_deref(), Some("http/1.1"));
    let reply = connection.request("GET", "/jobs/v1/tool/alpha/jobs/", "", b"").await;
    assert_eq!(reply.line, "HTTP/1.1 200 OK", "{}", reply.text());
    assert_eq!(fake.only().caller.to_string(), "tool:alpha");
    assert_eq!(
        connection.request("GET", "/jobs/v1/tool/beta/jobs/", "", b"").await.line,
        "HTTP/1.1 403 Forbidden"
    );

    revoke(&pki, &files.path("crl.pem"));
    process.signal("HUP").await;
    let refused = async {
        loop {
            let Ok(mut connection) = open().await else { return };
            connection.ask("GET", "/jobs/v1/healthz", "", b"").await;
            if connection.head().await.is_none() {
                return;
            }
        }
    };
    within(refused).await;

    connection.ask("GET", "/jobs/v1/tool/alpha/jobs/slow", "", b"").await;
    within(fake.begun.notified()).await;
    process.signal("TERM").await;
    fake.release.notify_one();
    assert_eq!(connection.reply(false).await.line, "HTTP/1.1 200 OK");
    assert!(within(process.child.wait()).await.unwrap().success());
}

fn revoke(pki: &Pki, path: &Path) {
    std::fs::write(path, pki.clients.revoke(&[7])).unwrap();
}

#[tokio::test]
async fn on_loopback_it_speaks_in_clear() {
    let (fake, drain) = (Fake::default(), Drain::new());
    // reflection of a service needs somebody known, whom nobody is in clear: a socket vouches for the gateway
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jobs");
    let socket = tokio::net::UnixListener::bind(&path).unwrap();
    serve_backend(&fake, Listener::unix(socket, "service:gateway".parse().unwrap()), &drain);
    let unix = format!("jobs=unix:{}", path.display());
    let mut process = {
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let log_all = ["--log-format", "json", "--access-log", "all"];
        let args = [&["--backend", &unix, "--metrics", "127.0.0.1:0"][..], &log_all].concat();
        Process::start_logging(&args, Stdio::from(log)).await
    };
    assert!(process.url.starts_with("http://"));
    let metrics = process.metrics.clone().unwrap();
    let probe = get(address_of(&metrics), "/healthz").await;
    assert!(probe.starts_with("HTTP/1.1 200 OK\r\n") && probe.contains("serving"), "{probe}");

    let odd = get(process.address(), "/jobs/v1/healthz?secret=1").await;
    assert!(odd.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{odd}");
    let health = get(process.address(), "/jobs/v1/healthz").await;
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n"), "{health}");
    let refused = get(process.address(), "/jobs/v1/tool/alpha/jobs").await;
    assert!(refused.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{refused}");
    assert!(refused.contains("\"code\":16") && !refused.contains("messages"), "Google's form: {refused}");

    let channel =
        mesh::client::Channel::new(mesh::client::Endpoint::h2c(&process.address().to_string()).unwrap());
    let mut client = tonic_health::pb::health_client::HealthClient::new(channel);
    client.check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap();

    let text = get(address_of(&metrics), "/metrics").await;
    let labels =
        "{http_request_method=\"GET\",http_route=\"/jobs/v1/healthz\",http_response_status_code=\"200\"";
    let count = format!("http_server_request_duration_seconds_bucket{labels}");
    assert!(text.contains(&count), "{count} in {text}");
    assert!(!text.contains("secret"));

    process.signal("TERM").await;
    assert!(within(process.child.wait()).await.unwrap().success());
    let log = std::fs::read_to_string(directory.path().join("log")).unwrap();
    assert!(!log.contains("secret"), "{log}");
    let requests: Vec<&str> = log.lines().filter(|line| line.contains("gateway::access")).collect();
    let told = |part: &str| requests.iter().filter(|line| line.contains(part)).count();
    assert_eq!(told("\"route\":\"/jobs/v1/healthz\""), 2, "{log}");
    assert_eq!(told("\"caller\":\"anonymous\""), requests.len(), "{log}");
    assert_eq!(told("\"request_id\":\""), requests.len(), "{log}");
}

#[tokio::test]
async fn in_clear_it_serves_others_where_that_is_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jobs");
    let (fake, drain) = (Fake::default(), Drain::new());
    let socket = tokio::net::UnixListener::bind(&path).unwrap();
    serve_backend(&fake, Listener::unix(socket, "service:gateway".parse().unwrap()), &drain);
    let config = directory.path().join("config");
    std::fs::write(&config, "listen: 0.0.0.0:0\nallow_cleartext: true\n").unwrap();
    let unix = format!("jobs=unix:{}", path.display());
    for args in
        [["--listen", "0.0.0.0:0", "--allow-cleartext"].to_vec(), vec!["--config", config.to_str().unwrap()]]
    {
        let args = [&["--backend", &unix][..], &args].concat();
        let process = Process::start_anywhere(&args, Stdio::null()).await;
        assert!(process.url.starts_with("http://0.0.0.0:"), "{}", process.url);
        let address = SocketAddr::from(([127, 0, 0, 1], process.address().port()));
        let health = get(address, "/jobs/v1/healthz").await;
        assert!(health.starts_with("HTTP/1.1 200 OK\r\n"), "{health}");
    }
}

/// A backend that anybody may call over TLS, as the host localhost.
async fn public_backend(pki: &Pki, fake: &Fake, host: &str) -> (SocketAddr, Drain) {
    let own = pki.host(host);
    let pem = Pem { chain: own.chain, key: own.key, ..Pem::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, drain) = (listener.local_addr().unwrap(), Drain::new());
    let tls = std::sync::Arc::new(MeshTls::new(&pem, false).unwrap());
    serve_backend(fake, Listener::tls(listener, tls), &drain);
    (address, drain)
}

#[tokio::test]
async fn a_backend_over_https_is_the_host_that_it_says() {
    let (pki, fake, files) = (Pki::new(), Fake::default(), Files(tempfile::tempdir().unwrap()));
    let root = files.write("root.crt", &pki.servers.pem);
    let schema = files.write("schema.pb", api::JOBS_DESCRIPTORS);
    let describe = ["--descriptor", schema.as_str()];
    let (good, _drain) = public_backend(&pki, &fake, "localhost").await;
    let (other, _other_drain) = public_backend(&pki, &fake, "other.example").await;
    for (port, is_host) in [(good.port(), true), (other.port(), false)] {
        for name in ["", "jobs="] {
            let target = format!("{name}https://localhost:{port}");
            // the roots of the system are where the environment says, as everywhere
            for (args, system) in [(&["--mesh-ca", root.as_str()][..], None), (&[], Some(&root))] {
                let args = [&["--backend", &target], &describe[..], args].concat();
                let environment: Vec<_> =
                    system.map(|file| ("SSL_CERT_FILE", file.as_str())).into_iter().collect();
                let process = Process::start_within(&environment, &args).await;
                let health = get(process.address(), "/jobs/v1/healthz").await;
                let expected = if is_host { "HTTP/1.1 200 OK\r\n" } else { "HTTP/1.1 503 " };
                assert!(health.starts_with(expected), "{target} {args:?}: {health}");
            }
        }
    }
    // without any root there is nothing to verify by
    let mut command = Command::new(BINARY);
    command.args(["--listen", "127.0.0.1:0", "--backend", "https://localhost:1"]);
    command.env("SSL_CERT_FILE", "/no/such/file").env("SSL_CERT_DIR", "/no/such/directory");
    let refused = within(command.output()).await.unwrap();
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && text.contains("see --mesh-ca: roots of the system"), "{text}");
}

async fn get(address: SocketAddr, target: &str) -> String {
    exchange(address, &format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await
}

/// Sends a request over a connection of its own and reads until that ends.
pub(crate) async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

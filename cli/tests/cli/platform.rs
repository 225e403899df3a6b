//! A platform with one tool, and the binary that talks to it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};

use api::jobs::v1::images_server::ImagesServer;
use api::jobs::v1::jobs_server::JobsServer;
use api::jobs::v1::quotas_server::QuotasServer;
use api::jobs::v1::runs_server::RunsServer;
use api::logs::v1::logs_server::LogsServer;
use mesh::drain::Drain;
use mesh::identity::tls::{Pem, Server as Tls};
use mesh::serve::{Listener, Server, Services};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::services::{Fake, State};

type Authority = Issuer<'static, KeyPair>;

/// The platform; it ends with the test.
pub(crate) struct Platform {
    state: Arc<Mutex<State>>,
    home: TempDir,
    address: String,
    drain: Drain,
    server_root: Authority,
    clients: Vec<u8>,
    runtime: Runtime,
}

/// What a run of the binary did.
#[derive(Debug)]
pub(crate) struct Done {
    /// Exit status.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Platform {
    /// Starts one, with the home of the tool `alpha`.
    pub(crate) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (server_root, server_pem) = authority();
        let (client_root, client_pem) = authority();
        let (chain, key) = issue(&CertificateParams::new(vec!["127.0.0.1".into()]).unwrap(), &server_root);
        let pem = Pem {
            chain,
            key,
            mesh_root: None,
            clients_root: Some(client_pem.clone().into_bytes()),
            revoked: None,
        };
        let state = Arc::new(Mutex::new(State::default()));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let drain = Drain::new();
        let server = server(&state);
        let listener = Listener::tls(listener, Arc::new(Tls::new(&pem, false).unwrap()));
        runtime.spawn(server.serve(vec![listener], drain.clone()));
        let platform = Self {
            state,
            home: tempfile::tempdir().unwrap(),
            address,
            drain,
            server_root,
            clients: client_pem.into_bytes(),
            runtime,
        };
        platform.settle(&server_pem, &client_root);
        platform
    }

    /// Writes the home as the platform does.
    fn settle(&self, server_pem: &str, client_root: &Authority) {
        let mut subject = CertificateParams::default();
        subject.distinguished_name.push(DnType::OrganizationName, "toolforge");
        subject.distinguished_name.push(DnType::CommonName, "alpha");
        let (chain, key) = issue(&subject, client_root);
        self.write(".toolskube/client.crt", &String::from_utf8(chain).unwrap());
        self.write(".toolskube/client.key", &String::from_utf8(key).unwrap());
        self.write(".toolskube/ca.pem", server_pem);
        self.write(
            ".kube/config",
            "current-context: toolforge\n\
             clusters: [{name: toolforge, cluster: {server: 'https://127.0.0.1:6443'}}]\n\
             contexts: [{name: toolforge, context: {cluster: toolforge, namespace: tool-alpha, user: u}}]\n\
             users: [{name: u, user: {client-certificate: ../.toolskube/client.crt, client-key: ../.toolskube/client.key}}]\n",
        );
        let url = format!("https://{}", self.address);
        self.write(
            ".toolforge.yaml",
            &format!("api_gateway: {{url: '{url}', ca_file: .toolskube/ca.pem}}\n"),
        );
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// A file in the home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a file in the home.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What the services answer and have been asked.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Another authority, whose certificates the server does not have.
    pub(crate) fn foreign_authority() -> String {
        authority().1
    }

    /// Stops listening; connections are closed.
    pub(crate) fn stop(&self) {
        self.drain.begin();
        self.drain.stop();
    }

    /// Listens again at the same address, with another certificate of the same authority, once the address is free.
    pub(crate) fn restart(&mut self) {
        let (chain, key) =
            issue(&CertificateParams::new(vec!["127.0.0.1".into()]).unwrap(), &self.server_root);
        let pem =
            Pem { chain, key, mesh_root: None, clients_root: Some(self.clients.clone()), revoked: None };
        let server = server(&self.state);
        self.drain = Drain::new();
        let (address, drain) = (self.address.clone(), self.drain.clone());
        self.runtime.spawn(async move {
            let listener = loop {
                match TcpListener::bind(&address).await {
                    Ok(listener) => break listener,
                    Err(_) => tokio::task::yield_now().await,
                }
            };
            let listener = Listener::tls(listener, Arc::new(Tls::new(&pem, false).unwrap()));
            server.serve(vec![listener], drain).await
        });
    }

    /// The binary in the tool's home, to be changed and run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_toolforge"));
        command.args(arguments).env_clear().env("HOME", self.home.path()).env("NO_COLOR", "1");
        command.current_dir(self.home.path()).stdin(Stdio::null());
        command
    }

    /// Runs the binary with words.
    pub(crate) fn run(&self, arguments: &str) -> Done {
        self.run_with(&arguments.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs the binary.
    pub(crate) fn run_with(&self, arguments: &[&str]) -> Done {
        done(self.command(arguments).output().unwrap())
    }

    /// Starts the binary, with pipes.
    pub(crate) fn spawn(&self, arguments: &str) -> Child {
        let words: Vec<&str> = arguments.split_whitespace().collect();
        self.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a finished process did.
pub(crate) fn done(output: Output) -> Done {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

impl Done {
    /// That it went well and said nothing on standard error.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// That it failed with a status and this on standard error, and nothing on standard output.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, err: &str) {
        assert_eq!((self.code, self.err.as_str(), self.out.as_str()), (code, err, ""));
    }
}

fn server(state: &Arc<Mutex<State>>) -> Server {
    let fake = Fake::new(Arc::clone(state));
    let services = Services::new()
        .add(JobsServer::new(fake.clone()))
        .add(RunsServer::new(fake.clone()))
        .add(ImagesServer::new(fake.clone()))
        .add(QuotasServer::new(fake.clone()))
        .add(LogsServer::new(fake));
    Server::builder(services).descriptors(api::JOBS_DESCRIPTORS).build().unwrap()
}

fn authority() -> (Authority, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

fn issue(params: &CertificateParams, issuer: &Authority) -> (Vec<u8>, Vec<u8>) {
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, issuer).unwrap().pem().into_bytes(), key.serialize_pem().into_bytes())
}

//! Envoy with its transcoder, to be held beside the gateway.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Client;
use crate::tools::envoy;

/// How long a start may take on a loaded machine.
const BOUND: Duration = Duration::from_mins(1);

/// A running Envoy; dropping it ends it.
#[derive(Debug)]
pub struct Envoy {
    child: Child,
    folder: TempDir,
}

impl Envoy {
    /// Starts one in front of this backend, for these services of an encoded descriptor set. It is as strict as it can
    /// be, and answers failures of the backend as JSON; all else is as it comes.
    pub fn start(backend: SocketAddr, descriptors: &[u8], services: &[&str]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("envoy-").tempdir()?;
        let set = folder.path().join("set.bin");
        std::fs::write(&set, descriptors)?;
        let child = Command::new(envoy()?)
            .args(["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warning"])
            .arg("--admin-address-path")
            .arg(folder.path().join("admin"))
            .args(["--config-yaml", &configuration(backend, &set, services).to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("log"))?)
            .spawn()
            .context("cannot start Envoy")?;
        Ok(Self { child, folder })
    }

    /// Where it listens, once it does; an error with its log where it has ended instead.
    pub fn address(&mut self) -> Result<SocketAddr> {
        let begun = Instant::now();
        loop {
            if let Some(address) = self.listener() {
                return Ok(address);
            }
            if !self.runs()? || begun.elapsed() > BOUND {
                bail!("Envoy does not serve: {}", self.log()?);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// What it wrote to standard error until now.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.folder.path().join("log"))?)
    }

    /// What its admin port says of its only listener.
    fn listener(&self) -> Option<SocketAddr> {
        let admin = std::fs::read_to_string(self.folder.path().join("admin")).ok()?;
        let listeners = Client::connect(admin.trim().parse().ok()?).ok()?.get("/listeners").ok()?;
        listeners.text().lines().next()?.split_once("::")?.1.parse().ok()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(backend: SocketAddr, set: &Path, services: &[&str]) -> Value {
    let any = |name: &str, mut value: Value| {
        value["@type"] = json!(format!("type.googleapis.com/envoy.extensions.{name}"));
        value
    };
    let port = |address: SocketAddr| json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } });
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let transcoder = json!({
        "proto_descriptor": set,
        "services": services,
        "convert_grpc_status": true,
        "request_validation_options": {
            "reject_unknown_method": true,
            "reject_unknown_query_parameters": true,
        },
    });
    let filter = |name: &str, kind: &str, value| json!({ "name": name, "typed_config": any(kind, value) });
    let transcoder = filter(
        "envoy.filters.http.grpc_json_transcoder",
        "filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        transcoder,
    );
    let router = filter("envoy.filters.http.router", "filters.http.router.v3.Router", json!({}));
    let route = json!({ "match": { "prefix": "/" }, "route": { "cluster": "backend" } });
    let manager = json!({
        "stat_prefix": "rest",
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }] },
        "http_filters": [transcoder, router],
    });
    let manager = filter(
        "envoy.filters.network.http_connection_manager",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        manager,
    );
    let http2 = any(
        "upstreams.http.v3.HttpProtocolOptions",
        json!({ "explicit_http_config": { "http2_protocol_options": {} } }),
    );
    let endpoints = json!([{ "lb_endpoints": [{ "endpoint": { "address": port(backend) } }] }]);
    json!({
        "admin": { "address": port(free) },
        "static_resources": {
            "listeners": [{ "name": "main", "address": port(free), "filter_chains": [{ "filters": [manager] }] }],
            "clusters": [{
                "name": "backend",
                "type": "STATIC",
                "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2 },
                "load_assignment": { "cluster_name": "backend", "endpoints": endpoints },
            }],
        },
    })
}

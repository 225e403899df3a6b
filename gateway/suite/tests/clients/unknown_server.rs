//! A server that the gateway has never seen, written in another language, by one command line.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use gateway_suite::{Client, Gateway, python};
use serde_json::json;

/// Python's gRPC server of `servers/weather.proto`; it ends with its standard input.
struct Weather {
    process: Child,
    port: u16,
}

impl Weather {
    fn start() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let servers = here.join("servers");
        let roots: [PathBuf; 2] = [servers.clone(), here.join("../../proto")];
        let mut command = Command::new(python("python").unwrap());
        command.arg(servers.join("weather.py")).args(roots);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, port: line.trim().parse().expect("the server prints its port") }
    }
}

impl Drop for Weather {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

#[test]
fn a_server_in_python_is_served_by_one_command_line() {
    let weather = Weather::start();
    let gateway = Gateway::before(&format!("http://127.0.0.1:{}", weather.port)).unwrap();
    let mut client = Client::connect(gateway.address().unwrap()).unwrap();

    let report = client.get("/v1/places/bern/weather").unwrap();
    let bern = json!({"place": "places/bern", "celsius": 21.5, "time": "2023-11-14T22:13:20Z"});
    assert_eq!((report.status, report.json().unwrap()), (200, bern));

    let stream = client.get("/v1/places/bern/weather:watch?count=3").unwrap().json().unwrap();
    assert_eq!(stream.as_array().unwrap().len(), 3, "{stream}");

    let measured = client.json("POST", "/v1/measurements", br#"[{"celsius": 1}, {"celsius": 2}]"#).unwrap();
    assert_eq!(measured.json().unwrap(), json!({"count": 2, "mean": 1.5}));

    let nowhere = client.get("/v1/places/nowhere/weather").unwrap();
    assert_eq!(nowhere.status, 404);
    assert_eq!(nowhere.json().unwrap()["message"], "there is no such place");

    let document = client.get("/openapi.json").unwrap().json().unwrap();
    let described = &document["paths"]["/v1/places/{place}/weather"];
    assert!(!described.is_null() || document["paths"].to_string().contains("weather"), "{document:#}");
}

//! A browser: a page of another origin uses `fetch`, `EventSource` and `WebSocket`, and reports what it saw.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use gateway_suite::{Backend, Gateway};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../clients/browser.html");

/// The server of the page: an origin of its own.
struct Site {
    address: SocketAddr,
    reports: Receiver<Value>,
}

impl Site {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, reports) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let tell = tell.clone();
                thread::spawn(move || answer(stream, &tell));
            }
        });
        Self { address, reports }
    }
}

/// Answers one request: the page, or thanks for a report.
fn answer(stream: TcpStream, tell: &Sender<Value>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let page = if first.starts_with("POST") {
        tell.send(serde_json::from_slice(&body).ok()?).ok()?;
        ""
    } else {
        PAGE
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        page.len()
    );
    reader.get_mut().write_all(format!("{head}{page}").as_bytes()).ok()
}

struct Browser {
    process: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    fn open(url: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--no-proxy-server",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
        ];
        let process = Command::new("chromium")
            .args(flags)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium starts");
        Self { process, _profile: profile }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the page saw.
fn seen(origins: &str) -> Value {
    let backend = Backend::start().unwrap();
    let site = Site::start();
    let origins = origins.replace("{site}", &format!("http://{}", site.address));
    let config = format!("cors:\n  origins: [\"{origins}\"]\n");
    let gateway = Gateway::configured(&config, &["--backend", &backend.uri()]).unwrap();
    let _browser = Browser::open(&format!("http://{}/?gateway={}", site.address, gateway.url().unwrap()));
    site.reports.recv_timeout(Duration::from_mins(1)).expect("the page reports")
}

#[test]
fn a_page_of_an_allowed_origin_fetches_streams_and_chats() {
    let seen = seen("{site}");
    assert_eq!(seen["failed"], Value::Null, "{seen:#}");
    assert_eq!(seen["get"]["body"]["name"], "shelves/a/books/1");
    assert_eq!((&seen["post"]["status"], &seen["post"]["body"]["title"]), (&json!(200), &json!("Ü")));
    assert_eq!((&seen["refused"]["status"], &seen["refused"]["body"]["code"]), (&json!(404), &json!(5)));
    let names = json!(["shelves/a/books/1", "shelves/a/books/2", "shelves/a/books/3"]);
    assert_eq!(seen["lines"]["names"], names);
    assert!(seen["lines"]["reads"].as_u64() >= Some(3), "each line came when it was there: {seen:#}");
    assert_eq!(seen["events"]["names"], json!(["shelves/a/books/1", "shelves/a/books/2"]));
    assert_eq!(seen["events"]["error"]["error"]["code"], 10, "{seen:#}");
    assert_eq!(seen["chat"], json!({"texts": ["re: one", "re: two"], "code": 1000}));
}

#[test]
fn a_page_of_another_origin_is_kept_out() {
    let seen = seen("https://elsewhere.example");
    assert!(seen["failed"].as_str().is_some_and(|text| text.contains("TypeError")), "{seen:#}");
}

//! The gateway before a backend that records whatever reaches it.

use std::fmt::Write as _;

use gateway_suite::{Answer, Client, Gateway, RawAnswer, RawBackend, proto};

/// Gateway and backend.
pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) backend: RawBackend,
}

/// Calls that are answered with an empty message.
const ANSWERED: &[&str] = &[
    "CreateBook",
    "DeleteBook",
    "Echo",
    "Fail",
    "GetBook",
    "GetFile",
    "ImportBooks",
    "Inspect",
    "ListBooks",
    "MoveBook",
    "ReplaceBook",
    "Report",
    "UpdateBook",
    "Upload",
    "Wait",
];

/// Starts both, the gateway as it is by default.
pub(crate) fn start() -> World {
    world(Gateway::before)
}

/// Starts both, the gateway with this config file.
pub(crate) fn configured(config: &str) -> World {
    world(|backend| Gateway::configured(config, &["--backend", backend]))
}

fn world(start: impl FnOnce(&str) -> anyhow::Result<Gateway>) -> World {
    let backend = RawBackend::start(proto::LIBRARY_DESCRIPTORS).unwrap();
    for method in ANSWERED {
        backend.answer(&format!("/library.v1.Library/{method}"), RawAnswer::messages([b""]));
    }
    let gateway = start(&backend.uri()).unwrap();
    World { gateway, backend }
}

impl World {
    /// A fresh connection.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.gateway.address().unwrap()).unwrap()
    }

    /// Sends bytes as they are; none where the connection is closed without an answer.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Option<Answer> {
        let mut client = self.client();
        client.write(bytes).ok()?;
        let mut head = client.head(false).ok()?;
        let (status, headers) = (head.status, std::mem::take(&mut head.headers));
        let mut body = Vec::new();
        while let Ok(gateway_suite::Part::Data(data)) = head.next() {
            body.extend(data);
        }
        Some(Answer { status, headers, body, trailers: Vec::new() })
    }

    /// Holds an answer to what the table wants, and the backend to having seen good requests alone.
    pub(crate) fn judge(&self, what: &str, wanted: u16, answer: &Answer, wrong: &mut String) {
        let reached = self.backend.requests().len();
        let expected = usize::from(wanted == 200);
        if answer.status != wanted || reached != expected {
            let text = answer.text();
            let _ = writeln!(wrong, "{what}: {} instead of {wanted}, {reached} calls: {text}", answer.status);
        } else if (400..500).contains(&wanted) && !explains(answer) {
            let _ = writeln!(wrong, "{what}: {wanted} without a status as JSON: {}", answer.text());
        }
    }
}

/// Whether a refusal says in JSON what is wrong.
fn explains(answer: &Answer) -> bool {
    answer.json().is_ok_and(|status| status["message"].as_str().is_some_and(|text| !text.is_empty()))
}

/// Fails with every wrong line at once.
pub(crate) fn all_good(wrong: &str) {
    assert!(wrong.is_empty(), "\n{wrong}");
}

//! The jobs of one tool over REST, as JSON.

use integration::{Answer, Caller, Home, Platform, Request};
use serde_json::Value;

/// One tool's jobs.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) caller: Caller,
    pub(crate) tool: String,
}

impl Api {
    pub(crate) fn of(platform: &Platform, home: &Home) -> Self {
        Self { caller: Caller::tool(platform, home), tool: home.name().to_owned() }
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/jobs/v1/tool/{}/{rest}", self.tool)
    }

    /// A creation with its request id.
    pub(crate) fn create(&self, id: &str, job: &Value) -> Request {
        let body = serde_json::to_vec(job).unwrap();
        Request::json("POST", self.path(&format!("jobs?request_id={}", request_id(id))), body)
    }

    /// A deletion with its request id.
    pub(crate) fn delete(&self, id: &str, name: &str) -> Request {
        Request::new("DELETE", self.path(&format!("jobs/{name}?request_id={}", request_id(id))))
    }

    /// Sends what must succeed.
    #[track_caller]
    pub(crate) fn all_well(&self, requests: &[Request]) -> Vec<Value> {
        let answers = self.caller.send_all(requests).unwrap();
        let told = |(request, answer): (&Request, Answer)| {
            assert!(matches!(answer.status, 200 | 201), "{}: {answer:?}", request.line());
            serde_json::from_str(&answer.body).unwrap()
        };
        requests.iter().zip(answers).map(told).collect()
    }

    /// A list of everything: `jobs` or `runs`.
    #[track_caller]
    pub(crate) fn list(&self, what: &str) -> Vec<Value> {
        let path = self.path(&format!("{what}?page_size=1000"));
        let mut answer = self.all_well(&[Request::new("GET", path)]).remove(0);
        assert!(answer.get("next_page_token").is_none(), "one page is enough");
        let Value::Array(list) = answer[what].take() else { panic!("no list of {what}") };
        list
    }

    /// The runs of one job.
    #[track_caller]
    pub(crate) fn runs_of(&self, job: &str) -> Vec<Value> {
        self.list("runs").into_iter().filter(|run| run["job"] == job).collect()
    }

    /// What is used of a quota, by the name of its item.
    #[track_caller]
    pub(crate) fn used(&self, item: &str) -> String {
        let answer = self.all_well(&[Request::new("GET", self.path("quotas"))]).remove(0);
        let categories = answer["quota"]["categories"].as_array().unwrap();
        let items = categories.iter().flat_map(|category| category["items"].as_array().unwrap());
        let found = items.filter(|one| one["used"].is_string()).find(|one| one["name"] == item);
        found.unwrap_or_else(|| panic!("no quota {item}"))["used"].as_str().unwrap().to_owned()
    }
}

/// A UUID of this test's own making (version 8, RFC 9562) that a request has whenever it is sent again.
pub(crate) fn request_id(name: &str) -> String {
    let hash = |seed: u64| {
        name.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let (high, low) = (hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4));
    let node = low & 0xffff_ffff_ffff;
    format!(
        "{:08x}-{:04x}-8{:03x}-8{:03x}-{node:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52
    )
}

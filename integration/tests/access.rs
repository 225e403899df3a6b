//! Every kind of caller at every RPC, over gRPC and over REST: the answers are exactly what the options of the protos say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use integration::{Answer, Caller, Platform, Request, run};
use options::{Caller as Kind, MethodRule, Table};
use serde_json::Value;

/// gRPC codes of refusals.
const UNAUTHENTICATED: i32 = 16;
const PERMISSION_DENIED: i32 = 7;

/// Who calls; every request is about the tool `alpha`, where it is about one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anonymous,
    Own,
    Other,
    Admin,
}

impl Who {
    /// The gRPC code of the refusal that the options demand, if they do.
    fn refused(self, rule: &MethodRule) -> Option<i32> {
        if rule.admits(Kind::Public) {
            return None;
        }
        let admitted = match self {
            Self::Anonymous => return Some(UNAUTHENTICATED),
            Self::Own => rule.admits(Kind::Tool),
            Self::Other => rule.admits(Kind::Tool) && rule.tool_field.is_none(),
            Self::Admin => rule.admits(Kind::Admin),
        };
        (!admitted).then_some(PERMISSION_DENIED)
    }
}

struct Place {
    platform: Platform,
    callers: [(Who, Caller); 4],
}

impl Place {
    fn new() -> Self {
        let platform = Platform::start().unwrap();
        let (alpha, beta) = (platform.tool("alpha").unwrap(), platform.tool("beta").unwrap());
        let callers = [
            (Who::Anonymous, Caller::anonymous(&platform)),
            (Who::Own, Caller::tool(&platform, &alpha)),
            (Who::Other, Caller::tool(&platform, &beta)),
            (Who::Admin, Caller::admin(&platform)),
        ];
        Self { platform, callers }
    }

    fn caller(&self, who: Who) -> &Caller {
        &self.callers.iter().find(|(one, _)| *one == who).unwrap().1
    }
}

/// Every method with its rule, in order.
fn methods() -> Vec<(String, MethodRule)> {
    let tables = [api::JOBS_DESCRIPTORS, api::CONFIG_DESCRIPTORS].map(|set| Table::read(set).unwrap());
    let all = tables.iter().flat_map(Table::iter);
    let mut all: Vec<_> = all.map(|(path, rule)| (path.to_owned(), rule.clone())).collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

/// A message with the tool in the field that names it.
fn about(rule: &MethodRule, tool: &str) -> String {
    rule.tool_field
        .as_ref()
        .map_or_else(|| "{}".to_owned(), |field| format!("{{\"{}\":\"{tool}\"}}", field.name))
}

#[test]
fn every_caller_at_every_rpc_over_grpc() {
    let place = Place::new();
    let methods = methods();
    let mut refusals = 0;
    for (who, caller) in &place.callers {
        for (path, rule) in &methods {
            let refused = who.refused(rule);
            // a stream that is admitted ends at its deadline
            let seconds = if rule.server_streaming && refused.is_none() { 1.0 } else { 20.0 };
            let code = caller.grpc(path, &about(rule, "alpha"), &[], seconds).unwrap();
            if let Some(wanted) = refused {
                refusals += 1;
                assert_eq!(code, wanted, "{who:?} {path}");
            } else {
                let well = !matches!(code, UNAUTHENTICATED | PERMISSION_DENIED | 12 | 13 | 14 | 2);
                assert!(well, "{who:?} {path} is admitted, and yet: {code}");
            }
        }
    }
    assert!(refusals > methods.len(), "{refusals} refusals");
}

/// A REST route of the gateway's own document.
struct Route {
    method: String,
    path: String,
    rule: MethodRule,
}

fn routes(place: &Place) -> Vec<Route> {
    let document = place.caller(Who::Anonymous).send(Request::new("GET", "/openapi.json")).unwrap();
    assert_eq!(document.status, 200, "{document:?}");
    let document: Value = serde_json::from_str(&document.body).unwrap();
    let methods = methods();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(id) = operation["operationId"].as_str() else { continue };
            let rule = methods.iter().find(|(grpc, _)| {
                let name = grpc.trim_start_matches('/').replace('/', ".");
                id == name || id.strip_prefix(&name).is_some_and(|rest| rest.starts_with('_'))
            });
            let (_, rule) = rule.unwrap_or_else(|| panic!("{id} is no method"));
            let path = path.replace("{tool}", "alpha");
            let path = ["{name}", "{job}"].iter().fold(path, |path, place| path.replace(place, "none"));
            assert!(!path.contains('{'), "{path}");
            routes.push(Route { method: method.to_uppercase(), path, rule: rule.clone() });
        }
    }
    routes
}

#[test]
fn every_caller_at_every_route_over_rest() {
    let place = Place::new();
    let routes = routes(&place);
    assert!(routes.len() >= methods().len(), "{} routes", routes.len());
    for (who, caller) in &place.callers {
        // a stream that is admitted has no end here; gRPC has tried it
        let tried: Vec<&Route> = routes
            .iter()
            .filter(|route| who.refused(&route.rule).is_some() || !route.rule.server_streaming)
            .collect();
        let request = |route: &&Route| match route.method.as_str() {
            "POST" | "PUT" | "PATCH" => Request::json(&route.method, &route.path, "{}"),
            method => Request::new(method, &route.path),
        };
        let requests: Vec<Request> = tried.iter().map(request).collect();
        for (route, answer) in tried.iter().zip(caller.send_all(&requests).unwrap()) {
            let what = format!("{who:?} {} {}: {answer:?}", route.method, route.path);
            match who.refused(&route.rule) {
                Some(UNAUTHENTICATED) => assert_eq!(answer.status, 401, "{what}"),
                Some(_) => assert_eq!(answer.status, 403, "{what}"),
                None => assert!(answer.status != 0 && !matches!(answer.status, 401 | 403 | 500..), "{what}"),
            }
            if answer.status >= 400 {
                assert!(answer.body.contains("\"messages\""), "{what}");
            }
        }
    }
}

#[test]
fn what_a_request_says_of_itself_is_not_believed() {
    let place = Place::new();
    let (path, rule) = methods().into_iter().find(|(path, _)| path.ends_with("/ListJobs")).unwrap();
    let claims = [
        "x-toolforge-principal: admin:root",
        "x-toolforge-principal: service:gateway",
        "x-toolforge-principal: tool:alpha",
        "x-toolforge-tool: alpha",
        "ssl-client-subject-dn: CN=alpha,O=toolforge",
        "forwarded: for=127.0.0.1",
        "authorization: Bearer alpha",
    ];
    let rest: Vec<_> =
        claims.iter().map(|claim| Request::new("GET", "/jobs/v1/tool/alpha/jobs").header(*claim)).collect();
    for (who, code, status) in [(Who::Anonymous, UNAUTHENTICATED, 401), (Who::Other, PERMISSION_DENIED, 403)]
    {
        let caller = place.caller(who);
        for claim in claims {
            let told = caller.grpc(&path, &about(&rule, "alpha"), &[claim], 20.0).unwrap();
            let bearer = claim.starts_with("authorization") && told == UNAUTHENTICATED;
            assert!(bearer || told == code, "{who:?} {claim}: {told}");
        }
        for (claim, answer) in claims.iter().zip(caller.send_all(&rest).unwrap()) {
            let bearer = claim.starts_with("authorization") && answer.status == 401;
            assert!(bearer || answer.status == status, "{who:?} {claim}: {answer:?}");
        }
    }
}

#[test]
fn certificates_of_other_authorities_are_refused() {
    let place = Place::new();
    let folder = place.platform.folder().join("forged");
    std::fs::create_dir(&folder).unwrap();
    let pki = place.platform.data().join("pki");
    let stranger = folder.join("stranger");
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=Toolforge clients",
        "-keyout",
        &text(&stranger.with_extension("key")),
        "-out",
        &text(&stranger.with_extension("crt")),
    ]);
    // of a stranger with the right name; of the mesh, which is another root
    for (name, authority) in [("stranger", stranger), ("mesh", pki.join("mesh-ca"))] {
        for subject in ["/O=admins/CN=admin", "/O=toolforge/CN=alpha"] {
            let (certificate, key) = forge(&folder, name, &authority, subject);
            let caller = Caller::anonymous(&place.platform).with(&certificate, &key);
            let answer = caller.send(Request::new("GET", "/jobs/v1/tool/alpha/jobs")).unwrap();
            assert!(answer.status == 0 && answer.curl != 0, "{name} {subject}: {answer:?}");
        }
    }
    // and the same steps with the true authority make a certificate that works: the refusals were not about its form
    let (certificate, key) = forge(&folder, "true", &pki.join("clients-ca"), "/O=toolforge/CN=alpha");
    let caller = Caller::anonymous(&place.platform).with(&certificate, &key);
    assert_eq!(caller.send(Request::new("GET", "/jobs/v1/tool/alpha/jobs")).unwrap().status, 200);
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A client certificate for a subject, signed by `<authority>.crt` and `.key`.
fn forge(folder: &Path, name: &str, authority: &Path, subject: &str) -> (PathBuf, PathBuf) {
    let [key, request, certificate, extensions] =
        ["key", "csr", "crt", "ext"].map(|kind| folder.join(format!("{name}-leaf.{kind}")));
    std::fs::write(&extensions, "keyUsage=digitalSignature\nextendedKeyUsage=clientAuth\n").unwrap();
    openssl(&[
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        subject,
        "-keyout",
        &text(&key),
        "-out",
        &text(&request),
    ]);
    openssl(&[
        "x509",
        "-req",
        "-days",
        "1",
        "-in",
        &text(&request),
        "-CA",
        &text(&authority.with_extension("crt")),
        "-CAkey",
        &text(&authority.with_extension("key")),
        "-set_serial",
        "4711",
        "-extfile",
        &text(&extensions),
        "-out",
        &text(&certificate),
    ]);
    (certificate, key)
}

fn openssl(arguments: &[&str]) {
    let finished = run(Command::new("openssl").args(arguments)).unwrap();
    assert_eq!(finished.code, 0, "openssl {arguments:?}: {finished}");
}

#[test]
fn curl_prints_the_words_of_http_and_a_stranger_learns_nothing() {
    let place = Place::new();
    let get = || Request::new("GET", "/jobs/v1/tool/alpha/jobs");
    let own = place.caller(Who::Own).send(get()).unwrap();
    assert!(own.head.starts_with("HTTP/1.1 200 OK\r\n"), "{own:?}");
    let other = place.caller(Who::Other).send(get()).unwrap();
    assert!(other.head.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{other:?}");
    // a tool that is there and one that is not look the same to others, names with dots and odd spellings too
    let refusal = |tool: &str| -> Answer {
        let path = format!("/jobs/v1/tool/{tool}/jobs/some.dotted.name");
        place.caller(Who::Other).send(Request::new("GET", path)).unwrap()
    };
    let known = refusal("alpha");
    for tool in ["nobody", "ALPHA", "alpha.", "%61lpha", "beta%2f..%2falpha", "beta "] {
        let answer = refusal(&tool.replace(' ', "%20"));
        assert_eq!((answer.status, &answer.body), (403, &known.body), "{tool}");
    }
}

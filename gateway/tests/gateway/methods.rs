//! Rules of methods, fields and values of enums that are given from outside.

use api::jobs::v1::jobs_client::JobsClient;
use api::jobs::v1::status_client::StatusClient;
use api::jobs::v1::{GetHealthRequest, GetJobRequest, ListJobsRequest};
use gateway::{
    Access, Backend, Caller, Descriptors, Mapping, MethodBounds, MethodSetting, SecurityScheme, Unstated,
};
use mesh::client::{Channel, Endpoint};
use prost::Message as _;
use serde_json::{Value, json};
use tonic::Code;

use crate::admin::Socket;
use crate::backend::Fake;
use crate::pki::Identity;
use crate::process::{Process, address_of, exchange, output};
use crate::world::{Setup, World, start_with, start_with_backend, within};

fn setting(selector: &str, set: impl Fn(&mut MethodSetting)) -> MethodSetting {
    let mut setting = MethodSetting::new(selector.parse().unwrap());
    set(&mut setting);
    setting
}

fn callers(callers: &[Caller], tool_field: &str) -> Access {
    let callers = callers.iter().map(|caller| i32::from(*caller)).collect();
    Access { callers, tool_field: tool_field.to_owned(), services: Vec::new() }
}

async fn world(methods: Vec<MethodSetting>) -> World {
    let mapping = Mapping { methods, ..Mapping::default() };
    start_with(Setup { mapping, security: vec![SecurityScheme::MutualTls], ..Setup::default() }).await
}

#[tokio::test]
async fn who_may_call_can_be_said_from_outside() {
    let world = world(vec![
        setting("toolforge.jobs.v1.Jobs.*", |s| s.access = Some(callers(&[Caller::Admin], ""))),
        setting("toolforge.jobs.v1.Status.GetHealth", |s| s.access = Some(callers(&[Caller::Admin], ""))),
        setting("toolforge.jobs.v1.Quotas.*", |s| s.access = Some(callers(&[], ""))),
    ])
    .await;
    let admin = world.pki.clients.client("admins", "root", 1);
    for (identity, target, status) in [
        (&Identity::default(), "/jobs/v1/healthz", 401),
        (&world.alpha, "/jobs/v1/healthz", 403),
        (&admin, "/jobs/v1/healthz", 200),
        (&world.alpha, "/jobs/v1/tool/alpha/jobs", 403),
        (&admin, "/jobs/v1/tool/alpha/jobs", 200),
        (&world.alpha, "/jobs/v1/tool/alpha/quotas", 403),
        (&admin, "/jobs/v1/tool/alpha/quotas", 403),
        // of this nothing is said
        (&Identity::default(), "/logs/v1/healthz", 200),
    ] {
        let reply = world.connect_as(identity).await.request("GET", target, "", b"").await;
        assert_eq!(reply.status(), status, "{target}: {}", reply.text());
    }
    let health = StatusClient::new(world.channel(&world.alpha)).get_health(GetHealthRequest {}).await;
    assert_eq!(health.unwrap_err().code(), Code::PermissionDenied);
    StatusClient::new(world.channel(&admin)).get_health(GetHealthRequest {}).await.unwrap();

    let document = world.request("GET", "/openapi.json").await.json();
    let get = |path: &str| document["paths"][path]["get"].clone();
    assert_eq!(get("/jobs/v1/healthz")["security"], Value::Null, "it is for those who prove who they are");
    assert!(get("/jobs/v1/healthz")["responses"]["401"].is_object());
    assert_eq!(get("/logs/v1/healthz")["security"], json!([]));
}

#[tokio::test]
async fn the_tool_of_a_rule_from_outside_stands_in_the_path() {
    let world = world(vec![setting("toolforge.jobs.v1.Jobs.*", |s| {
        s.access = Some(callers(&[Caller::Tool, Caller::Admin], "tool"));
    })])
    .await;
    assert_eq!(world.request("GET", "/jobs/v1/tool/alpha/jobs").await.status(), 200);
    assert_eq!(world.request("GET", "/jobs/v1/tool/beta/jobs").await.status(), 403);
    // the service does not know the rule, and the gateway does not look into gRPC
    let request = ListJobsRequest { tool: "alpha".to_owned(), ..Default::default() };
    let listed = JobsClient::new(world.channel(&world.alpha)).list_jobs(request.clone()).await;
    assert_eq!(listed.unwrap_err().code(), Code::PermissionDenied);
    let admin = world.pki.clients.client("admins", "root", 1);
    JobsClient::new(world.channel(&admin)).list_jobs(request).await.unwrap();
}

#[tokio::test]
async fn a_method_can_have_bounds_of_its_own() {
    let world = world(vec![
        setting("toolforge.jobs.v1.*", |s| {
            s.bounds = MethodBounds { body: Some(8), message: Some(1), ..MethodBounds::default() };
        }),
        setting("toolforge.jobs.v1.Jobs.GetJob", |s| {
            s.bounds.message = Some(1 << 20);
            s.bounds.deadline = Some(std::time::Duration::from_millis(50));
        }),
    ])
    .await;
    let body = br#"{"name": "x", "cmd": "true", "imagename": "y"}"#;
    assert_eq!(world.send("POST", "/jobs/v1/tool/alpha/jobs", body).await.status(), 413);
    // a message of more than one byte
    assert_eq!(world.request("GET", "/jobs/v1/healthz").await.status(), 500);
    assert_eq!(world.request("GET", "/jobs/v1/tool/alpha/jobs/x").await.status(), 200);
    let late = world.request("GET", "/jobs/v1/tool/alpha/jobs/slow").await;
    assert_eq!(late.status(), 504, "{}", late.text());
    // gRPC carries its own
    let x = GetJobRequest { tool: "alpha".to_owned(), name: "x".to_owned(), ..Default::default() };
    JobsClient::new(world.channel(&world.alpha)).get_job(x).await.unwrap();
}

/// A backend whose one method has no options at all.
fn bare() -> Backend {
    use prost_types::{
        DescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
        ServiceDescriptorProto,
    };
    let name = |name: &str| Some(name.to_owned());
    let method = MethodDescriptorProto {
        name: name("Ask"),
        input_type: name(".a.Text"),
        output_type: name(".a.Text"),
        ..Default::default()
    };
    let file = FileDescriptorProto {
        name: name("a.proto"),
        package: name("a"),
        syntax: name("proto3"),
        message_type: vec![DescriptorProto { name: name("Text"), ..Default::default() }],
        service: vec![ServiceDescriptorProto {
            name: name("Bare"),
            method: vec![method],
            ..Default::default()
        }],
        ..Default::default()
    };
    let set = FileDescriptorSet { file: vec![file] }.encode_to_vec();
    let (_, connector) = mesh::memory::pair("service:gateway".parse().unwrap());
    let channel = Channel::new(Endpoint::memory(connector));
    Backend::new("bare", &channel).with_descriptors(Descriptors::read([&set[..]]).unwrap())
}

#[tokio::test]
async fn where_nothing_is_said_documents_say_what_the_gateway_does() {
    for (unstated, status) in [(Unstated::Admit, 503), (Unstated::Deny, 401)] {
        let mut mapping = Mapping::default();
        mapping.options.default_bindings = true;
        let security = vec![SecurityScheme::MutualTls];
        let setup = Setup { mapping, security, unstated, ..Setup::default() };
        let (world, ready) = start_with_backend(bare(), setup).await;
        within(ready).await.unwrap();
        let ask = &world.request("GET", "/openapi.json").await.json()["paths"]["/a.Bare/Ask"]["post"];
        assert!(ask.is_object());
        let public = unstated == Unstated::Admit;
        assert_eq!(ask["security"] == json!([]), public, "{unstated:?}: {ask}");
        assert_eq!(ask["responses"]["401"].is_object(), !public, "{unstated:?}: {ask}");
        let mut nobody = world.connect_as(&Identity::default()).await;
        assert_eq!(nobody.request("POST", "/a.Bare/Ask", "", b"{}").await.status(), status);
    }
}

/// A file that says something of every kind, some of it of nothing.
const FILE: &str = "
methods:
- selector: toolforge.jobs.v1.*
  access: {callers: [public]}
  deadline: 5s
- selector: toolforge.jobs.v1.Jobs.ListJobs, toolforge.jobs.v1.Jobs.ListJbos
  access: {callers: [tool, service], tool_field: tool, services: [config]}
  path_wins: true
- selector: toolforge.jobs.v1.Status.GetHealth
  access: {callers: [tool], tool_field: tool}
fields:
- selector: toolforge.jobs.v1.GetHealthResponse.health
  required: true
- selector: toolforge.jobs.v1.Helth.*
  ordered: true
enum_values:
- selector: toolforge.jobs.v1.HealthCheckType.HEALTH_CHECK_TYPE_SCRIPT
  word: fine
- selector: toolforge.jobs.v1.HEALTH_CHECK_TYPE_SCRIPT
  word: fine
";

const UNUSED: [&str; 4] = [
    "the selector toolforge.jobs.v1.Jobs.ListJbos of methods selects no method",
    "the selector toolforge.jobs.v1.Helth.* of fields selects no field",
    "the selector toolforge.jobs.v1.HEALTH_CHECK_TYPE_SCRIPT of enum_values selects no value of an enum",
    "/toolforge.jobs.v1.Status/GetHealth: access.tool_field \"tool\" is not a string field of \
     toolforge.jobs.v1.GetHealthRequest, so nobody may call it",
];

#[tokio::test]
async fn operators_see_the_rules_and_what_is_about_nothing() {
    let fake = Fake::default();
    let socket = Socket::new(&fake);
    let path = socket.write("gateway.yaml", &format!("backends: ['{}']\n{FILE}", socket.backend()));
    let checked = output(&["--config", &path, "--check"]).await;
    let text = String::from_utf8(checked.stdout).unwrap();
    let told: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    assert!(!checked.status.success(), "{text}");
    for line in UNUSED {
        assert!(told.contains(&line), "{line}: {told:#?}");
    }
    assert_eq!(told.iter().filter(|line| line.starts_with("the selector")).count(), 3, "{told:#?}");
    let line = |method: &str| text.lines().find(|line| line.contains(method)).unwrap();
    let list = "Jobs/ListJobs  jobs  tool(tool),service(config)  path_wins=true  trailing_slash=true  deadline=\"5000ms\"";
    assert!(line("ListJobs").ends_with(list), "{}", line("ListJobs"));
    assert!(line("GetHealth").contains("  nobody  "), "{}", line("GetHealth"));
    assert!(line("GetQuota").contains("  public  trailing_slash=true  deadline"), "{text}");

    let process = Process::start(&["--config", &path, "--admin", "127.0.0.1:0"]).await;
    let request = "GET /routes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = exchange(address_of(process.admin.as_ref().unwrap()), request).await;
    let routes: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let mut all = routes["routes"].as_array().unwrap().iter();
    let route = all.find(|route| route["grpc"] == "/toolforge.jobs.v1.Jobs/ListJobs").unwrap();
    let access = json!({"callers": ["tool", "service"], "tool_field": "tool", "services": ["config"]});
    assert_eq!((&route["access"], &route["rules"]["path_wins"]), (&access, &json!(true)));
    for line in UNUSED {
        assert!(routes["warnings"].as_array().unwrap().contains(&line.into()), "{line}");
    }
}

//! What happens to one request.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::HeaderValue;
use http::{Method, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use crate::body::{Leased, Outgoing, Reply};
use crate::fields;
use crate::forward::{self, Answer, Failure};
use crate::host::{self, Unclear};
use crate::page;
use crate::serve::Shared;

/// A change of protocol that a client asks for.
struct Upgrade {
    protocol: HeaderValue,
    client: OnUpgrade,
}

/// Answers one request of a client.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    client: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Reply>, Infallible> {
    let began = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut log = Log { tool: None, backend: None };
    let response = route(&shared, client, request, &mut log).await;
    let Log { tool, backend } = log;
    tracing::info!(
        target: "engine_router::access",
        %client, %method, path, tool, backend,
        status = response.status().as_u16(),
        milliseconds = began.elapsed().as_millis(),
    );
    Ok(response)
}

/// What only the routing knows of what is logged.
struct Log {
    tool: Option<String>,
    backend: Option<String>,
}

async fn route(
    shared: &Shared,
    client: SocketAddr,
    mut request: Request<Incoming>,
    log: &mut Log,
) -> Response<Reply> {
    if request.method() == Method::CONNECT {
        return page::no_tunnel();
    }
    let protocol = fields::wanted_upgrade(request.version(), request.headers());
    let upgrade = protocol.map(|protocol| Upgrade { protocol, client: hyper::upgrade::on(&mut request) });
    let (mut parts, body) = request.into_parts();
    let authority = match host::authority(&parts) {
        Ok(authority) => authority.to_owned(),
        Err(Unclear::Missing) => return page::bad_request("has no Host field"),
        Err(Unclear::Invalid) => return page::bad_request("does not name one valid host"),
    };
    let domains = &shared.options.domains;
    let (Some(tool), Ok(host)) = (host::tool(&authority, domains), HeaderValue::try_from(&authority)) else {
        return page::unknown_host(domains);
    };
    log.tool = Some(tool.clone());
    let uri = parts.uri.clone();
    let find = || shared.table.find(&tool, uri.path());
    fields::outgoing(&mut parts, &host, client.ip(), &body);
    parts.extensions.clear();
    if let Some(upgrade) = &upgrade {
        fields::ask_upgrade(&mut parts.headers, upgrade.protocol.clone());
    }
    let request = Request::from_parts(parts, Outgoing::from(body));
    match forward::send(find, request, shared.options.connect_timeout).await {
        Ok(answer) => {
            log.backend = Some(answer.1.ticket.backend().id().to_owned());
            pass_on(shared, &tool, answer, upgrade)
        }
        Err(failure) => page::failed(&tool, failure),
    }
}

/// The instance's answer as the client gets it.
fn pass_on(shared: &Shared, tool: &str, answer: Answer, upgrade: Option<Upgrade>) -> Response<Reply> {
    let (mut response, lease) = answer;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // a change that nobody asked for is no valid answer
        let Some(upgrade) = upgrade else {
            return page::failed(tool, Failure::Broken);
        };
        let instance = hyper::upgrade::on(&mut response);
        let chosen = response.headers().get(header::UPGRADE).cloned().unwrap_or(upgrade.protocol);
        shared.spawn_tunnel(upgrade.client, instance, lease.ticket);
        let (mut parts, _) = response.into_parts();
        fields::strip_hop_by_hop(&mut parts.headers);
        fields::ask_upgrade(&mut parts.headers, chosen);
        return Response::from_parts(parts, Reply::Page(None));
    }
    let (mut parts, body) = response.into_parts();
    // A version belongs to one hop (RFC 9110, 2.5): an old server must not make a client close its connection.
    parts.version = Version::HTTP_11;
    fields::strip_hop_by_hop(&mut parts.headers);
    parts.extensions.clear();
    Response::from_parts(parts, Reply::Instance(Leased::new(body, lease)))
}

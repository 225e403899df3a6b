//! The pages a visitor sees when no instance answers: what is so, and what to do about it.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use crate::body::Reply;
use crate::forward::Failure;

/// The request is not one that a router can pass on.
pub(crate) fn bad_request(reason: &str) -> Response<Reply> {
    page(StatusCode::BAD_REQUEST, "This request cannot be understood", &format!("The request {reason}."), "")
}

/// This is no proxy to elsewhere.
pub(crate) fn no_tunnel() -> Response<Reply> {
    let what = "Connections to other hosts are not passed on.";
    let mut page = page(StatusCode::METHOD_NOT_ALLOWED, "No tunnels here", what, "");
    page.headers_mut().insert(
        header::ALLOW,
        HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, TRACE"),
    );
    page
}

/// The host is not a tool's.
pub(crate) fn unknown_host(domains: &[String]) -> Response<Reply> {
    let examples: Vec<_> =
        domains.iter().map(|domain| format!("<code>&lt;tool&gt;.{}</code>", escape(domain))).collect();
    let next = format!("Web services are at {}.", examples.join(" and "));
    page(StatusCode::NOT_FOUND, "No web service here", "This host is not the address of a tool.", &next)
}

/// There is no answer of an instance.
pub(crate) fn failed(tool: &str, failure: Failure) -> Response<Reply> {
    let name = escape(tool);
    let next = "If it is yours: <code>toolforge jobs list</code> tells its state, and <code>toolforge jobs logs \
                JOB</code> why.";
    match failure {
        Failure::NoRoute => not_published(&name),
        Failure::NoInstance => {
            let what = format!("No instance of the tool <b>{name}</b> is ready. It may be starting.");
            let mut page = page(StatusCode::SERVICE_UNAVAILABLE, "Not running", &what, next);
            page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            page
        }
        Failure::Unreachable => {
            let what = format!("The tool <b>{name}</b> does not accept connections.");
            page(StatusCode::BAD_GATEWAY, "No answer", &what, next)
        }
        Failure::Broken => {
            let what = format!("The tool <b>{name}</b> closed the connection without a valid answer.");
            page(StatusCode::BAD_GATEWAY, "No answer", &what, next)
        }
        Failure::Timeout => {
            let what = format!("Connecting to the tool <b>{name}</b> takes too long.");
            page(StatusCode::GATEWAY_TIMEOUT, "No answer", &what, next)
        }
    }
}

/// The tool serves nothing at this address.
fn not_published(name: &str) -> Response<Reply> {
    let what = format!("The tool <b>{name}</b> has no web service here.");
    let next = "If it is yours: publish a continuous job with <code>toolforge jobs run --continuous --port \
                PORT --publish / …</code>, or check the address.";
    page(StatusCode::NOT_FOUND, "No web service here", &what, next)
}

fn page(status: StatusCode, title: &str, what: &str, next: &str) -> Response<Reply> {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{code} {title}</title>\n\
         <style>body{{font-family:sans-serif;max-width:40em;margin:4em auto;padding:0 1em;line-height:1.5}}</style>\n\
         <h1>{title}</h1>\n<p>{what}</p>\n<p>{next}</p>\n",
        code = status.as_u16(),
    );
    let mut page = Response::new(Reply::Page(Some(Bytes::from(html))));
    *page.status_mut() = status;
    let headers = page.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    page
}

/// Text inside HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "tests")]
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        let page = failed("<script>\"a\" & 'b'", Failure::NoInstance);
        let Reply::Page(Some(html)) = page.body() else { panic!("a page has a body") };
        let html = String::from_utf8_lossy(html);
        assert!(html.contains("<b>&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;</b>"), "{html}");
        assert!(!html.contains("<script>"));
    }
}

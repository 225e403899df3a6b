//! Metrics for a scraper, at an address of their own.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use mesh::drain::Drain;
use mesh::telemetry::render_metrics;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

/// One scrape, and the rest between attempts to accept that fail.
const TIMES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(1));

/// How often samples are folded when nobody scrapes, so that they do not pile up.
const UPKEEP: Duration = Duration::from_secs(30);

/// Serves the metrics of the process, and says where, until the drain is over. Scrapes come one after another.
pub(crate) async fn serve(address: SocketAddr, drain: Drain) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let served = http1::Builder::new()
                            .timer(TokioTimer::new())
                            .keep_alive(false)
                            .serve_connection(TokioIo::new(stream), service_fn(metrics));
                        let _ = timeout(TIMES.0, served).await;
                    }
                    Err(error) => {
                        tracing::error!(%error, "cannot accept scrapers");
                        sleep(TIMES.1).await;
                    }
                },
                () = sleep(UPKEEP) => drop(render_metrics()),
                () = drain.stopped() => return,
            }
        }
    });
    Ok(address)
}

async fn metrics(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from(render_metrics())));
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    Ok(response)
}

//! The floor: takes HTTP/1.1 or HTTP/2, sends every request on over one HTTP/2 connection, bytes unchanged, one thread.
//!
//! `bench-forward PORT` forwards to that port of this machine, and prints the port that it listens on.

use std::io::Write as _;
use std::net::Ipv4Addr;

use anyhow::{Context as _, Result};
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};

/// The same allocator as the gateway, so that it makes no difference.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let port = std::env::args().nth(1).context("usage: bench-forward PORT")?.parse()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(port))
}

async fn serve(port: u16) -> Result<()> {
    let upstream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    upstream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(256 << 10)
        .initial_connection_window_size(1 << 20)
        .handshake(TokioIo::new(upstream))
        .await?;
    tokio::spawn(connection);
    let authority: Authority = format!("127.0.0.1:{port}").parse()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(client(stream, sender.clone(), authority.clone()));
    }
}

async fn client(stream: TcpStream, sender: SendRequest<Incoming>, authority: Authority) -> Result<()> {
    stream.set_nodelay(true)?;
    let service = service_fn(|request| forward(sender.clone(), authority.clone(), request));
    // HTTP/2 begins with a word of its own; over loopback a first segment is never shorter
    let mut first = [0; 3];
    stream.peek(&mut first).await?;
    let io = TokioIo::new(stream);
    if first == *b"PRI" {
        http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await?;
    } else {
        http1::Builder::new().serve_connection(io, service).await?;
    }
    Ok(())
}

async fn forward(
    mut sender: SendRequest<Incoming>,
    authority: Authority,
    request: Request<Incoming>,
) -> Result<Response<Incoming>> {
    let (mut parts, body) = request.into_parts();
    let mut uri = parts.uri.into_parts();
    (uri.scheme, uri.authority) = (Some(Scheme::HTTP), Some(authority));
    parts.uri = Uri::from_parts(uri)?;
    parts.version = http::Version::HTTP_2;
    parts.headers.remove(http::header::HOST);
    sender.ready().await?;
    Ok(sender.send_request(Request::from_parts(parts, body)).await?)
}

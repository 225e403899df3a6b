//! The floor that `bench` compares with: an HTTP/1.1 proxy that passes bytes on, and a server that holds them.
//!
//! `forward origin FILE` answers every request with the file; `forward proxy PORT` passes requests on to it. Each
//! prints the port that it listens on.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["origin", file] => runtime.block_on(origin(Bytes::from(std::fs::read(file)?))),
        ["proxy", port] => runtime.block_on(proxy(port.parse()?)),
        _ => bail!("usage: forward origin FILE | forward proxy PORT"),
    }
}

async fn origin(content: Bytes) -> Result<()> {
    let listener = listen().await?;
    loop {
        let stream = accept(&listener).await?;
        let content = content.clone();
        tokio::spawn(async move {
            let answer = service_fn(|_: Request<Incoming>| {
                let response = Response::builder().header("content-type", "application/json");
                let response = response.body(Full::new(content.clone()));
                async move { response }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn proxy(port: u16) -> Result<()> {
    let listener = listen().await?;
    loop {
        let stream = accept(&listener).await?;
        let upstream = Arc::new(Mutex::new(connect(port).await?));
        tokio::spawn(async move {
            let pass_on = service_fn(|request: Request<Incoming>| {
                let upstream = Arc::clone(&upstream);
                async move { upstream.lock().await.send_request(request).await }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), pass_on).await;
        });
    }
}

async fn connect(port: u16) -> Result<SendRequest<Incoming>> {
    let stream =
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.context("the origin does not answer")?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn listen() -> Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    Ok(listener)
}

async fn accept(listener: &TcpListener) -> Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

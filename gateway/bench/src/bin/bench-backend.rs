//! The backend: gRPC over HTTP/2 in clear, and the same content as plain bytes for a floor to forward.
//!
//! `bench-backend` prints the port that it listens on. `bench-backend --descriptors FILE` writes its descriptor set.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use gateway_bench::DESCRIPTORS;
use gateway_bench::depot::depot_server::{Depot, DepotServer};
use gateway_bench::depot::{
    Address, GetParcelRequest, Handling, ListParcelsRequest, ListParcelsResponse, Parcel, TakeInRequest,
    TakeInResponse, parcel,
};
use http::Method;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tonic::body::Body;
use tonic::{Request, Response, Status};
use tower_service::Service as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Parcels that a list can hold.
const STOCK: i64 = 1000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, file] = &arguments[..]
        && flag == "--descriptors"
    {
        return Ok(std::fs::write(file, DESCRIPTORS)?);
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve())
}

async fn serve() -> Result<()> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .build_v1()?;
    let stock: Arc<[Parcel]> = (0..STOCK).map(parcel).collect();
    let depot = DepotServer::new(Store { stock });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (depot, reflection) = (depot.clone(), reflection.clone());
        let service = service_fn(move |request: http::Request<Incoming>| {
            let (mut depot, mut reflection) = (depot.clone(), reflection.clone());
            async move {
                let path = request.uri().path();
                if path.starts_with("/v1/") {
                    Ok::<_, Infallible>(plain(request).await)
                } else if path.starts_with("/bench.v1.Depot/") {
                    depot.call(request).await
                } else {
                    reflection.call(request).await
                }
            }
        });
        tokio::spawn(connection(stream, service));
    }
}

async fn connection<S>(stream: TcpStream, service: S)
where
    S: hyper::service::Service<http::Request<Incoming>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    let served = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20)
        .max_concurrent_streams(10_000)
        .serve_connection(TokioIo::new(stream), service);
    let _ = served.await;
}

/// What a client of the floor gets when its body was read: bytes as many as a transcoder would have answered with.
async fn plain(request: http::Request<Incoming>) -> http::Response<Body> {
    let (request, mut body) = request.into_parts();
    while let Some(Ok(_)) = body.frame().await {}
    let path = request.uri.path();
    let many = path.ends_with(":stream") || (path.ends_with("/parcels") && request.method == Method::GET);
    let size = match (many, path.ends_with(":takeIn")) {
        (true, _) => 45_000,
        (_, true) => 13,
        _ => 450,
    };
    let mut response = http::Response::new(Body::new(Full::new(Bytes::from(vec![b' '; size]))));
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

fn parcel(number: i64) -> Parcel {
    Parcel {
        number,
        contents: format!("Spare parts, \"class {number}\", wrapped twice — keep dry, lot {number}"),
        sender: Some(Address {
            name: "Møller & Sønner".into(),
            town: "Aarhus".into(),
            lines: vec!["Havnegade 7".into(), "Port 3".into()],
        }),
        handling: Handling::Fragile.into(),
        marks: vec!["this side up".into(), "do not stack".into(), "heavy".into()],
        labels: [("route", "north"), ("bay", "17")].map(|(key, value)| (key.into(), value.into())).into(),
        weight_kg: 12.75,
        insured: number % 2 == 0,
        accepted: Some(prost_types::Timestamp { seconds: 1_760_000_000 + number, nanos: 250_000_000 }),
        signature: vec![0xa5; 48],
        postage: Some(parcel::Postage::Cents(1349)),
    }
}

#[derive(Clone)]
struct Store {
    stock: Arc<[Parcel]>,
}

impl Store {
    fn page(&self, size: i32) -> Vec<Parcel> {
        let size = usize::try_from(size).unwrap_or_default().clamp(1, self.stock.len());
        self.stock.iter().take(size).cloned().collect()
    }
}

type Parcels = Pin<Box<dyn Stream<Item = Result<Parcel, Status>> + Send>>;

#[tonic::async_trait]
impl Depot for Store {
    async fn get_parcel(&self, request: Request<GetParcelRequest>) -> Result<Response<Parcel>, Status> {
        Ok(Response::new(parcel(request.into_inner().number)))
    }

    async fn list_parcels(
        &self,
        request: Request<ListParcelsRequest>,
    ) -> Result<Response<ListParcelsResponse>, Status> {
        let parcels = self.page(request.into_inner().page_size);
        Ok(Response::new(ListParcelsResponse { parcels, next_page_token: "more".into() }))
    }

    async fn take_in(&self, request: Request<TakeInRequest>) -> Result<Response<TakeInResponse>, Status> {
        let taken = i32::try_from(request.into_inner().parcels.len()).unwrap_or(i32::MAX);
        Ok(Response::new(TakeInResponse { taken }))
    }

    type StreamParcelsStream = Parcels;

    async fn stream_parcels(
        &self,
        request: Request<ListParcelsRequest>,
    ) -> Result<Response<Parcels>, Status> {
        let page = self.page(request.into_inner().page_size);
        Ok(Response::new(Box::pin(stream::iter(page.into_iter().map(Ok)))))
    }

    type WatchStream = Parcels;

    async fn watch(&self, request: Request<GetParcelRequest>) -> Result<Response<Parcels>, Status> {
        let first = parcel(request.into_inner().number);
        Ok(Response::new(Box::pin(stream::iter([Ok(first)]).chain(stream::pending()))))
    }
}

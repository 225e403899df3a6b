//! Bodies of requests in a content coding, decoded piece by piece: whoever reads them counts decoded bytes, and stops.

mod decoder;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Code;

use super::coding::{Coding, list};
use crate::problem::Problem;
use decoder::Decoder;
pub(crate) use decoder::ZSTD_WINDOW_LOG;

/// The body of a request as it was meant.
pub(crate) enum RequestBody<B> {
    /// As it came.
    Plain(B),
    /// In a coding.
    Coded(Box<Coded<B>>),
}

/// Why a body cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CodingError {
    /// The connection or its framing broke.
    #[error(transparent)]
    Connection(#[from] hyper::Error),
    /// It is not what its `Content-Encoding` says.
    #[error("the body is not valid {0}")]
    Invalid(&'static str),
}

impl<B> RequestBody<B> {
    /// The body in this coding, as [`content_coding`] found it.
    pub(crate) fn new(body: B, coding: Option<Coding>) -> Result<Self, Problem> {
        let Some(coding) = coding else { return Ok(Self::Plain(body)) };
        let name = coding.name();
        let decoder = Decoder::new(coding).map_err(|error| {
            let text = format!("cannot begin to decode {name}: {error}");
            Problem::new(Code::Internal, StatusCode::INTERNAL_SERVER_ERROR, text)
        })?;
        Ok(Self::Coded(Box::new(Coded { body, decoder, name, ended: false })))
    }
}

/// The one coding of a body, if it has any (RFC 9110, 8.4). Unknown codings, and several one upon another, are refused
/// with a list of those that are understood.
pub(crate) fn content_coding(headers: &HeaderMap, known: &[Coding]) -> Result<Option<Coding>, Problem> {
    let mut found = None;
    for value in headers.get_all(CONTENT_ENCODING) {
        for name in value.to_str().unwrap_or("?").split(',').map(str::trim) {
            if name.is_empty() || name.eq_ignore_ascii_case("identity") {
                continue;
            }
            let coding = Coding::named(name).filter(|coding| known.contains(coding) && found.is_none());
            found = Some(coding.ok_or_else(|| unknown(known))?);
        }
    }
    Ok(found)
}

fn unknown(known: &[Coding]) -> Problem {
    let accepted = list(known);
    let text = if known.is_empty() {
        "Content-Encoding: no coding of bodies is understood here".to_owned()
    } else {
        format!("Content-Encoding: expected one of {}", accepted.to_str().unwrap_or_default())
    };
    Problem::new(Code::InvalidArgument, StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
        .with(ACCEPT_ENCODING, accepted)
}

/// A body that is decoded while it is read.
pub(crate) struct Coded<B> {
    body: B,
    decoder: Decoder,
    name: &'static str,
    ended: bool,
}

impl<B: HttpBody<Data = Bytes, Error = hyper::Error> + Unpin> Coded<B> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, CodingError>> {
        loop {
            match self.decoder.read() {
                Ok(Some(data)) => return Poll::Ready(Ok(data)),
                Err(_) => return Poll::Ready(Err(CodingError::Invalid(self.name))),
                Ok(None) => {}
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)).transpose()? {
                None => self.decoder.end(),
                Some(frame) => {
                    if let Ok(data) = frame.into_data() {
                        self.decoder.feed(data);
                    }
                }
            }
        }
    }
}

impl<B: HttpBody<Data = Bytes, Error = hyper::Error> + Unpin> HttpBody for RequestBody<B> {
    type Data = Bytes;
    type Error = CodingError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CodingError>>> {
        match &mut *self {
            Self::Plain(body) => Pin::new(body).poll_frame(cx).map_err(CodingError::from),
            Self::Coded(coded) if coded.ended => Poll::Ready(None),
            Self::Coded(coded) => {
                let polled = ready!(coded.poll(cx));
                coded.ended = !matches!(&polled, Ok(data) if !data.is_empty());
                Poll::Ready(match polled {
                    Ok(data) if data.is_empty() => None,
                    polled => Some(polled.map(Frame::data)),
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Plain(body) => body.is_end_stream(),
            Self::Coded(coded) => coded.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Plain(body) => body.size_hint(),
            Self::Coded(_) => SizeHint::default(),
        }
    }
}

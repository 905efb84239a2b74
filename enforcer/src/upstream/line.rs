//! One connection that speaks HTTP/1.1, driven by whoever asks on it: nothing runs beside the call.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use countersign_service::faults::{Faults, Point};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::answer::{Body, BodyError};
use super::scrub::Scrubber;
use super::wire::{Connection, Gauge, Wire};

/// Bytes that are buffered of an answer, and so the longest head that is read.
const BUFFER: usize = 64 * 1024;

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<HeaderValue>,
    pub(crate) body: Body,
}

/// Why the answer does not count as one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum AnswerError {
    #[error("the connection failed before a complete answer came")]
    Http(#[from] hyper::Error),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("the answer says twice how long it is")]
    Framing,
    #[error("the answer is encoded in a way that was not asked for")]
    Encoding,
    #[error("the upstream wants to speak another protocol")]
    Switched,
}

/// A connection with HTTP on it.
pub(super) struct Line {
    sender: SendRequest<Full<Bytes>>,
    connection: http1::Connection<TokioIo<Wire>, Full<Bytes>>,
    gauge: Gauge,
    faults: Faults,
}

impl Line {
    /// Speaks HTTP on `connection`. Nothing is written yet.
    pub(super) async fn open(connection: Connection, faults: Faults) -> Result<Self, hyper::Error> {
        let gauge = Gauge::default();
        let wire = Wire::new(connection, gauge.clone(), faults);
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(BUFFER)
            .handshake(TokioIo::new(wire))
            .await?;
        Ok(Self {
            sender,
            connection,
            gauge,
            faults,
        })
    }

    /// What passed for the latest request.
    pub(super) fn gauge(&self) -> &Gauge {
        &self.gauge
    }

    /// Sends `request` and reads its answer whole.
    pub(super) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
        scrubber: &Scrubber,
    ) -> Result<Answer, AnswerError> {
        self.gauge.begin();
        let Self {
            sender,
            connection,
            gauge,
            faults,
        } = self;
        let mut answer = pin!(async {
            let response = sender.send_request(request).await?;
            gauge.head_came();
            faults.reach(Point::Status);
            let (head, body) = response.into_parts();
            if head.status == StatusCode::SWITCHING_PROTOCOLS {
                return Err(AnswerError::Switched);
            }
            check_framing(&head.headers)?;
            let body = Body::read(body, scrubber).await?;
            faults.reach(Point::Body);
            Ok(Answer {
                status: head.status.as_u16(),
                content_type: content_type(&head.headers, scrubber),
                body,
            })
        });
        let mut open = true;
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return answer,
                // The end of the connection, good or bad, reaches `answer` as well.
                _ = &mut *connection, if open => open = false,
            }
        }
    }

    /// Whether the connection can take another request: alive, quiet, and with nothing left to read.
    pub(super) async fn is_idle(&mut self) -> bool {
        let Self {
            sender, connection, ..
        } = self;
        poll_fn(|context| {
            let ended = Pin::new(&mut *connection).poll(context).is_ready();
            Poll::Ready(!ended && sender.is_ready())
        })
        .await
    }
}

/// The answer's media type, unless it may hold the credential.
fn content_type(headers: &HeaderMap, scrubber: &Scrubber) -> Option<HeaderValue> {
    let value = headers.get(CONTENT_TYPE)?;
    (!scrubber.suspects(value.as_bytes())).then(|| value.clone())
}

/// Refuses answers that can be read in two ways (RFC 9112 §6.3).
fn check_framing(headers: &HeaderMap) -> Result<(), AnswerError> {
    let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    match (lengths, encodings.next(), encodings.next()) {
        (0 | 1, None, _) => Ok(()),
        (0, Some(encoding), None) if encoding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        (0, Some(_), _) => Err(AnswerError::Encoding),
        _ => Err(AnswerError::Framing),
    }
}

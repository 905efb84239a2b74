//! A connection that remembers whether anything was written to it, and how much was read.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use countersign_service::faults::{Faults, Point};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::answer;

/// Bytes that may come before an answer's head is complete, interim answers included.
const HEAD: u64 = 256 * 1024;
/// Bytes that may come in all: the longest body in the smallest chunks that are put up with.
const WHOLE: u64 = answer::MAX * 2;

/// A dialled connection.
pub(super) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What passed over a connection for one call. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Gauge(Arc<Passed>);

#[derive(Debug, Default)]
struct Passed {
    written: AtomicBool,
    answering: AtomicBool,
    read: AtomicU64,
}

impl Gauge {
    /// Counts from nothing, for the next call on a kept connection.
    pub(super) fn begin(&self) {
        self.0.written.store(false, Ordering::Release);
        self.0.answering.store(false, Ordering::Release);
        self.0.read.store(0, Ordering::Release);
    }

    /// Whether the first byte of the call may have left.
    pub(super) fn written(&self) -> bool {
        self.0.written.load(Ordering::Acquire)
    }

    /// Whether the head of an answer came.
    pub(super) fn answering(&self) -> bool {
        self.0.answering.load(Ordering::Acquire)
    }

    /// Notes that the head of an answer came.
    pub(super) fn head_came(&self) {
        self.0.answering.store(true, Ordering::Release);
    }

    /// Notes bytes that came. `Err` when there are too many.
    fn take(&self, bytes: usize) -> io::Result<()> {
        let bytes = bytes as u64;
        let read = self.0.read.fetch_add(bytes, Ordering::AcqRel);
        let limit = if self.answering() { WHOLE } else { HEAD };
        if read.saturating_add(bytes) > limit {
            return Err(io::Error::other(
                "the upstream sends more than an answer may be",
            ));
        }
        Ok(())
    }
}

/// A connection under watch.
pub(super) struct Wire {
    connection: Connection,
    gauge: Gauge,
    faults: Faults,
}

impl Wire {
    pub(super) fn new(connection: Connection, gauge: Gauge, faults: Faults) -> Self {
        Self {
            connection,
            gauge,
            faults,
        }
    }

    /// What is written of `bytes` at once: all, unless a test ends the process after the first byte.
    fn first<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        if self.faults.is_armed(Point::FirstByte) && !self.gauge.written() {
            return bytes.get(..1).unwrap_or(bytes);
        }
        bytes
    }

    /// Notes a write that took bytes, or one through TLS that failed and may have sent some.
    fn note(&self, result: &io::Result<usize>) {
        let doubtful = match (&self.connection, result) {
            (_, Ok(taken)) => *taken > 0,
            (Connection::Tls(_), Err(_)) => true,
            (Connection::Plain(_), Err(_)) => false,
        };
        if doubtful {
            self.gauge.0.written.store(true, Ordering::Release);
            self.faults.reach(Point::FirstByte);
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(match &mut self.connection {
            Connection::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Connection::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        })?;
        let came = buffer.filled().len().saturating_sub(before);
        Poll::Ready(self.gauge.take(came))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let bytes = self.first(bytes);
        let result = ready!(match &mut self.connection {
            Connection::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Connection::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        });
        self.note(&result);
        Poll::Ready(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(match &mut self.connection {
            Connection::Plain(stream) => Pin::new(stream).poll_write_vectored(context, bytes),
            Connection::Tls(stream) => {
                Pin::new(stream.as_mut()).poll_write_vectored(context, bytes)
            }
        });
        self.note(&result);
        Poll::Ready(result)
    }

    fn is_write_vectored(&self) -> bool {
        if self.faults.is_armed(Point::FirstByte) {
            return false;
        }
        match &self.connection {
            Connection::Plain(stream) => stream.is_write_vectored(),
            Connection::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(match &mut self.connection {
            Connection::Plain(stream) => Pin::new(stream).poll_flush(context),
            Connection::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        });
        if result.is_ok() && self.gauge.written() {
            self.faults.reach(Point::Sent);
        }
        Poll::Ready(result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.connection {
            // It is dropped next, which closes it: a call to the system less.
            Connection::Plain(_) => Poll::Ready(Ok(())),
            Connection::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}

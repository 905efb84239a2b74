//! The least HTTP/1.1 that load needs: bytes out, one answer with a length in.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A request as it goes over the wire, from its description.
pub(crate) fn request(described: &Value, host: SocketAddr) -> Vec<u8> {
    let text = |name: &str| described[name].as_str().expect("a request's member");
    let mut wire = format!(
        "{} {} HTTP/1.1\r\nhost: {host}\r\n",
        text("method"),
        text("path")
    );
    for (name, value) in described["headers"]
        .as_object()
        .expect("a request's headers")
    {
        write!(wire, "{name}: {}\r\n", value.as_str().unwrap()).unwrap();
    }
    let body = text("body");
    if !body.is_empty() {
        write!(wire, "content-length: {}\r\n", body.len()).unwrap();
    }
    wire.push_str("\r\n");
    wire.push_str(body);
    wire.into_bytes()
}

/// A connection that sends one request after another.
pub(crate) struct Connection {
    to: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// What came back.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) fn new(to: SocketAddr) -> Self {
        Self {
            to,
            stream: None,
            buffer: Vec::with_capacity(16 * 1024),
        }
    }

    /// Sends `wire` and reads the answer; after an error the next request dials again.
    pub(crate) async fn send(&mut self, wire: &[u8]) -> io::Result<Answer<'_>> {
        let mut stream = if let Some(stream) = self.stream.take() {
            stream
        } else {
            let stream = TcpStream::connect(self.to).await?;
            stream.set_nodelay(true)?;
            stream
        };
        stream.write_all(wire).await?;
        self.buffer.clear();
        let head = loop {
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break Head::read(&self.buffer[..end + 4])?;
            }
        };
        let whole = head.size + head.length;
        while self.buffer.len() < whole {
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if !head.closes {
            self.stream = Some(stream);
        }
        Ok(Answer {
            status: head.status,
            body: &self.buffer[head.size..whole],
        })
    }
}

struct Head {
    size: usize,
    status: u16,
    length: usize,
    closes: bool,
}

impl Head {
    fn read(bytes: &[u8]) -> io::Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        let wrong = || io::Error::other("an answer without status or length");
        let status = text.get(9..12).and_then(|status| status.parse().ok());
        let mut length = None;
        let mut closes = false;
        for line in text.lines().skip(1) {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            } else if name.eq_ignore_ascii_case("connection") {
                closes = value.trim().eq_ignore_ascii_case("close");
            }
        }
        Ok(Self {
            size: bytes.len(),
            status: status.ok_or_else(wrong)?,
            length: length.ok_or_else(wrong)?,
            closes,
        })
    }
}

/// Where `needle` begins in `bytes`.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}

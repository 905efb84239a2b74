//! An upstream that counts what reaches it and misbehaves on demand. Raw TCP, so that it can break off
//! anywhere.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use countersign_service::tasks::Tasks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the upstream does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Answers with a JSON body.
    Answer(u16, String),
    /// Answers with these bytes and closes.
    Raw(Vec<u8>),
    /// Begins an answer and resets the connection.
    Break,
    /// Reads the request and never answers.
    Hang,
    /// Answers with the request as it came, as a JSON string.
    Echo,
}

#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    manner: Manner,
    seen: Vec<String>,
}

impl Upstream {
    pub(crate) async fn start(tasks: &Tasks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let manner = Manner::Answer(200, r#"{"ok":true}"#.to_owned());
        let upstream = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::new(Mutex::new(State {
                manner,
                seen: Vec::new(),
            })),
        };
        let (serving, spawner) = (upstream.clone(), tasks.clone());
        drop(tasks.spawn_until_cancelled("upstream", async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let serving = serving.clone();
                drop(spawner.spawn_until_cancelled("connection", serving.serve(stream)));
            }
        }));
        upstream
    }

    pub(crate) fn behave(&self, manner: Manner) {
        self.state.lock().unwrap().manner = manner;
    }

    /// The requests that came, whole, in order.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.state.lock().unwrap().seen.clone()
    }

    /// How many requests came.
    pub(crate) fn count(&self) -> usize {
        self.state.lock().unwrap().seen.len()
    }

    async fn serve(self, mut stream: TcpStream) {
        let Some(request) = read(&mut stream).await else {
            return;
        };
        let manner = {
            let mut state = self.state.lock().unwrap();
            state.seen.push(request.clone());
            state.manner.clone()
        };
        let answer = match manner {
            Manner::Answer(status, body) => answer(status, &body),
            Manner::Raw(bytes) => bytes,
            Manner::Break => {
                let begun = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\":";
                stream.write_all(begun).await.unwrap();
                stream.set_zero_linger().unwrap();
                return;
            }
            Manner::Hang => return std::future::pending().await,
            Manner::Echo => answer(200, &serde_json::to_string(&request).unwrap()),
        };
        stream.write_all(&answer).await.unwrap();
        stream.shutdown().await.unwrap();
    }
}

fn answer(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// Reads one request with its body; `None` when the connection ends before.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.ok()?;
        if read == 0 {
            return None;
        }
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        if body.len() >= length {
            return Some(text);
        }
    }
}

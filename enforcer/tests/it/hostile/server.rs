//! A server that plays a script on every connection and counts what reaches it. Raw TCP, or any other
//! stream, so that it can break off anywhere.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_service::tasks::Tasks;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// One thing that the server does with a connection.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Reads one request whole, and counts it.
    Read,
    /// Answers every request with its own body, until the other side closes.
    Echo,
    /// Reads so many bytes.
    ReadSome(usize),
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends bytes one by one with a pause after each.
    Slow(Vec<u8>, Duration),
    /// Sends the same bytes so many times, or until the other side has enough.
    Repeat(Vec<u8>, usize),
    /// Waits until the test opens the gate.
    Gate,
    /// Never does anything again.
    Hang,
    /// Ends the connection with a reset.
    Reset,
}

/// What the server does with one connection; when it is through, it closes in good order.
pub(crate) type Script = Vec<Step>;

/// The server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Debug)]
struct Seen {
    connections: AtomicUsize,
    closed: AtomicUsize,
    requests: Mutex<Vec<String>>,
    gate: Semaphore,
}

/// Bytes to send.
pub(crate) fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

/// A whole answer with a JSON body.
pub(crate) fn answer(status: u16, body: &str) -> Step {
    let length = body.len();
    send(&format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
}

impl Server {
    /// Plays `scripts` on the first connections, and the last of them on every one after.
    pub(crate) async fn start(tasks: &Tasks, scripts: Vec<Script>) -> Self {
        Self::listen("127.0.0.1:0", tasks, scripts).await
    }

    /// As [`Server::start`], on `address`.
    pub(crate) async fn listen(address: &str, tasks: &Tasks, scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let server = Self::counting(listener.local_addr().unwrap());
        let (serving, spawner) = (server.clone(), tasks.clone());
        drop(tasks.spawn_until_cancelled("hostile", async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = serving.accepted();
                let script = scripts.get(number).or(scripts.last()).unwrap().clone();
                let serving = serving.clone();
                drop(spawner.spawn_until_cancelled("connection", async move {
                    serving.play(stream, script).await;
                }));
            }
        }));
        server
    }

    /// A server that somebody else accepts for.
    pub(crate) fn counting(address: SocketAddr) -> Self {
        Self {
            address,
            seen: Arc::new(Seen {
                connections: AtomicUsize::new(0),
                closed: AtomicUsize::new(0),
                requests: Mutex::new(Vec::new()),
                gate: Semaphore::new(0),
            }),
        }
    }

    /// Counts a connection; how many there were before.
    pub(crate) fn accepted(&self) -> usize {
        self.seen.connections.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How many connections are over.
    pub(crate) fn closed(&self) -> usize {
        self.seen.closed.load(Ordering::SeqCst)
    }

    /// The requests that came whole, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// Lets one connection go on that waits at the gate.
    pub(crate) fn open_gate(&self) {
        self.seen.gate.add_permits(1);
    }

    /// Plays `script` and counts the connection as closed.
    pub(crate) async fn play<S>(&self, stream: S, script: Script)
    where
        S: AsyncRead + AsyncWrite + Abort + Unpin,
    {
        self.steps(stream, script).await;
        self.seen.closed.fetch_add(1, Ordering::SeqCst);
    }

    async fn steps<S>(&self, mut stream: S, script: Script)
    where
        S: AsyncRead + AsyncWrite + Abort + Unpin,
    {
        for step in script {
            let sent = match step {
                Step::Read => match read(&mut stream).await {
                    Some(request) => {
                        self.seen.requests.lock().unwrap().push(request);
                        Ok(())
                    }
                    None => return,
                },
                Step::Echo => {
                    while let Some(request) = read(&mut stream).await {
                        let (_, body) = request.split_once("\r\n\r\n").unwrap();
                        let head =
                            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                        let whole = format!("{head}{body}");
                        self.seen.requests.lock().unwrap().push(request);
                        let sent = stream.write_all(whole.as_bytes()).await;
                        if sent.is_err() {
                            return;
                        }
                    }
                    return;
                }
                Step::ReadSome(count) => {
                    let mut bytes = vec![0; count];
                    stream.read_exact(&mut bytes).await.map(drop)
                }
                Step::Send(bytes) => stream.write_all(&bytes).await,
                Step::Slow(bytes, pause) => slow(&mut stream, &bytes, pause).await,
                Step::Repeat(bytes, times) => repeat(&mut stream, &bytes, times).await,
                Step::Gate => {
                    self.seen.gate.acquire().await.unwrap().forget();
                    Ok(())
                }
                Step::Hang => {
                    // Holds the connection until the other side has gone.
                    let _ = stream.flush().await;
                    let mut rest = [0; 1024];
                    while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
                    return;
                }
                Step::Reset => {
                    let _ = stream.flush().await;
                    stream.abort();
                    return;
                }
            };
            if sent.is_err() {
                return;
            }
        }
        let _ = stream.shutdown().await;
        // Whoever closes with bytes unread resets the connection.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    }
}

/// Streams that can be reset.
pub(crate) trait Abort {
    fn abort(&mut self);
}

impl Abort for TcpStream {
    fn abort(&mut self) {
        self.set_zero_linger().unwrap();
    }
}

impl Abort for tokio_rustls::server::TlsStream<TcpStream> {
    fn abort(&mut self) {
        self.get_mut().0.set_zero_linger().unwrap();
    }
}

async fn slow<S: AsyncWrite + Unpin>(
    stream: &mut S,
    bytes: &[u8],
    pause: Duration,
) -> std::io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        stream.flush().await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

async fn repeat<S: AsyncWrite + Unpin>(
    stream: &mut S,
    bytes: &[u8],
    times: usize,
) -> std::io::Result<()> {
    for _ in 0..times {
        stream.write_all(bytes).await?;
    }
    Ok(())
}

/// Reads one request with its body; `None` when the connection ends before.
async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
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

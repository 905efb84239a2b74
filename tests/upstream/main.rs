//! An upstream that counts: it logs every request that reaches it, and does with it what it is told.
//!
//! Two ports: one takes calls, the other answers `GET /log` and takes `PUT /mode/{answer|hang|close}`. While
//! the mode is `answer`, a word in the path of a call says otherwise for this one: `slow` is answered after
//! a while, `gone` never, `bad` with 503, `gateway` with 502. The file named by the only argument gets both
//! addresses. The process ends when its standard input does, so
//! it never outlives the test that started it.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What happens to a request once it is read and logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// 200 and a small JSON document.
    Answer,
    /// Nothing, until another mode says what.
    Hang,
    /// The connection ends without an answer.
    Close,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    connections: u64,
    requests: Vec<Value>,
}

/// Clones share the state.
#[derive(Clone, Debug)]
struct Upstream(Arc<(Mutex<State>, Condvar)>);

/// One HTTP/1.1 request, read whole.
#[derive(Debug)]
struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn main() -> ExitCode {
    let Some(ready) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: counting-upstream READY-FILE");
        return ExitCode::from(64);
    };
    match run(&ready) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("counting-upstream: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(ready: &PathBuf) -> io::Result<()> {
    let state = State {
        mode: Mode::Answer,
        connections: 0,
        requests: Vec::new(),
    };
    let upstream = Upstream(Arc::new((Mutex::new(state), Condvar::new())));
    let calls = TcpListener::bind("127.0.0.1:0")?;
    let control = TcpListener::bind("127.0.0.1:0")?;
    let document = json!({
        "calls": format!("http://{}", calls.local_addr()?),
        "control": format!("http://{}", control.local_addr()?),
    });
    for (door, serve) in [
        (calls, Upstream::take_call as Serve),
        (control, Upstream::take_command),
    ] {
        let upstream = upstream.clone();
        std::thread::spawn(move || each(&door, &upstream, serve));
    }

    let unfinished = ready.with_extension("unfinished");
    std::fs::write(&unfinished, document.to_string())?;
    std::fs::rename(&unfinished, ready)?;
    io::copy(&mut io::stdin().lock(), &mut io::sink()).map(drop)
}

/// What is done with a connection.
type Serve = fn(&Upstream, TcpStream) -> io::Result<()>;

/// Serves each connection on a thread of its own.
fn each(door: &TcpListener, upstream: &Upstream, serve: Serve) {
    for stream in door.incoming().flatten() {
        let upstream = upstream.clone();
        std::thread::spawn(move || {
            if let Err(error) = serve(&upstream, stream) {
                eprintln!("a connection ended early: {error}");
            }
        });
    }
}

impl Upstream {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_call(&self, stream: TcpStream) -> io::Result<()> {
        self.lock().connections += 1;
        // Bytes that are no request, such as those of a TLS handshake, hang as well.
        let request = Request::read(&stream);
        if let Ok(request) = &request {
            self.lock().requests.push(request.describe());
        }
        let hanging = self
            .0
            .1
            .wait_while(self.lock(), |state| state.mode == Mode::Hang);
        let mode = hanging.unwrap_or_else(PoisonError::into_inner).mode;
        match (request, mode) {
            (Ok(request), Mode::Answer) => request.answer(stream),
            (Ok(_), Mode::Hang | Mode::Close) => Ok(()),
            (Err(error), _) => Err(error),
        }
    }

    fn take_command(&self, stream: TcpStream) -> io::Result<()> {
        let request = Request::read(&stream)?;
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/log") => {
                let log = {
                    let state = self.lock();
                    json!({"connections": state.connections, "requests": state.requests})
                };
                answer(stream, "200 OK", &log)
            }
            ("PUT", "/mode/answer") => self.switch(stream, Mode::Answer),
            ("PUT", "/mode/hang") => self.switch(stream, Mode::Hang),
            ("PUT", "/mode/close") => self.switch(stream, Mode::Close),
            _ => answer(stream, "404 Not Found", &Value::Null),
        }
    }

    fn switch(&self, stream: TcpStream, mode: Mode) -> io::Result<()> {
        self.lock().mode = mode;
        self.0.1.notify_all();
        answer(stream, "200 OK", &Value::Null)
    }
}

/// How long an answer to a path with `slow` in it takes.
const SLOW: Duration = Duration::from_millis(150);

impl Request {
    /// What the path asks for; 200 otherwise.
    fn answer(&self, stream: TcpStream) -> io::Result<()> {
        let says = |word: &str| self.path.contains(word);
        if says("slow") {
            std::thread::sleep(SLOW);
        }
        let status = match () {
            () if says("gone") => return Ok(()),
            () if says("bad") => "503 Service Unavailable",
            () if says("gateway") => "502 Bad Gateway",
            () => "200 OK",
        };
        answer(stream, status, &json!({"counted": true}))
    }

    fn read(stream: &TcpStream) -> io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let mut words = first.split_whitespace();
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(io::Error::other("no request line"));
        };
        let (method, path) = (method.to_owned(), path.to_owned());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut request = Self {
            method,
            path,
            headers,
            body: Vec::new(),
        };
        let length = request.header("content-length").unwrap_or("0");
        let length: u64 = length.parse().map_err(io::Error::other)?;
        reader.take(length).read_to_end(&mut request.body)?;
        Ok(request)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The log's line: bodies and credentials by their hash alone.
    fn describe(&self) -> Value {
        json!({
            "method": self.method,
            "path": self.path,
            "key": self.header("idempotency-key"),
            "authorization_sha256": self.header("authorization").map(|text| sha256(text.as_bytes())),
            "headers": self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            "body_sha256": sha256(&self.body),
        })
    }
}

fn answer(mut stream: TcpStream, status: &str, body: &Value) -> io::Result<()> {
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}

fn sha256(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

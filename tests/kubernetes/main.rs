//! A server that answers as Kubernetes' API does, as far as `kubectl` needs it for pods, deployments and
//! nodes: discovery, lists, the scale subresource, merge patches. It keeps a small cluster, applies what
//! it is told, and logs every request that reaches it.
//!
//! Two ports: one is the API, which wants a bearer token; the other answers `GET /log` and `GET /cluster`.
//! The file named by the only argument gets both addresses. The process ends when its standard input does.

mod cluster;
mod discovery;
mod http;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use self::cluster::Cluster;
use self::http::{Answer, Request};

#[derive(Debug)]
struct State {
    cluster: Cluster,
    log: Vec<Value>,
}

/// Clones share the state.
#[derive(Clone, Debug)]
struct Server(Arc<Mutex<State>>);

fn main() -> ExitCode {
    let Some(ready) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: kubernetes-shaped READY-FILE");
        return ExitCode::from(64);
    };
    match run(&ready) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kubernetes-shaped: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(ready: &PathBuf) -> io::Result<()> {
    let state = State {
        cluster: Cluster::new(),
        log: Vec::new(),
    };
    let server = Server(Arc::new(Mutex::new(state)));
    let api = TcpListener::bind("127.0.0.1:0")?;
    let control = TcpListener::bind("127.0.0.1:0")?;
    let document = json!({
        "api": format!("http://{}", api.local_addr()?),
        "control": format!("http://{}", control.local_addr()?),
    });
    for (door, serve) in [(api, Server::api as Serve), (control, Server::control)] {
        let server = server.clone();
        std::thread::spawn(move || each(&door, &server, serve));
    }
    let unfinished = ready.with_extension("unfinished");
    std::fs::write(&unfinished, document.to_string())?;
    std::fs::rename(&unfinished, ready)?;
    io::copy(&mut io::stdin().lock(), &mut io::sink()).map(drop)
}

/// What answers a request.
type Serve = fn(&Server, &Request) -> Answer;

/// Serves each connection on a thread of its own.
fn each(door: &TcpListener, server: &Server, serve: Serve) {
    for stream in door.incoming().flatten() {
        let server = server.clone();
        std::thread::spawn(move || {
            if let Err(error) = one(&server, &stream, serve) {
                eprintln!("a connection ended early: {error}");
            }
        });
    }
}

fn one(server: &Server, stream: &TcpStream, serve: Serve) -> io::Result<()> {
    let request = Request::read(stream)?;
    serve(server, &request).write(stream)
}

impl Server {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn api(&self, request: &Request) -> Answer {
        let mut state = self.lock();
        state.log.push(request.describe());
        if request.header("authorization").is_none() {
            return Answer::failure(401, "Unauthorized", "no bearer token");
        }
        if let Some(document) = discovery::answer(request) {
            return Answer::json(200, document);
        }
        state.cluster.answer(request)
    }

    fn control(&self, request: &Request) -> Answer {
        let state = self.lock();
        match request.path.as_str() {
            "/log" => Answer::json(200, json!({ "requests": state.log })),
            "/cluster" => Answer::json(200, state.cluster.to_value()),
            _ => Answer::failure(404, "NotFound", "no such path"),
        }
    }
}

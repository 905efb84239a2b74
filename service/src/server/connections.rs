//! The listener's side of a server: connections accepted, bounded in number and time, and ended.
//!
//! A connection that is open but has no request in work costs a place and nothing else, so when all
//! places are taken the one that has been without work for longest makes room. Only when every open
//! connection has work is a new one answered `overload` and closed.

mod metered;
mod open;
mod watch;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use http::header::CONTENT_TYPE;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

use self::metered::{Answer, Metered};
use self::open::Open;
use self::watch::{Phase, Watch};
use crate::problem::{Problem, ProblemType};
use crate::tasks::Tasks;

/// After cancellation, requests in flight get so long to finish.
pub const DRAIN: Duration = Duration::from_secs(30);
/// Files that a process may need: connections of every role, and as many to upstreams.
const FILES: u64 = 32_768;
/// New connections that are being told `overload` at once; beyond, they are closed without a word.
const TURNED_AWAY: usize = 256;
/// How long a connection is told so.
const FAREWELL: Duration = Duration::from_secs(1);
/// The first and the longest wait after the system refuses a connection.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// What bounds the connections of one listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Open at once; lowered to half of what the system lets the process open.
    pub most: usize,
    /// Time from the first byte of a request's head (of the connection, for its first request) to the
    /// head's last.
    pub head: Duration,
    /// Time without a request between two of them.
    pub idle: Duration,
    /// Time in which the client takes no byte of its answer. Event streams have none: they buffer a
    /// bounded number of events and start again.
    pub stalled: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// How long a connection must have had no work before it can be made to leave for a new one.
    pub spare: Duration,
    /// Time for requests in flight to finish, once the server stops.
    pub drain: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            most: 4_096,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            stalled: Duration::from_mins(1),
            head_bytes: 64 * 1024,
            spare: Duration::from_secs(1),
            drain: DRAIN,
        }
    }
}

/// Where connections come from.
pub(super) trait Accept: Send {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Io>> + Send;
}

impl Accept for TcpListener {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<TcpStream> {
        let (stream, _) = Self::accept(self).await?;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its small packets back");
        }
        Ok(stream)
    }
}

/// Serves `router` until `tasks` is cancelled, then lets requests in flight finish within [`DRAIN`].
///
/// # Errors
/// None now; a listener that fails is tried again.
pub async fn serve(listener: TcpListener, router: Router, tasks: &Tasks) -> io::Result<()> {
    let limits = ConnectionLimits::default();
    serve_within(listener, router, tasks, limits).await
}

/// As [`serve`], with other limits.
///
/// # Errors
/// As [`serve`].
pub async fn serve_within(
    listener: TcpListener,
    router: Router,
    tasks: &Tasks,
    mut limits: ConnectionLimits,
) -> io::Result<()> {
    let half = usize::try_from(open_files() / 2).unwrap_or(usize::MAX);
    if half < limits.most {
        tracing::warn!(
            connections.most = half,
            "the system lets the process open few files"
        );
        limits.most = half;
    }
    Server::new(router, tasks, limits)
        .accept_from(listener)
        .await;
    Ok(())
}

/// How many files this process may open, after asking for [`FILES`].
fn open_files() -> u64 {
    let now = getrlimit(Resource::Nofile);
    let (Some(current), maximum) = (now.current, now.maximum) else {
        return u64::MAX;
    };
    let wanted = maximum.map_or(FILES, |maximum| maximum.min(FILES));
    if current >= wanted {
        return current;
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, "the number of open files cannot be raised");
            current
        }
    }
}

/// One listener's server.
pub(super) struct Server {
    router: Router,
    tasks: Tasks,
    limits: ConnectionLimits,
    open: Open,
    connections: TaskTracker,
    /// Ends what is left at the end of the drain.
    cut: CancellationToken,
    farewells: Arc<Semaphore>,
    overload: Arc<[u8]>,
}

impl Server {
    pub(super) fn new(router: Router, tasks: &Tasks, limits: ConnectionLimits) -> Self {
        Self {
            router: router.with_state(()),
            tasks: tasks.clone(),
            limits,
            open: Open::new(limits.most, limits.spare),
            connections: TaskTracker::new(),
            cut: CancellationToken::new(),
            farewells: Arc::new(Semaphore::new(TURNED_AWAY)),
            overload: overload(),
        }
    }

    /// Accepts until the tasks are cancelled, and drains.
    pub(super) async fn accept_from(self, mut listener: impl Accept) {
        let stop = self.tasks.token();
        let (mut pause, longest) = PAUSES;
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok(io) => {
                    pause = PAUSES.0;
                    self.admit(io);
                }
                Err(error) if of_one_connection(&error) => {
                    tracing::debug!(%error, "a connection ended before it was accepted");
                }
                Err(error) => {
                    // Most likely there are no files left: make room, and leave the rest in the queue.
                    metrics::counter!("http_accept_failures_total").increment(1);
                    tracing::warn!(%error, "connections cannot be accepted");
                    self.open.make_room();
                    let waited = tokio::time::sleep(pause);
                    let _ = stop.run_until_cancelled(waited).await;
                    pause = pause.saturating_mul(2).min(longest);
                }
            }
        }
        drop(listener);
        self.drain().await;
    }

    fn admit<I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, io: I) {
        let Some((place, watch)) = self.open.take() else {
            metrics::counter!("http_connections_turned_away_total").increment(1);
            if let Ok(permit) = Arc::clone(&self.farewells).try_acquire_owned() {
                let overload = Arc::clone(&self.overload);
                let farewell = async move {
                    let _ = tokio::time::timeout(FAREWELL, turn_away(io, &overload)).await;
                    drop(permit);
                };
                let farewell = self.connections.track_future(farewell);
                drop(self.tasks.spawn("farewell", farewell));
            }
            return;
        };
        let (router, limits) = (self.router.clone(), self.limits);
        let (stop, cut) = (self.tasks.token(), self.cut.clone());
        let connection = async move {
            let serving = serve_connection(io, &watch, router, limits, stop);
            let _ = cut.run_until_cancelled(serving).await;
            drop(place);
        };
        let connection = self.connections.track_future(connection);
        drop(self.tasks.spawn("connection", connection));
    }

    async fn drain(self) {
        self.connections.close();
        let drained = tokio::time::timeout(self.limits.drain, self.connections.wait()).await;
        if drained.is_err() {
            let left = self.connections.len();
            tracing::warn!(
                connections.left = left,
                "requests in flight were cut off at the drain limit"
            );
            self.cut.cancel();
            self.connections.wait().await;
        }
    }
}

async fn serve_connection<I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    io: I,
    watch: &Arc<Watch>,
    router: Router,
    limits: ConnectionLimits,
    stop: CancellationToken,
) {
    let service = service_fn(|request: Request<Incoming>| {
        watch.enter(Phase::Working);
        let answering = router.clone().call(request);
        let watch = Arc::clone(watch);
        async move {
            let response = answering.await?;
            if response
                .headers()
                .get(CONTENT_TYPE)
                .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
            {
                watch.enter(Phase::Streaming);
            }
            Ok::<_, Infallible>(response.map(|body| Answer::new(body, watch)))
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .header_read_timeout(None)
            .max_header_size(limits.head_bytes)
            .serve_connection(TokioIo::new(Metered::new(io, Arc::clone(watch))), service)
    );
    let mut overdue = pin!(watch.overdue(&limits));
    let mut stopped = pin!(stop.cancelled());
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                }
                return;
            }
            reason = overdue.as_mut() => {
                metrics::counter!("http_connections_ended_total", "reason" => reason.as_str()).increment(1);
                tracing::debug!(reason = reason.as_str(), "a connection was ended");
                return;
            }
            () = stopped.as_mut(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Errors that are about the connection that was to be accepted, not about accepting.
fn of_one_connection(error: &io::Error) -> bool {
    [
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::Interrupted,
    ]
    .contains(&error.kind())
}

/// Answers whatever comes, and reads on until the client has seen it: closing at once would take the
/// answer back.
async fn turn_away<I: AsyncRead + AsyncWrite + Unpin>(mut io: I, answer: &[u8]) -> io::Result<()> {
    io.write_all(answer).await?;
    io.shutdown().await?;
    let mut scratch = [0; 1024];
    for _ in 0..64 {
        if io.read(&mut scratch).await? == 0 {
            break;
        }
    }
    Ok(())
}

/// The answer to connections for which there is no place.
fn overload() -> Arc<[u8]> {
    let problem = Problem::new(
        ProblemType::OVERLOAD,
        "every open connection has a request in work",
    );
    let body = serde_json::to_string(&problem.document()).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
         content-length: {}\r\ncache-control: no-store\r\nretry-after: 1\r\nconnection: close\r\n\r\n",
        body.len()
    );
    Arc::from([head.as_bytes(), body.as_bytes()].concat())
}

#[cfg(test)]
mod tests;

//! Over in-memory connections and a paused clock: time passes only when nobody has anything to do.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::stream;
use tokio::io::DuplexStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::*;
use crate::extract::RawBody;

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// What the listener hands out, in order; waits once it is empty.
struct Line(mpsc::UnboundedReceiver<io::Result<DuplexStream>>);

impl Accept for Line {
    type Io = DuplexStream;

    async fn accept(&mut self) -> io::Result<DuplexStream> {
        match self.0.recv().await {
            Some(next) => next,
            None => std::future::pending().await,
        }
    }
}

/// A server under test.
struct Bench {
    tasks: Tasks,
    line: mpsc::UnboundedSender<io::Result<DuplexStream>>,
}

impl Bench {
    fn start(router: Router, limits: ConnectionLimits) -> Self {
        let tasks = Tasks::new();
        let (line, connections) = mpsc::unbounded_channel();
        let server = Server::new(router, &tasks, limits);
        drop(tasks.spawn("server", server.accept_from(Line(connections))));
        Self { tasks, line }
    }

    fn connect(&self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(16 * 1024);
        self.line.send(Ok(server)).unwrap();
        client
    }
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

/// The next answer on a connection that stays open.
async fn answer(client: &mut DuplexStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"hello") {
        let mut byte = [0];
        assert_ne!(client.read(&mut byte).await.unwrap(), 0, "closed: {text:?}");
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

/// All that comes until the server closes, and after how many seconds it did.
async fn rest(client: &mut DuplexStream) -> (String, u64) {
    let began = Instant::now();
    let mut text = Vec::new();
    client.read_to_end(&mut text).await.unwrap();
    (
        String::from_utf8_lossy(&text).into_owned(),
        began.elapsed().as_secs(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed_after_ten_seconds() {
    let bench = Bench::start(hello(), ConnectionLimits::default());
    let mut client = bench.connect();
    assert_eq!(rest(&mut client).await, (String::new(), 10));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_byte_by_byte_is_cut_off_after_ten_seconds() {
    let bench = Bench::start(hello(), ConnectionLimits::default());
    let mut client = bench.connect();
    let began = Instant::now();
    let mut sent = 0;
    for byte in GET.iter().cycle().take(600) {
        if client.write_all(&[*byte]).await.is_err() {
            break;
        }
        sent += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
        if sent == GET.len() - 4 {
            break;
        }
    }
    assert_eq!(began.elapsed().as_secs(), 11);
    assert!(sent <= 11, "{sent} bytes of a head were waited for");
}

#[tokio::test(start_paused = true)]
async fn a_connection_may_idle_for_75_seconds_and_its_next_head_has_ten_again() {
    let bench = Bench::start(hello(), ConnectionLimits::default());
    let mut client = bench.connect();
    client.write_all(GET).await.unwrap();
    answer(&mut client).await;
    tokio::time::sleep(Duration::from_secs(70)).await;
    client.write_all(GET).await.unwrap();
    answer(&mut client).await;
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(30)).await;
    client.write_all(b"GET / HT").await.unwrap();
    let (text, _) = rest(&mut client).await;
    assert_eq!((text.as_str(), began.elapsed().as_secs()), ("", 40));
    let mut idle = bench.connect();
    idle.write_all(GET).await.unwrap();
    answer(&mut idle).await;
    assert_eq!(rest(&mut idle).await, (String::new(), 75));
}

#[tokio::test(start_paused = true)]
async fn a_head_beyond_its_bounds_is_refused_and_the_connection_closed() {
    let bench = Bench::start(hello(), ConnectionLimits::default());
    let many = "x: y\r\n".repeat(200);
    let large = format!("x: {}\r\n", "y".repeat(70 * 1024));
    for headers in [many, large] {
        let mut client = bench.connect();
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
        let (mut reading, mut writing) = tokio::io::split(&mut client);
        let mut text = Vec::new();
        let (_, read) = tokio::join!(
            writing.write_all(request.as_bytes()),
            reading.read_to_end(&mut text)
        );
        read.unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("HTTP/1.1 431 "), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_byte_by_byte_is_given_up_after_ten_seconds() {
    let router = Router::new().route("/", post(async |RawBody(_): RawBody| "hello"));
    let bench = Bench::start(router, ConnectionLimits::default());
    let mut client = bench.connect();
    let head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n";
    client.write_all(head).await.unwrap();
    let began = Instant::now();
    let (mut reading, mut writing) = tokio::io::split(client);
    let dripping = async {
        while writing.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let mut text = Vec::new();
    tokio::select! {
        () = dripping => {}
        read = reading.read_to_end(&mut text) => { read.unwrap(); }
    }
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.starts_with("HTTP/1.1 503 ") && text.contains("timeout"),
        "{text}"
    );
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_takes_ends_the_connection_but_a_slow_reader_does_not() {
    let large = async || Body::from(vec![b'x'; 256 * 1024]).into_response();
    let bench = Bench::start(
        Router::new().route("/", get(large)),
        ConnectionLimits::default(),
    );
    let mut stuck = bench.connect();
    stuck.write_all(GET).await.unwrap();
    let mut slow = bench.connect();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut taken = 0;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_secs(30)).await;
        let mut some = vec![0; 8 * 1024];
        taken += slow.read(&mut some).await.unwrap();
    }
    assert!(
        taken > 256 * 1024,
        "{taken} bytes were taken by the slow reader"
    );
    let (text, _) = rest(&mut stuck).await;
    assert!(text.len() < 256 * 1024, "the rest was waited for");
}

#[tokio::test(start_paused = true)]
async fn an_event_stream_that_is_read_late_is_kept() {
    let events = async || {
        let endless =
            stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 1024])));
        (
            [(CONTENT_TYPE, "text/event-stream")],
            Body::from_stream(endless),
        )
    };
    let bench = Bench::start(
        Router::new().route("/", get(events)),
        ConnectionLimits::default(),
    );
    let mut client = bench.connect();
    client.write_all(GET).await.unwrap();
    tokio::time::sleep(Duration::from_hours(1)).await;
    let mut some = vec![0; 64 * 1024];
    for _ in 0..10 {
        assert_ne!(client.read(&mut some).await.unwrap(), 0);
        tokio::time::sleep(Duration::from_mins(5)).await;
    }
}

/// A router whose requests wait until they are let go, and its signals.
fn held() -> (Router, Arc<Notify>, Arc<AtomicUsize>) {
    let (release, entered) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let (outside, inside) = (Arc::clone(&release), Arc::clone(&entered));
    let router = hello().route(
        "/held",
        get(async move || {
            inside.fetch_add(1, Ordering::SeqCst);
            outside.notified().await;
            "hello"
        }),
    );
    (router, release, entered)
}

async fn until(entered: &AtomicUsize, wanted: usize) {
    while entered.load(Ordering::SeqCst) < wanted {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn when_every_place_is_taken_the_one_longest_without_work_makes_room() {
    let (router, release, entered) = held();
    let limits = ConnectionLimits {
        most: 3,
        ..ConnectionLimits::default()
    };
    let bench = Bench::start(router, limits);
    let mut working = bench.connect();
    working
        .write_all(b"GET /held HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    until(&entered, 1).await;
    let mut oldest = bench.connect();
    oldest.write_all(GET).await.unwrap();
    answer(&mut oldest).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut younger = bench.connect();
    younger.write_all(GET).await.unwrap();
    answer(&mut younger).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut newest = bench.connect();
    newest.write_all(GET).await.unwrap();
    answer(&mut newest).await;
    assert_eq!(rest(&mut oldest).await, (String::new(), 0));
    younger.write_all(GET).await.unwrap();
    answer(&mut younger).await;
    release.notify_one();
    answer(&mut working).await;
}

#[tokio::test(start_paused = true)]
async fn when_every_connection_has_work_a_new_one_is_told_so_and_the_next_gets_its_place() {
    let (router, release, entered) = held();
    let limits = ConnectionLimits {
        most: 2,
        ..ConnectionLimits::default()
    };
    let bench = Bench::start(router, limits);
    let mut working = [bench.connect(), bench.connect()];
    for client in &mut working {
        client
            .write_all(b"GET /held HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
    }
    until(&entered, 2).await;
    let mut refused = bench.connect();
    refused.write_all(GET).await.unwrap();
    refused.shutdown().await.unwrap();
    let (text, _) = rest(&mut refused).await;
    assert!(
        text.starts_with("HTTP/1.1 503 ") && text.contains(r#""code":"overload""#),
        "{text}"
    );
    assert!(
        text.contains("retry-after: 1\r\nconnection: close\r\n"),
        "{text}"
    );
    release.notify_waiters();
    for client in &mut working {
        rest(client).await;
    }
    let mut next = bench.connect();
    next.write_all(GET).await.unwrap();
    answer(&mut next).await;
}

#[tokio::test(start_paused = true)]
async fn connections_that_are_turned_away_are_bounded_in_number_and_time() {
    let (router, release, entered) = held();
    let limits = ConnectionLimits {
        most: 1,
        ..ConnectionLimits::default()
    };
    let bench = Bench::start(router, limits);
    let mut working = bench.connect();
    working
        .write_all(b"GET /held HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    until(&entered, 1).await;
    let mut away: VecDeque<_> = (0..=TURNED_AWAY).map(|_| bench.connect()).collect();
    let began = Instant::now();
    let mut last = away.pop_back().unwrap();
    assert_eq!(
        rest(&mut last).await,
        (String::new(), 0),
        "closed without a word"
    );
    for client in &mut away {
        let (text, _) = rest(client).await;
        assert!(text.starts_with("HTTP/1.1 503 "), "{text}");
    }
    assert!(began.elapsed() <= FAREWELL);
    release.notify_one();
    answer(&mut working).await;
}

#[tokio::test(start_paused = true)]
async fn a_listener_out_of_files_makes_room_and_goes_on_when_there_are_some() {
    let bench = Bench::start(hello(), ConnectionLimits::default());
    let mut idle = bench.connect();
    idle.write_all(GET).await.unwrap();
    answer(&mut idle).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    for _ in 0..20 {
        let none_left = io::Error::from_raw_os_error(24);
        bench.line.send(Err(none_left)).unwrap();
    }
    bench
        .line
        .send(Err(io::ErrorKind::ConnectionAborted.into()))
        .unwrap();
    let mut client = bench.connect();
    assert_eq!(rest(&mut idle).await, (String::new(), 0));
    let began = Instant::now();
    client.write_all(GET).await.unwrap();
    answer(&mut client).await;
    let waited = began.elapsed().as_secs();
    assert!((10..20).contains(&waited), "waited {waited} s");
}

#[tokio::test(start_paused = true)]
async fn stopping_closes_idle_connections_at_once_and_half_sent_heads_in_time() {
    let (router, release, entered) = held();
    let bench = Bench::start(router, ConnectionLimits::default());
    let (mut fresh, mut idle, mut half, mut working) = (
        bench.connect(),
        bench.connect(),
        bench.connect(),
        bench.connect(),
    );
    idle.write_all(GET).await.unwrap();
    answer(&mut idle).await;
    half.write_all(b"GET / HTTP/1.1\r\nho").await.unwrap();
    working
        .write_all(b"GET /held HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    until(&entered, 1).await;
    bench.tasks.cancel();
    assert_eq!(rest(&mut fresh).await, (String::new(), 0));
    assert_eq!(rest(&mut idle).await, (String::new(), 0));
    let (text, waited) = rest(&mut half).await;
    assert!(text.is_empty() && waited <= 10, "{waited} s: {text}");
    release.notify_one();
    let (text, _) = rest(&mut working).await;
    assert!(
        text.ends_with("hello") && text.contains("connection: close"),
        "{text}"
    );
    let ended = bench.tasks.shutdown(Duration::from_secs(1)).await;
    assert_eq!(ended, crate::tasks::Shutdown::Drained);
}

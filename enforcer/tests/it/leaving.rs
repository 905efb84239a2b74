//! Clients that leave (F14): before the call is spent nothing happens, afterwards nothing is cancelled (I7).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_enforcer::Upstream as UpstreamConfig;
use countersign_service::server::{ConnectionLimits, serve_within};
use countersign_service::tasks::Tasks;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::bench::{AGENT, Bench, scale_params};
use crate::records::entries;

/// An upstream that keeps every answer back until it is let go.
#[derive(Clone)]
struct Gated {
    address: SocketAddr,
    /// A permit for each request that has come.
    came: Arc<Semaphore>,
    /// A permit for each answer that may go.
    go: Arc<Semaphore>,
}

impl Gated {
    async fn start(tasks: &Tasks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gated = Self {
            address: listener.local_addr().unwrap(),
            came: Arc::new(Semaphore::new(0)),
            go: Arc::new(Semaphore::new(0)),
        };
        let (serving, spawner) = (gated.clone(), tasks.clone());
        drop(tasks.spawn_until_cancelled("gated", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                drop(spawner.spawn_until_cancelled("answer", serving.serve(stream)));
            }
        }));
        gated
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut request = Vec::new();
        let whole = |request: &[u8]| {
            let read = request.starts_with(b"GET") && request.ends_with(b"\r\n\r\n");
            read || request.ends_with(b"{\"replicas\":4}")
        };
        while !whole(&request) {
            let mut some = [0; 1024];
            let read = stream.read(&mut some).await.unwrap();
            if read == 0 {
                return;
            }
            request.extend_from_slice(&some[..read]);
        }
        self.came.add_permits(1);
        self.go.acquire().await.unwrap().forget();
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        let _ = stream.write_all(answer).await;
    }

    /// Waits for the next request.
    async fn reached(&self) {
        let coming = tokio::time::timeout(Duration::from_secs(30), self.came.acquire());
        coming.await.unwrap().unwrap().forget();
    }
}

/// An enforcer on a real socket.
struct Served {
    bench: Bench,
    upstream: Gated,
    address: SocketAddr,
}

impl Served {
    async fn start(lock_wait: Duration) -> Self {
        let world = Tasks::new();
        let upstream = Gated::start(&world).await;
        let url = format!("http://{}", upstream.address);
        let bench = Bench::start_with(|config| {
            config.lock_wait = lock_wait;
            config.upstreams = vec![UpstreamConfig::new("cloud", url.parse().unwrap())];
        })
        .await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (router, tasks) = (bench.router.clone(), bench.tasks.clone());
        drop(bench.world.spawn("server", async move {
            let limits = ConnectionLimits::default();
            serve_within(listener, router, &tasks, limits)
                .await
                .unwrap();
        }));
        Self {
            bench,
            upstream,
            address,
        }
    }

    /// A scaling with `token`, of which all but the last `kept` bytes are sent.
    async fn send(&self, token: &str, kept: usize) -> TcpStream {
        self.ask(token, "infra.scale", scale_params(), kept).await
    }

    async fn ask(&self, token: &str, tool: &str, params: Value, kept: usize) -> TcpStream {
        let body = json!({"tool": tool, "params": params}).to_string();
        let request = format!(
            "POST /v1/calls HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {AGENT}\r\n\
             intent-token: {token}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let sent = &request.as_bytes()[..request.len() - kept];
        stream.write_all(sent).await.unwrap();
        stream
    }

    /// The calls of the journal, once there are `count` and all have ended.
    async fn ended(&self, count: usize) -> Vec<Value> {
        for _ in 0..1_200 {
            let calls = self.bench.calls().await;
            if calls.len() == count && calls.iter().all(|call| !call["ended_at"].is_null()) {
                return calls;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!(
            "still not {count} ended calls: {:?}",
            self.bench.calls().await
        )
    }
}

/// Closes as a client does that is killed: what it has not read is lost.
fn leave(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}

#[tokio::test]
async fn a_client_that_leaves_before_its_body_is_whole_spends_nothing() {
    let served = Served::start(Duration::from_secs(5)).await;
    let token = served.bench.scale();
    for kept in [1, 20, 60] {
        leave(served.send(&token, kept).await);
    }
    served.upstream.go.add_permits(1);
    let mut stream = served.send(&token, 0).await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    assert_eq!(served.ended(1).await[0]["state"], "done");
}

#[tokio::test]
async fn a_client_that_leaves_while_the_upstream_answers_cancels_nothing() {
    let served = Served::start(Duration::from_secs(5)).await;
    let stream = served.send(&served.bench.scale(), 0).await;
    served.upstream.reached().await;
    leave(stream);
    served.upstream.go.add_permits(1);
    let calls = served.ended(1).await;
    assert_eq!(
        (&calls[0]["state"], &calls[0]["status"]),
        (&json!("done"), &json!(200))
    );
    assert!(calls[0]["receipt"].is_string());
}

#[tokio::test]
async fn a_read_whose_client_leaves_ends_with_it_and_is_recorded() {
    let served = Served::start(Duration::from_secs(5)).await;
    let params = json!({"service_id": "payments"});
    let bench = &served.bench;
    let lease = bench.sign(&bench.intent("infra.get", &params));
    let stream = served.ask(&lease, "infra.get", params.clone(), 0).await;
    served.upstream.reached().await;
    leave(stream);
    for _ in 0..1_200 {
        bench.clock.advance(Duration::from_millis(100));
        tokio::time::sleep(Duration::from_millis(25)).await;
        let entries = entries(bench).await;
        let records = entries.iter().filter_map(|entry| entry["record"].as_str());
        if let Some(reads) = records.into_iter().find(|text| text.contains("\"reads\"")) {
            assert!(reads.contains(r#""done":0,"failed":1"#), "{reads}");
            return;
        }
    }
    panic!("the read is not recorded");
}

#[tokio::test]
async fn a_client_that_leaves_while_it_waits_for_the_resource_cancels_nothing() {
    let served = Served::start(Duration::from_mins(1)).await;
    let first = served.send(&served.bench.scale(), 0).await;
    served.upstream.reached().await;
    let waiting = served.send(&served.bench.scale(), 0).await;
    leave(first);
    leave(waiting);
    served.upstream.go.add_permits(2);
    for call in served.ended(2).await {
        assert_eq!(call["state"], "done", "{call}");
    }
}

#[tokio::test]
async fn clients_that_leave_at_any_moment_leave_every_spent_call_with_a_record() {
    const CLIENTS: usize = 24;
    let served = Served::start(Duration::from_mins(1)).await;
    served.upstream.go.add_permits(CLIENTS + 1);
    for number in 0..CLIENTS {
        let stream = served.send(&served.bench.scale(), 0).await;
        // Later and later: while it is read, checked, spent, sent, recorded and answered.
        for _ in 0..number * 4 {
            tokio::task::yield_now().await;
        }
        leave(stream);
    }
    // Where the client left before its request was read, there is none: the last call comes after all.
    let mut last = served.send(&served.bench.scale(), 0).await;
    let mut answer = [0; 12];
    last.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let spent = served.bench.calls().await.len();
    for call in served.ended(spent).await {
        assert_eq!(call["state"], "done", "{call}");
    }
    let answered = CLIENTS + 1 - served.upstream.go.available_permits();
    assert_eq!(answered, spent, "each spent call reached the upstream once");
}

#[tokio::test]
async fn an_enforcer_that_is_asked_to_end_finishes_the_calls_in_work() {
    let served = Served::start(Duration::from_secs(5)).await;
    let mut stream = served.send(&served.bench.scale(), 0).await;
    served.upstream.reached().await;
    served.bench.tasks.cancel();
    served.upstream.go.add_permits(1);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains(r#""outcome":"done""#),
        "{answer}"
    );
    let ended = served.bench.tasks.shutdown(Duration::from_secs(30)).await;
    assert_eq!(ended, countersign_service::tasks::Shutdown::Drained);
}

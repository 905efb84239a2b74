//! A spent call that waited too long, or whose control changed, is not sent (SECURITY-DESIGN §4.3).

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::bench::{Answer, Bench};

/// An upstream that lets nobody in until it is told to: its queue of connections is full.
struct Threshold {
    listener: TcpListener,
    waiting: Vec<TcpStream>,
}

impl Threshold {
    async fn full() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        let patience = Duration::from_millis(300);
        while let Ok(connected) = tokio::time::timeout(patience, TcpStream::connect(address)).await
        {
            waiting.push(connected.unwrap());
        }
        Self { listener, waiting }
    }

    /// Lets everybody in; gives the bytes that came from those who were not there before.
    async fn open(self) -> Vec<u8> {
        let ours: Vec<_> = self
            .waiting
            .iter()
            .map(|one| one.local_addr().unwrap())
            .collect();
        loop {
            let (mut stream, from) = self.listener.accept().await.unwrap();
            if !ours.contains(&from) {
                return head(&mut stream).await;
            }
        }
    }
}

/// What comes until the end of a request's head, or of the connection.
async fn head(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
    bytes
}

/// Starts a call, changes something between its commit and its first byte, and lets it in.
async fn change_in_between(change: impl AsyncFnOnce(&Bench)) -> (Answer, Vec<u8>) {
    let threshold = Threshold::full().await;
    let url = format!("http://{}", threshold.listener.local_addr().unwrap());
    let bench = Arc::new(
        Bench::start_with(|config| config.upstreams[0].base_url = url.parse().unwrap()).await,
    );
    let params = json!({"service_id": "payments"});
    let token = bench.sign(&bench.intent("infra.restart", &params));
    let caller = Arc::clone(&bench);
    let call = bench.world.spawn("call", async move {
        caller.call(&token, "infra.restart", &params).await
    });
    while !is_consumed(&bench).await {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    change(&bench).await;
    let bytes = threshold.open().await;
    (call.await.unwrap(), bytes)
}

async fn is_consumed(bench: &Bench) -> bool {
    let calls = bench.calls().await;
    calls
        .first()
        .is_some_and(|call| call["state"] == "consumed")
}

fn assert_stale((status, body): &(StatusCode, Value)) {
    assert_eq!(
        (*status, &body["outcome"]),
        (StatusCode::OK, &json!("not_sent")),
        "{body}"
    );
    assert!(
        body["cause"].as_str().unwrap().starts_with("stale"),
        "{body}"
    );
}

#[tokio::test]
async fn call_that_waited_longer_than_two_seconds_is_not_sent() {
    let (answer, bytes) = change_in_between(async |bench| {
        bench.clock.advance(Duration::from_millis(2_001));
    })
    .await;
    assert_stale(&answer);
    assert!(bytes.is_empty());
}

#[tokio::test]
async fn call_whose_control_changed_since_it_was_spent_is_not_sent() {
    let (answer, bytes) = change_in_between(async |bench| {
        let entry = json!({"scope": "agent:remediator", "by": "operator", "at": bench.clock.now()});
        let (status, _) = bench.put_control(&bench.control(2, &json!([entry]))).await;
        assert_eq!(status, StatusCode::OK);
    })
    .await;
    assert_stale(&answer);
    assert!(bytes.is_empty());
}

#[tokio::test]
async fn call_that_waited_within_its_time_is_sent() {
    let (_, bytes) = change_in_between(async |bench| {
        bench.clock.advance(Duration::from_millis(1_900));
    })
    .await;
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.starts_with("POST /v1/services/payments/restart "),
        "{text}"
    );
}

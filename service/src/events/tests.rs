use axum::response::Response;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use super::*;

const START: u64 = 1_893_456_000_000_000;

fn hub() -> Hub {
    let start: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    Hub::new(Clock::manual(start))
}

/// The frames of a stream so far, as text.
struct Frames {
    body: axum::body::BodyDataStream,
}

impl Frames {
    fn of(response: Response) -> Self {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body().into_data_stream(),
        }
    }

    async fn next(&mut self) -> Option<String> {
        let bytes = self.body.next().await?.unwrap();
        Some(
            String::from_utf8(bytes.to_vec())
                .unwrap()
                .trim_end()
                .replace('\n', " | "),
        )
    }
}

async fn open(feed: Feed) -> Frames {
    Frames::of(feed.respond().await.unwrap())
}

fn feed(hub: &Hub, cursor: Option<u64>) -> Feed {
    Feed::new(hub, LastEventId(cursor), CancellationToken::new())
}

#[tokio::test]
async fn new_subscriber_gets_the_snapshot_then_changes() {
    let hub = hub();
    let snapshot =
        Snapshot::new(async || Ok(vec![("plan", "p1".to_owned(), json!({"state": "open"}))]));
    let mut frames = open(feed(&hub, None).snapshot(snapshot)).await;
    let item = r#"data: {"topic":"plan","id":"p1","item":{"state":"open"}}"#;
    assert_eq!(
        frames.next().await.unwrap(),
        format!("event: upsert | {item}")
    );
    let end = frames.next().await.unwrap();
    assert_eq!(
        end,
        format!("event: snapshot_end | data: {{}} | id: {START}")
    );
    hub.publish("plan", "p1", &json!({"state": "done"}));
    hub.remove("plan", "p0");
    let upsert = r#"event: upsert | data: {"topic":"plan","id":"p1","item":{"state":"done"}}"#;
    assert_eq!(
        frames.next().await.unwrap(),
        format!("{upsert} | id: {}", START + 1)
    );
    let remove = r#"event: remove | data: {"topic":"plan","id":"p0","item":null}"#;
    assert_eq!(
        frames.next().await.unwrap(),
        format!("{remove} | id: {}", START + 2)
    );
}

#[tokio::test]
async fn cursor_resumes_without_gap_or_repeat() {
    let hub = hub();
    for number in 0..5 {
        hub.publish("call", format!("c{number}"), &json!({}));
    }
    let mut frames = open(feed(&hub, Some(START + 3))).await;
    for number in [3, 4] {
        let frame = frames.next().await.unwrap();
        assert!(frame.contains(&format!("\"id\":\"c{number}\"")), "{frame}");
    }
    assert!(
        frames
            .next()
            .await
            .unwrap()
            .starts_with("event: snapshot_end")
    );
}

#[tokio::test]
async fn cursor_that_is_too_old_or_foreign_resets() {
    let hub = hub();
    for number in 0..=KEPT {
        hub.publish("call", number.to_string(), &json!({}));
    }
    for cursor in [START, 7, START + 5000] {
        let mut frames = open(feed(&hub, Some(cursor))).await;
        assert_eq!(frames.next().await.unwrap(), "event: reset | data: {}");
        assert!(
            frames
                .next()
                .await
                .unwrap()
                .starts_with("event: snapshot_end")
        );
    }
    let mut kept = open(feed(&hub, Some(START + 1))).await;
    assert!(kept.next().await.unwrap().contains("\"id\":\"1\""));
}

#[tokio::test]
async fn subscriber_that_falls_behind_resets() {
    let hub = hub();
    let mut frames = open(feed(&hub, None)).await;
    frames.next().await.unwrap();
    for number in 0..=KEPT {
        hub.publish("call", number.to_string(), &json!({}));
    }
    assert_eq!(frames.next().await.unwrap(), "event: reset | data: {}");
    assert!(
        frames
            .next()
            .await
            .unwrap()
            .starts_with("event: snapshot_end")
    );
}

#[tokio::test]
async fn filter_passes_only_what_is_wanted() {
    let hub = hub();
    let mut frames = open(feed(&hub, None).only(|event| event.id == "mine")).await;
    frames.next().await.unwrap();
    hub.publish("run", "other", &json!({}));
    hub.publish("run", "mine", &json!({}));
    assert!(frames.next().await.unwrap().contains("mine"));
}

#[tokio::test(start_paused = true)]
async fn quiet_stream_pings_with_the_servers_time() {
    let hub = hub();
    let mut frames = open(feed(&hub, None)).await;
    frames.next().await.unwrap();
    for _ in 0..2 {
        let ping = frames.next().await.unwrap();
        assert_eq!(
            ping,
            r#"event: ping | data: {"time":"2030-01-01T00:00:00Z"}"#
        );
    }
}

#[tokio::test]
async fn cancellation_ends_the_stream() {
    let hub = hub();
    let end = CancellationToken::new();
    let mut frames = open(Feed::new(&hub, LastEventId(None), end.clone())).await;
    frames.next().await.unwrap();
    end.cancel();
    assert_eq!(frames.next().await, None);
}

#[tokio::test]
async fn streams_are_bounded_and_free_their_place() {
    let hub = hub();
    let mut open_streams = Vec::new();
    for _ in 0..MAX_STREAMS {
        open_streams.push(feed(&hub, None).respond().await.unwrap());
    }
    assert_eq!(
        feed(&hub, None).respond().await.unwrap_err().code(),
        "overload"
    );
    open_streams.pop();
    assert!(feed(&hub, None).respond().await.is_ok());
}

#[tokio::test]
async fn waiting_sees_the_first_wanted_event() {
    let hub = hub();
    let cursor = hub.latest();
    hub.publish("run", "r1", &json!({"state": "acting"}));
    let waiting = hub.wait(cursor, |event| event.item["state"] == "completed");
    let publishing = async {
        tokio::time::sleep(Duration::ZERO).await;
        hub.publish("run", "r1", &json!({"state": "completed"}));
    };
    let (event, ()) = tokio::join!(waiting, publishing);
    assert_eq!(event.unwrap().sequence, START + 2);
    assert_eq!(hub.wait(1, |_| true).await, None);
}

#[tokio::test]
async fn item_that_is_written_later_reads_as_it_was_published() {
    struct Counting(Arc<AtomicUsize>, u32);
    impl Serialize for Counting {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Serialize::serialize(&json!({"state": self.1}), serializer)
        }
    }
    let hub = hub();
    let written = Arc::new(AtomicUsize::new(0));
    for state in 0..4 {
        hub.publish_later("call", "c1", Counting(Arc::clone(&written), state));
    }
    assert_eq!(written.load(Ordering::Relaxed), 0, "nobody looks");
    for _ in 0..2 {
        let mut frames = open(feed(&hub, Some(START + 2))).await;
        for state in 2..4 {
            let item = format!(r#"data: {{"topic":"call","id":"c1","item":{{"state":{state}}}}}"#);
            assert!(frames.next().await.unwrap().contains(&item));
        }
    }
    let wanted = hub.wait(START, |event| event.item["state"] == 3);
    assert_eq!(wanted.await.unwrap().sequence, START + 4);
    assert_eq!(written.load(Ordering::Relaxed), 4, "each once");
}

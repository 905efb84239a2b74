//! Server-sent events: replay or snapshot, then live, with a ping every 15 seconds.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::response::sse::{Event as Frame, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::future::BoxFuture;
use futures_util::stream;
use http::request::Parts;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Change, Event, Hub, Missed, Seat};
use crate::problem::{Problem, ProblemType};

/// Time between pings: a client that hears nothing for three of them reconnects.
const PING: Duration = Duration::from_secs(15);

type Source = Arc<dyn Fn() -> BoxFuture<'static, Result<Vec<Current>, Problem>> + Send + Sync>;
type Filter = Arc<dyn Fn(&Event) -> bool + Send + Sync>;

/// One item of a snapshot: topic, id, item.
type Current = (&'static str, String, serde_json::Value);

/// Gives a new subscriber the state that events then change.
#[derive(Clone)]
pub struct Snapshot(Source);

impl Snapshot {
    /// `items` reads the current items: topic, id, and the item as its list shows it.
    pub fn new<F>(items: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Vec<Current>, Problem>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(items())))
    }

    /// No items: subscribers read the lists themselves.
    pub fn empty() -> Self {
        Self::new(async || Ok(Vec::new()))
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Snapshot(…)")
    }
}

/// The cursor with which a client resumes: header `Last-Event-ID`, or the query `last_event_id`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastEventId(pub Option<u64>);

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Infallible;

    /// A cursor that cannot be read is one that the hub does not know: it leads to `reset`.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = parts
            .headers
            .get("last-event-id")
            .map(|value| value.to_str().unwrap_or("?"));
        let query = parts.uri.query().and_then(|query| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix("last_event_id="))
        });
        let cursor = header.or(query).filter(|text| !text.is_empty());
        Ok(Self(cursor.map(|text| text.parse().unwrap_or(0))))
    }
}

/// A stream about to be answered.
pub struct Feed {
    hub: Hub,
    cursor: LastEventId,
    snapshot: Snapshot,
    filter: Filter,
    end: CancellationToken,
}

impl fmt::Debug for Feed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Feed")
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

impl Feed {
    /// Every event of `hub` from `cursor` on; it ends when `end` is cancelled.
    pub fn new(hub: &Hub, cursor: LastEventId, end: CancellationToken) -> Self {
        let filter: Filter = Arc::new(|_| true);
        Self {
            hub: hub.clone(),
            cursor,
            snapshot: Snapshot::empty(),
            filter,
            end,
        }
    }

    /// Sends the snapshot's items first, unless the cursor allows a replay.
    #[must_use]
    pub fn snapshot(mut self, snapshot: Snapshot) -> Self {
        self.snapshot = snapshot;
        self
    }

    /// Sends only the events that `wanted` picks.
    #[must_use]
    pub fn only(mut self, wanted: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Arc::new(wanted);
        self
    }

    /// The answer, or a problem when there are too many streams or no snapshot.
    ///
    /// # Errors
    /// `overload`, or the snapshot's problem.
    pub async fn respond(self) -> Result<Response, Problem> {
        let Some(seat) = self.hub.enter() else {
            return Err(Problem::new(
                ProblemType::OVERLOAD,
                "too many event streams are open",
            ));
        };
        let latest = self.hub.0.latest.subscribe();
        let mut run = Run {
            feed: self,
            latest,
            cursor: 0,
            queue: VecDeque::new(),
            ping_at: Instant::now() + PING,
            _seat: seat,
        };
        run.start().await?;
        let frames = stream::unfold(run, async |mut run| {
            let frame = run.next().await?;
            Some((Ok::<_, Infallible>(frame), run))
        });
        Ok(Sse::new(frames).into_response())
    }
}

/// A stream being answered.
struct Run {
    feed: Feed,
    latest: watch::Receiver<u64>,
    cursor: u64,
    queue: VecDeque<Frame>,
    ping_at: Instant,
    _seat: Seat,
}

impl Run {
    async fn start(&mut self) -> Result<(), Problem> {
        match self.feed.cursor.0 {
            Some(cursor) => match self.feed.hub.since(cursor) {
                Missed::Events(events) => {
                    self.cursor = cursor;
                    self.send(events);
                    self.queue
                        .push_back(marker("snapshot_end", Some(self.cursor)));
                    Ok(())
                }
                Missed::TooMany => self.reset().await,
            },
            None => self.begin().await,
        }
    }

    /// Tells the client to forget what it has, and starts over.
    async fn reset(&mut self) -> Result<(), Problem> {
        self.queue.push_back(marker("reset", None));
        self.begin().await
    }

    /// Queues the snapshot. The cursor is taken first: a change during the snapshot is sent after it,
    /// once too often at worst.
    async fn begin(&mut self) -> Result<(), Problem> {
        self.cursor = self.feed.hub.latest();
        for (topic, id, item) in (self.feed.snapshot.0)().await? {
            let event = Event {
                sequence: self.cursor,
                change: Change::Upsert,
                topic,
                id,
                item: item.into(),
            };
            if (self.feed.filter)(&event) {
                self.queue.push_back(frame(&event, None));
            }
        }
        self.queue
            .push_back(marker("snapshot_end", Some(self.cursor)));
        Ok(())
    }

    fn send(&mut self, events: Vec<Arc<Event>>) {
        for event in events {
            self.cursor = event.sequence;
            if (self.feed.filter)(&event) {
                self.queue.push_back(frame(&event, Some(event.sequence)));
            }
        }
    }

    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.queue.pop_front() {
                return Some(frame);
            }
            self.latest.mark_unchanged();
            match self.feed.hub.since(self.cursor) {
                Missed::Events(events) if events.is_empty() => {}
                Missed::Events(events) => {
                    self.send(events);
                    continue;
                }
                Missed::TooMany => {
                    if let Err(problem) = self.reset().await {
                        tracing::warn!(problem.code = problem.code(), "an event stream ends");
                        return None;
                    }
                    continue;
                }
            }
            tokio::select! {
                biased;
                () = self.feed.end.cancelled() => return None,
                changed = self.latest.changed() => changed.ok()?,
                () = sleep_until(self.ping_at) => {
                    self.ping_at = Instant::now() + PING;
                    let time = json!({"time": self.feed.hub.0.clock.now()});
                    return Some(Frame::default().event("ping").data(time.to_string()));
                }
            }
        }
    }
}

fn frame(event: &Event, sequence: Option<u64>) -> Frame {
    let name = match event.change {
        Change::Upsert => "upsert",
        Change::Remove => "remove",
    };
    let (topic, id) = (json!(event.topic), json!(event.id));
    let item = event.item.text();
    let data = format!(r#"{{"topic":{topic},"id":{id},"item":{item}}}"#);
    with_id(Frame::default().event(name).data(data), sequence)
}

fn marker(name: &'static str, sequence: Option<u64>) -> Frame {
    with_id(Frame::default().event(name).data("{}"), sequence)
}

fn with_id(frame: Frame, sequence: Option<u64>) -> Frame {
    match sequence {
        Some(sequence) => frame.id(sequence.to_string()),
        None => frame,
    }
}

//! Live updates: one hub per server, server-sent events with catch-up.
//!
//! The hub keeps the last 1,024 events. Subscribers read them by cursor, so a slow one is not sent gaps:
//! it gets `reset` and a fresh snapshot when the hub no longer has what it needs.

mod item;
mod stream;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

use crate::clock::Clock;

pub use item::Item;
pub use stream::{Feed, LastEventId, Snapshot};

/// How many events the hub keeps for catch-up.
const KEPT: usize = 1024;
/// How many streams one server serves at once.
const MAX_STREAMS: usize = 256;

/// A change that subscribers should know.
#[derive(Debug, PartialEq)]
pub struct Event {
    /// Rises by one per event; across restarts it rises too.
    pub sequence: u64,
    /// What happened to the item.
    pub change: Change,
    /// Which collection: `plan`, `approval`, `call`, `run`, `alert`, …
    pub topic: &'static str,
    /// The item's id.
    pub id: String,
    /// The item, in the shape of its list; null when removed.
    pub item: Item,
}

/// What happened to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new or changed.
    Upsert,
    /// It is gone.
    Remove,
}

/// Where a server publishes changes. Clones are the same hub.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    ring: Mutex<Ring>,
    latest: watch::Sender<u64>,
    streams: AtomicUsize,
}

#[derive(Debug)]
struct Ring {
    latest: u64,
    events: VecDeque<Arc<Event>>,
}

/// What a subscriber at some cursor has missed.
#[derive(Debug, PartialEq)]
enum Missed {
    /// These events, in order; none when it is up to date.
    Events(Vec<Arc<Event>>),
    /// More than the hub keeps, or the cursor is from another life of the server.
    TooMany,
}

impl Hub {
    /// An empty hub. Sequence numbers start from the clock's microseconds, so that a cursor of an earlier
    /// process is recognised as old.
    pub fn new(clock: Clock) -> Self {
        let start = u64::try_from(clock.now().as_microsecond()).unwrap_or(0);
        let ring = Ring {
            latest: start,
            events: VecDeque::with_capacity(KEPT),
        };
        Self(Arc::new(Inner {
            clock,
            ring: Mutex::new(ring),
            latest: watch::Sender::new(start),
            streams: AtomicUsize::new(0),
        }))
    }

    /// Tells subscribers that `item` of `topic` is new or changed.
    ///
    /// Publish after the change is committed, with the item as its list shows it.
    pub fn publish(&self, topic: &'static str, id: impl Into<String>, item: &impl Serialize) {
        match serde_json::to_string(item) {
            Ok(text) => self.push(Change::Upsert, topic, id.into(), Item::written(text)),
            Err(error) => unwritten(topic, &error),
        }
    }

    /// As [`Hub::publish`], for what changes often: the item is written when somebody wants to see it,
    /// if ever.
    pub fn publish_later<T>(&self, topic: &'static str, id: impl Into<String>, item: T)
    where
        T: Serialize + Send + 'static,
    {
        let item = Item::later(move || match serde_json::to_string(&item) {
            Ok(text) => text,
            Err(error) => {
                unwritten(topic, &error);
                "null".to_owned()
            }
        });
        self.push(Change::Upsert, topic, id.into(), item);
    }

    /// Tells subscribers that an item is gone.
    pub fn remove(&self, topic: &'static str, id: impl Into<String>) {
        let nothing = Item::written("null".to_owned());
        self.push(Change::Remove, topic, id.into(), nothing);
    }

    /// The sequence number of the last event.
    pub fn latest(&self) -> u64 {
        self.ring().latest
    }

    /// Waits for the first event after `cursor` that `wanted` picks. Gives `None` when the hub no longer
    /// keeps the events after `cursor`. For servers that wait on their own changes.
    pub async fn wait(&self, cursor: u64, wanted: impl Fn(&Event) -> bool) -> Option<Arc<Event>> {
        let mut latest = self.0.latest.subscribe();
        let mut cursor = cursor;
        loop {
            latest.mark_unchanged();
            let Missed::Events(events) = self.since(cursor) else {
                return None;
            };
            cursor = events.last().map_or(cursor, |event| event.sequence);
            if let Some(event) = events.into_iter().find(|event| wanted(event)) {
                return Some(event);
            }
            latest.changed().await.ok()?;
        }
    }

    fn push(&self, change: Change, topic: &'static str, id: String, item: Item) {
        let mut ring = self.ring();
        let sequence = ring.latest.saturating_add(1);
        ring.latest = sequence;
        if ring.events.len() == KEPT {
            ring.events.pop_front();
        }
        ring.events.push_back(Arc::new(Event {
            sequence,
            change,
            topic,
            id,
            item,
        }));
        self.0.latest.send_replace(sequence);
    }

    fn since(&self, cursor: u64) -> Missed {
        let ring = self.ring();
        let before_oldest = ring
            .events
            .front()
            .map_or(ring.latest, |oldest| oldest.sequence.saturating_sub(1));
        if cursor < before_oldest || cursor > ring.latest {
            return Missed::TooMany;
        }
        let behind = usize::try_from(ring.latest.saturating_sub(cursor)).unwrap_or(KEPT);
        let skip = ring.events.len().saturating_sub(behind);
        Missed::Events(ring.events.iter().skip(skip).cloned().collect())
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a stream in, unless there are too many.
    fn enter(&self) -> Option<Seat> {
        let streams = self.0.streams.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(self.clone());
        (streams < MAX_STREAMS).then_some(seat)
    }
}

fn unwritten(topic: &'static str, error: &serde_json::Error) {
    tracing::error!(event.topic = topic, %error, "an event cannot be written");
}

/// One of the places for streams, free again when dropped.
#[derive(Debug)]
struct Seat(Hub);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;

//! Refusals: counted, shown, and recorded in aggregates, all in bounded space.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_intent::id::{AgentId, IntentId, ToolName};
use countersign_ledger::Kind;
use countersign_service::clock::Clock;
use countersign_service::events::Hub;
use countersign_service::problem::Problem;
use countersign_service::server::LogBudget;
use jiff::Timestamp;
use metrics::Counter;
use serde::Serialize;
use serde_json::{Value, json};

use crate::journal::Journal;
use crate::journal::operation::Note;

/// Refusals shown by `GET /v1/refusals`.
const KEPT: usize = 1_000;
/// Kinds of refusal told apart in one record; the rest is counted by code.
const KINDS: usize = 64;
/// Like refusals within this time are one entry with a count.
const LIKE_WITHIN: Duration = Duration::from_secs(1);
/// Refusals that subscribers are told of in a second; the latest follows with the next record.
const TOLD: u32 = 20;
/// Refusals logged in a second.
const LOGGED: u32 = 20;
/// Time between two records.
const RECORD_EVERY: Duration = Duration::from_millis(900);

/// Who was refused, as far as it was known at that point.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subject {
    pub(crate) tool: Option<ToolName>,
    pub(crate) agent: Option<AgentId>,
    pub(crate) jti: Option<IntentId>,
}

/// A refusal, or several like ones within a second.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RefusalView {
    /// Rises with each entry.
    pub(crate) id: u64,
    /// When the last of them happened.
    pub(crate) at: Timestamp,
    /// The stable code.
    pub(crate) code: &'static str,
    /// The HTTP status that answered it.
    pub(crate) status: u16,
    /// The tool that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool: Option<ToolName>,
    /// The agent, where it was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<AgentId>,
    /// The token's id, where the token was genuine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jti: Option<IntentId>,
    /// What was refused and why, for a person.
    pub(crate) message: String,
    /// How many.
    pub(crate) count: u64,
}

/// The refusals of this process. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Refusals {
    inner: Arc<Mutex<Inner>>,
    logged: Arc<LogBudget>,
    clock: Clock,
    hub: Hub,
}

#[derive(Default)]
struct Inner {
    next: u64,
    ring: VecDeque<RefusalView>,
    unrecorded: Batch,
    told: Told,
    counters: BTreeMap<&'static str, Counter>,
}

/// What subscribers were told in the current second.
#[derive(Debug, Default)]
struct Told {
    since: Duration,
    count: u32,
    /// Whether they were not told of the latest.
    behind: bool,
}

/// What the next record will say.
#[derive(Debug, Default)]
struct Batch {
    counts: BTreeMap<(&'static str, Subject), u64>,
    others: BTreeMap<&'static str, u64>,
}

impl Refusals {
    pub(crate) fn new(clock: Clock, hub: Hub) -> Self {
        Self {
            inner: Arc::default(),
            logged: Arc::new(LogBudget::new(clock.clone(), LOGGED)),
            clock,
            hub,
        }
    }

    /// Takes note of a refusal that is about to be answered.
    pub(crate) fn note(&self, problem: &Problem, subject: &Subject) {
        let code = problem.code();
        let (now, monotonic) = (self.clock.now(), self.clock.monotonic());
        let told = {
            let mut inner = self.lock();
            inner.count(code);
            inner.unrecorded.add(code, subject);
            inner.show(problem, subject, now);
            inner.tell(monotonic)
        };
        if self.logged.take() {
            tracing::info!(
                refusal.code = code,
                agent.id = subject.agent.as_ref().map(AgentId::as_str),
                tool.name = subject.tool.as_ref().map(ToolName::as_str),
                "refused a call"
            );
        }
        if let Some(view) = told {
            self.hub.publish("refusal", view.id.to_string(), &view);
        }
    }

    /// The latest refusals, newest first.
    pub(crate) fn latest(&self, limit: usize) -> Vec<RefusalView> {
        self.lock().ring.iter().rev().take(limit).cloned().collect()
    }

    /// Records what was refused, each second in which something was, until cancelled. Run by a task.
    pub(crate) async fn record(self, journal: Journal) {
        loop {
            self.clock.sleep(RECORD_EVERY).await;
            self.record_once(&journal).await;
        }
    }

    /// Records what was refused since the last record.
    pub(crate) async fn record_once(&self, journal: &Journal) {
        let behind = self.lock().catch_up();
        if let Some(view) = behind {
            self.hub.publish("refusal", view.id.to_string(), &view);
        }
        let Some(batch) = self.take() else { return };
        let at = self.clock.now();
        let note = Note {
            kind: Kind::Refuse,
            at,
            body: batch.body(),
            receipts: Vec::new(),
        };
        if !journal.note(note).await {
            // Kept for the next try: the counts add up, in the same bounded space.
            self.lock().unrecorded.merge(batch);
        }
    }

    fn take(&self) -> Option<Batch> {
        let mut inner = self.lock();
        if inner.unrecorded.counts.is_empty() {
            return None;
        }
        Some(std::mem::take(&mut inner.unrecorded))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Inner")
            .field("shown", &self.ring.len())
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn count(&mut self, code: &'static str) {
        let counter = self
            .counters
            .entry(code)
            .or_insert_with(|| metrics::counter!("countersign_refusals_total", "code" => code));
        counter.increment(1);
    }

    /// The latest refusal, to be told to subscribers unless they were told enough in this second.
    fn tell(&mut self, now: Duration) -> Option<RefusalView> {
        let told = &mut self.told;
        if now.saturating_sub(told.since) >= LIKE_WITHIN {
            told.since = now;
            told.count = 0;
        }
        told.behind = told.count >= TOLD;
        if told.behind {
            return None;
        }
        told.count = told.count.saturating_add(1);
        self.ring.back().cloned()
    }

    /// The latest refusal, if subscribers were not told of it.
    fn catch_up(&mut self) -> Option<RefusalView> {
        if !std::mem::take(&mut self.told.behind) {
            return None;
        }
        self.ring.back().cloned()
    }

    /// Puts a refusal where `latest` finds it.
    fn show(&mut self, problem: &Problem, subject: &Subject, now: Timestamp) {
        let code = problem.code();
        let like = self.ring.back_mut().filter(|last| {
            let age = now.duration_since(last.at).unsigned_abs();
            last.code == code
                && last.tool == subject.tool
                && last.agent == subject.agent
                && last.jti == subject.jti
                && last.message == problem.detail()
                && age <= LIKE_WITHIN
        });
        if let Some(like) = like {
            like.count = like.count.saturating_add(1);
            like.at = now;
            return;
        }
        self.next = self.next.saturating_add(1);
        let view = RefusalView {
            id: self.next,
            at: now,
            code,
            status: problem.status().as_u16(),
            tool: subject.tool.clone(),
            agent: subject.agent.clone(),
            jti: subject.jti.clone(),
            message: problem.detail().to_owned(),
            count: 1,
        };
        if self.ring.len() == KEPT {
            self.ring.pop_front();
        }
        self.ring.push_back(view);
    }
}

impl Batch {
    fn add(&mut self, code: &'static str, subject: &Subject) {
        self.count(code, subject.clone(), 1);
    }

    fn count(&mut self, code: &'static str, subject: Subject, by: u64) {
        let room = self.counts.len() < KINDS;
        let key = (code, subject);
        let place = match self.counts.get_mut(&key) {
            Some(count) => count,
            None if room => self.counts.entry(key).or_default(),
            None => self.others.entry(code).or_default(),
        };
        *place = place.saturating_add(by);
    }

    fn merge(&mut self, other: Self) {
        for ((code, subject), count) in other.counts {
            self.count(code, subject, count);
        }
        for (code, count) in other.others {
            let place = self.others.entry(code).or_default();
            *place = place.saturating_add(count);
        }
    }

    fn body(&self) -> Value {
        let refused: Vec<Value> = self
            .counts
            .iter()
            .map(|((code, subject), count)| {
                let mut entry = json!({ "code": code, "count": count });
                if let Some(members) = entry.as_object_mut() {
                    let tool = subject.tool.as_ref().map(|tool| ("tool", json!(tool)));
                    let agent = subject.agent.as_ref().map(|agent| ("agent", json!(agent)));
                    let token = subject.jti.as_ref().map(|jti| ("token", json!(jti)));
                    for (name, value) in [tool, agent, token].into_iter().flatten() {
                        members.insert(name.to_owned(), value);
                    }
                }
                entry
            })
            .collect();
        json!({ "refused": refused, "others": self.others })
    }
}

#[cfg(test)]
mod tests {
    use countersign_intent::refusal::{Refusal, RefusalCode};

    use super::*;

    fn problem(code: RefusalCode, message: &str) -> Problem {
        Refusal::new(code, message).into()
    }

    #[test]
    fn a_flood_of_like_refusals_is_one_entry() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let refusals = Refusals::new(clock.clone(), Hub::new(clock.clone()));
        for _ in 0..1_000 {
            refusals.note(
                &problem(RefusalCode::TokenMissing, "no token"),
                &Subject::default(),
            );
        }
        assert_eq!(refusals.latest(10).len(), 1);
        assert_eq!(refusals.latest(10)[0].count, 1_000);
        clock.advance(Duration::from_secs(2));
        refusals.note(
            &problem(RefusalCode::TokenMissing, "no token"),
            &Subject::default(),
        );
        assert_eq!(refusals.latest(10).len(), 2);
    }

    #[tokio::test]
    async fn subscribers_of_a_flood_are_told_of_some_and_in_the_end_of_the_latest() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let hub = Hub::new(clock.clone());
        let refusals = Refusals::new(clock, hub.clone());
        for n in 0..1_000 {
            let message = format!("bad token {n}");
            refusals.note(
                &problem(RefusalCode::TokenSignature, &message),
                &Subject::default(),
            );
        }
        assert_eq!(hub.latest(), u64::from(TOLD));
        let behind = refusals.lock().catch_up().unwrap();
        assert_eq!(behind.message, "bad token 999");
        assert!(refusals.lock().catch_up().is_none());
    }

    #[test]
    fn a_flood_of_different_refusals_stays_bounded_and_no_count_is_lost() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let refusals = Refusals::new(clock.clone(), Hub::new(clock));
        for n in 0..5_000 {
            let subject = Subject {
                tool: format!("t{n}").parse().ok(),
                ..Subject::default()
            };
            refusals.note(
                &problem(RefusalCode::ToolUnknown, &format!("no {n}")),
                &subject,
            );
        }
        assert_eq!(refusals.latest(usize::MAX).len(), KEPT);
        let batch = refusals.take().unwrap();
        assert_eq!(batch.counts.len(), KINDS);
        let all: u64 = batch.counts.values().chain(batch.others.values()).sum();
        assert_eq!(all, 5_000);
        assert!(batch.body().to_string().len() < 65_535);
    }
}

//! Leases: reads that one token permits many times, recorded in aggregates (SECURITY-DESIGN §4).
//!
//! A lease is verified on each use and never spent. What it was used for is recorded at most a second
//! later; of each token the first receipt of a successful read goes to the authority.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_intent::id::IntentId;
use countersign_ledger::Kind;
use countersign_service::clock::Clock;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::execution::State;
use crate::journal::Journal;
use crate::journal::call::{Call, outcome_str};
use crate::journal::operation::Note;
use crate::journal::store::receipts::NewReceipt;

/// Time between two records.
const RECORD_EVERY: Duration = Duration::from_millis(500);
/// Tokens told apart between two rounds of recording; the rest is only counted.
const TOKENS: usize = 128;
/// Tokens in one record, which has 64 KiB at most.
const IN_ONE_RECORD: usize = 32;
/// Characters of a resource's name in a record.
const SHOWN: usize = 128;
/// Tokens remembered as reported; they live 5 minutes at most.
const REPORTED: usize = 4_096;

/// The leases in use. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Leases {
    inner: Arc<Mutex<Inner>>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Inner {
    uses: BTreeMap<IntentId, Uses>,
    others: u64,
    receipts: Vec<NewReceipt>,
    /// Tokens whose success the authority was told.
    reported: BTreeSet<IntentId>,
    /// The same, by their end.
    ends: BTreeSet<(Timestamp, IntentId)>,
}

/// Whether a read brought what it was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Succeeded {
    Yes,
    No,
}

/// What one token was used for since the last record.
#[derive(Debug)]
struct Uses {
    first: Call,
    done: u64,
    failed: u64,
}

impl Leases {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            inner: Arc::default(),
            clock,
        }
    }

    /// Takes note of a read that ended, with its receipt.
    pub(crate) fn note(&self, call: &Call) {
        let now = self.clock.now();
        let mut inner = self.lock();
        let succeeded = match call.state {
            State::Done(200..300) => Succeeded::Yes,
            State::Done(_)
            | State::Consumed
            | State::NotSent
            | State::InDoubt
            | State::Resolved(_) => Succeeded::No,
        };
        if succeeded == Succeeded::Yes {
            inner.report(call, now);
        }
        if let Some(uses) = inner.uses.get_mut(&call.jti) {
            uses.count(succeeded);
        } else if inner.uses.len() < TOKENS {
            let mut uses = Uses {
                first: call.clone(),
                done: 0,
                failed: 0,
            };
            uses.count(succeeded);
            inner.uses.insert(call.jti.clone(), uses);
        } else {
            inner.others = inner.others.saturating_add(1);
        }
    }

    /// Records what was read, each time something was, until cancelled. Run by a task.
    pub(crate) async fn record(self, journal: Journal) {
        loop {
            self.clock.sleep(RECORD_EVERY).await;
            self.record_once(&journal).await;
        }
    }

    /// Records what was read since the last record.
    pub(crate) async fn record_once(&self, journal: &Journal) {
        let (uses, others, receipts) = {
            let mut inner = self.lock();
            let uses = std::mem::take(&mut inner.uses);
            let others = std::mem::take(&mut inner.others);
            (uses, others, std::mem::take(&mut inner.receipts))
        };
        let (mut left, mut others, mut receipts) = (uses.into_iter(), others, receipts);
        loop {
            let some: Vec<(IntentId, Uses)> = left.by_ref().take(IN_ONE_RECORD).collect();
            if some.is_empty() && receipts.is_empty() {
                return;
            }
            let reads: Vec<Value> = some.iter().map(|(_, uses)| uses.record()).collect();
            let note = Note {
                kind: Kind::Outcome,
                at: self.clock.now(),
                body: json!({ "reads": reads, "others": others }),
                receipts: receipts.clone(),
            };
            if !journal.note(note).await {
                tracing::warn!(reads = some.len(), "reads are not recorded yet");
                self.lock()
                    .keep(some.into_iter().chain(left), others, receipts);
                return;
            }
            (others, receipts) = (0, Vec::new());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Takes back what could not be recorded, for the next record.
    fn keep(
        &mut self,
        uses: impl Iterator<Item = (IntentId, Uses)>,
        others: u64,
        mut receipts: Vec<NewReceipt>,
    ) {
        self.others = self.others.saturating_add(others);
        for (token, before) in uses {
            let room = self.uses.len() < TOKENS;
            match self.uses.entry(token) {
                Entry::Occupied(mut since) => since.get_mut().add(&before),
                Entry::Vacant(free) if room => drop(free.insert(before)),
                Entry::Vacant(_) => {
                    let count = before.done.saturating_add(before.failed);
                    self.others = self.others.saturating_add(count);
                }
            }
        }
        receipts.append(&mut self.receipts);
        receipts.truncate(REPORTED);
        self.receipts = receipts;
    }

    /// Queues the token's first success for the authority.
    fn report(&mut self, call: &Call, now: Timestamp) {
        if self.reported.contains(&call.jti) {
            return;
        }
        while self.ends.first().is_some_and(|(end, _)| *end <= now) {
            if let Some((_, jti)) = self.ends.pop_first() {
                self.reported.remove(&jti);
            }
        }
        if self.reported.len() >= REPORTED {
            return;
        }
        let (Some(jws), Some(outcome)) = (call.receipt.clone(), call.outcome()) else {
            return;
        };
        self.reported.insert(call.jti.clone());
        self.ends.insert((call.exp, call.jti.clone()));
        self.receipts.push(NewReceipt {
            attempt: call.attempt.clone(),
            jti: call.jti.clone(),
            outcome: outcome_str(outcome),
            jws,
            signed_at: call.ended_at.unwrap_or(call.consumed_at),
        });
    }
}

impl Uses {
    fn count(&mut self, succeeded: Succeeded) {
        let place = match succeeded {
            Succeeded::Yes => &mut self.done,
            Succeeded::No => &mut self.failed,
        };
        *place = place.saturating_add(1);
    }

    fn add(&mut self, other: &Self) {
        self.done = self.done.saturating_add(other.done);
        self.failed = self.failed.saturating_add(other.failed);
    }

    /// The token's id stands under another name than `jti`, which names spent tokens.
    fn record(&self) -> Value {
        json!({
            "lease": self.first.jti,
            "agent": self.first.agent,
            "plan": self.first.plan,
            "step": self.first.step,
            "tool": self.first.tool,
            "resource": self.first.resource.chars().take(SHOWN).collect::<String>(),
            "params_sha256": self.first.params_sha256,
            "request_sha256": self.first.request_sha256,
            "token_sha256": self.first.token_sha256,
            "done": self.done,
            "failed": self.failed,
        })
    }
}

//! What was learned about requests: what they mean, the lease that still covers them, the plan that
//! waits for a person.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_intent::digest::Digest;
use countersign_service::clock::{Clock, saturating_add};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Requests that are remembered, at most.
const KEPT: usize = 1_000;
/// A lease that expires sooner is not used again.
const MARGIN: Duration = Duration::from_secs(5);

/// The tool and the parameters that a request means.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Meaning {
    pub(super) tool: String,
    pub(super) params: Map<String, Value>,
}

/// What a request is sent with. Its `Debug` shows no token.
#[derive(Clone)]
pub(super) struct Pass {
    pub(super) token: String,
    pub(super) approvals: Option<String>,
    /// Until when it covers the same request again; `None` for a token that runs once.
    pub(super) lease: Option<Timestamp>,
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Pass")
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Entry {
    meaning: Meaning,
    lease: Option<Pass>,
    /// The plan that was submitted for it and has no token yet.
    plan: Option<String>,
}

/// The memory of the door, by the hash of a request.
#[derive(Debug)]
pub(super) struct Desk {
    entries: Mutex<BTreeMap<Digest, Entry>>,
    clock: Clock,
}

impl Desk {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            entries: Mutex::default(),
            clock,
        }
    }

    /// The lease that covers the request for some seconds yet.
    pub(super) fn lease(&self, request: &Digest) -> Option<Pass> {
        let soon = saturating_add(self.clock.now(), MARGIN);
        let entries = self.lock();
        let pass = entries.get(request)?.lease.as_ref()?;
        let lasts = pass.lease.is_some_and(|until| until > soon);
        lasts.then(|| pass.clone())
    }

    /// What the request means, and the plan that waits for it.
    pub(super) fn known(&self, request: &Digest) -> Option<(Meaning, Option<String>)> {
        let entries = self.lock();
        let entry = entries.get(request)?;
        Some((entry.meaning.clone(), entry.plan.clone()))
    }

    /// Remembers what the request means, and the plan that was submitted for it.
    pub(super) fn planned(&self, request: Digest, meaning: Meaning, plan: String) {
        let mut entries = self.lock();
        if entries.len() >= KEPT && !entries.contains_key(&request) {
            entries.clear();
        }
        let entry = Entry {
            meaning,
            lease: None,
            plan: Some(plan),
        };
        entries.insert(request, entry);
    }

    /// The plan led to a token: a lease is kept, another token is spent by its first use.
    pub(super) fn issued(&self, request: &Digest, pass: &Pass) {
        if let Some(entry) = self.lock().get_mut(request) {
            entry.plan = None;
            entry.lease = pass.lease.map(|_| pass.clone());
        }
    }

    /// Forgets everything about the request: the next one is asked for anew.
    pub(super) fn forget(&self, request: &Digest) {
        self.lock().remove(request);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Digest, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning() -> Meaning {
        Meaning {
            tool: "infra.get".to_owned(),
            params: Map::new(),
        }
    }

    fn pass(lease: Option<Timestamp>) -> Pass {
        Pass {
            token: "secret".to_owned(),
            approvals: None,
            lease,
        }
    }

    #[test]
    fn a_lease_is_used_until_shortly_before_its_end_and_another_token_never() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let desk = Desk::new(clock.clone());
        let request = Digest::of(b"request");
        desk.planned(request, meaning(), "plan".to_owned());
        assert_eq!(
            desk.known(&request),
            Some((meaning(), Some("plan".to_owned())))
        );
        let end = Timestamp::from_second(60).unwrap();
        desk.issued(&request, &pass(Some(end)));
        assert_eq!(desk.known(&request), Some((meaning(), None)));
        assert!(desk.lease(&request).is_some());
        clock.advance(Duration::from_secs(56));
        assert!(desk.lease(&request).is_none());
        desk.issued(&request, &pass(None));
        assert!(desk.lease(&request).is_none());
    }

    #[test]
    fn memory_is_bounded_and_shows_no_token() {
        let desk = Desk::new(Clock::manual(Timestamp::UNIX_EPOCH));
        for number in 0..3_000_u32 {
            let request = Digest::of(&number.to_be_bytes());
            desk.planned(request, meaning(), "plan".to_owned());
            desk.issued(&request, &pass(Some(Timestamp::MAX)));
        }
        assert!(desk.lock().len() <= KEPT);
        assert!(!format!("{desk:?}").contains("secret"));
    }
}

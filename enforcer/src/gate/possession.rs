//! Proof of possession: an agent that registered a key signs each of its requests (DESIGN §6, `cnf`).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_intent::digest::Digest;
use countersign_intent::proof::{self, Proof};
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::token::Intent;
use countersign_service::directory::Agent;
use http::HeaderMap;

use crate::header;
use jiff::Timestamp;

/// Proofs remembered at most. A call counts against the ceilings before its proof is remembered, so
/// this holds a minute of calls at the ceilings of many agents.
const PROOFS: usize = 65_536;
/// Seconds that a proof is remembered beyond its time: a clock may step back a little.
const MARGIN: i64 = 2 * proof::SKEW;

/// The proofs of lease calls, each good for one request. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proofs(Arc<Mutex<BTreeSet<Used>>>);

/// A proof and the second from which on it is too old anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Used {
    stale_at: i64,
    proof: Digest,
}

/// A proof that no call was made with yet.
#[derive(Debug)]
#[must_use]
pub(crate) struct Unused {
    proofs: Proofs,
    used: Used,
}

impl Unused {
    /// Uses the proof up, at `now`.
    ///
    /// # Errors
    /// `agent_proof` when another call was first, `overload` when no further one can be remembered.
    pub(crate) fn spend(self, now: Timestamp) -> Result<(), Refusal> {
        self.proofs.spend(self.used, now.as_second())
    }
}

impl Proofs {
    /// Takes a proof that came with the token `token`.
    ///
    /// # Errors
    /// `agent_proof` when a call came with it before.
    pub(super) fn take(&self, token: &Digest, proof: &Proof) -> Result<Unused, Refusal> {
        let fields = [token.as_bytes().as_slice(), proof.id().as_str().as_bytes()];
        let used = Used {
            stale_at: proof.stale_at().saturating_add(MARGIN),
            proof: Digest::of_fields(fields),
        };
        if self.lock().contains(&used) {
            return Err(replayed());
        }
        let proofs = self.clone();
        Ok(Unused { proofs, used })
    }

    fn spend(&self, used: Used, now: i64) -> Result<(), Refusal> {
        let mut proofs = self.lock();
        while proofs.first().is_some_and(|oldest| oldest.stale_at < now) {
            proofs.pop_first();
        }
        if proofs.contains(&used) {
            return Err(replayed());
        }
        if proofs.len() >= PROOFS {
            let message = "more proofs came within a minute than can be remembered";
            return Err(Refusal::new(RefusalCode::Overload, message));
        }
        proofs.insert(used);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Used>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks that whoever makes the request has the agent's key.
///
/// A registered key makes the proof mandatory, and a token bound to a key is worth nothing to an agent
/// that registered none.
///
/// # Errors
/// `agent_proof`.
pub(super) fn check(
    intent: &Intent,
    agent: &Agent,
    headers: &HeaderMap,
    request: proof::Request<'_>,
    now: Timestamp,
) -> Result<Option<Proof>, Refusal> {
    match (&intent.cnf, &agent.public_key) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(refused(
            "the agent registered a key, and the token is not bound to it: ask for a new token",
        )),
        (Some(_), None) => Err(refused(
            "the token is bound to a key, and the agent has none registered here",
        )),
        (Some(confirmation), Some(key)) => {
            let text = header(headers)?;
            proof::verify(text, confirmation, key, request, now).map(Some)
        }
    }
}

/// The header `Intent-Proof`; a repeated or unreadable one proves nothing.
fn header(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    header::single(headers, "Intent-Proof").map_err(|why| refused(&why))
}

fn replayed() -> Refusal {
    refused("`Intent-Proof` was used already: each request needs its own")
}

fn refused(message: &str) -> Refusal {
    Refusal::new(RefusalCode::AgentProof, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(n: u64, stale_at: i64) -> Used {
        Used {
            stale_at,
            proof: Digest::of(&n.to_be_bytes()),
        }
    }

    #[test]
    fn proof_counts_once_and_is_forgotten_when_it_is_stale_anyway() {
        let proofs = Proofs::default();
        proofs.spend(used(1, 100), 40).unwrap();
        assert!(proofs.spend(used(1, 100), 100).is_err());
        proofs.spend(used(2, 200), 101).unwrap();
        assert_eq!(proofs.lock().len(), 1);
    }

    #[test]
    fn memory_is_bounded_and_doubt_refuses() {
        let proofs = Proofs::default();
        for n in 0..PROOFS as u64 {
            proofs.spend(used(n, 60), 0).unwrap();
        }
        let refusal = proofs.spend(used(u64::MAX, 60), 0).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::Overload);
        assert_eq!(proofs.lock().len(), PROOFS);
    }
}

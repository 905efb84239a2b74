//! Control: what is stopped, which keys count, and how fresh that knowledge is (SECURITY-DESIGN §6).
//!
//! The authority pushes each change and is asked every 500 ms. Without word for 5 s nothing that
//! changes something runs; before the first word nothing runs at all.

pub(crate) mod poll;
mod scope;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use countersign_intent::id::KeyId;
use countersign_intent::key::{JwkSet, KeyError, VerifyingKeys};
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::token::Intent;
use countersign_intent::tool::Effect;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::scope::Scope;

/// How old the authority's last word may be for a call that changes something.
pub(crate) const LEASE: Duration = Duration::from_secs(5);

/// The authority's control document, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlDocument {
    /// Rises with every change.
    pub(crate) generation: u64,
    /// Tokens of a lower policy epoch do not count.
    pub(crate) policy_epoch: u64,
    /// What is stopped.
    pub(crate) entries: Vec<ControlEntry>,
    /// The keys whose tokens count.
    pub(crate) keys: JwkSet,
    /// The authority's time when it made this document.
    pub(crate) at: Timestamp,
}

/// One stopped scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlEntry {
    /// `all`, `tenant:T`, `agent:A`, `tool:T`, `plan:P` or `key:KID`.
    pub(crate) scope: String,
    /// Who stopped it.
    pub(crate) by: String,
    /// Why.
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// Since when.
    pub(crate) at: Timestamp,
}

/// One control document, checked. Immutable: a request uses one from start to end.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    document: ControlDocument,
    keys: VerifyingKeys,
    stopped: Vec<Scope>,
}

/// Why a control document was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ControlError {
    /// A key of the set is not usable; the whole document is refused.
    #[error("the key set holds a key that is not usable")]
    Key(#[from] KeyError),
    /// It is older than the one in force.
    #[error("generation {offered} is behind the one in force, {current}")]
    Behind {
        /// The generation offered.
        offered: u64,
        /// The one in force.
        current: u64,
    },
}

impl Snapshot {
    /// Checks `document`.
    pub(crate) fn new(document: ControlDocument) -> Result<Self, ControlError> {
        let keys = VerifyingKeys::from_jwks(&document.keys)?;
        let stopped = document
            .entries
            .iter()
            .map(|entry| Scope::read(&entry.scope))
            .collect();
        Ok(Self {
            document,
            keys,
            stopped,
        })
    }

    pub(crate) fn document(&self) -> &ControlDocument {
        &self.document
    }

    pub(crate) fn generation(&self) -> u64 {
        self.document.generation
    }

    pub(crate) fn policy_epoch(&self) -> u64 {
        self.document.policy_epoch
    }

    pub(crate) fn keys(&self) -> &VerifyingKeys {
        &self.keys
    }

    /// Refuses what is stopped.
    pub(crate) fn check(&self, intent: &Intent, kid: &KeyId) -> Result<(), Refusal> {
        let hit = self.stopped.iter().zip(&self.document.entries);
        let Some((_, entry)) = hit.into_iter().find(|(scope, _)| scope.covers(intent, kid)) else {
            return Ok(());
        };
        let reason = entry.reason.as_deref().unwrap_or("no reason given");
        let message = format!("`{}` is stopped by {}: {reason}", entry.scope, entry.by);
        Err(Refusal::new(RefusalCode::Killed, message))
    }
}

/// The control in force, and when the authority was last heard. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Control(Arc<RwLock<Held>>);

#[derive(Debug, Default)]
struct Held {
    snapshot: Option<Arc<Snapshot>>,
    heard: Option<Duration>,
}

impl Control {
    /// The control in force.
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>, Refusal> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        held.snapshot.clone().ok_or_else(|| {
            let message =
                "this enforcer has not heard from the authority yet, so nothing is allowed";
            Refusal::new(RefusalCode::ControlStale, message)
        })
    }

    /// Refuses a call that changes something when the authority was not heard within [`LEASE`].
    pub(crate) fn check_lease(&self, effect: Effect, now: Duration) -> Result<(), Refusal> {
        if effect == Effect::Read || self.is_fresh(now) {
            return Ok(());
        }
        let message = format!(
            "the authority was not heard for more than {} s, so nothing is changed",
            LEASE.as_secs()
        );
        Err(Refusal::new(RefusalCode::ControlStale, message))
    }

    /// Whether the authority was heard within [`LEASE`] of `now`.
    pub(crate) fn is_fresh(&self, now: Duration) -> bool {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        held.snapshot.is_some() && held.heard.is_some_and(|at| now.saturating_sub(at) <= LEASE)
    }

    /// Whether `document` is the one in force; the journal need not hear of it again.
    pub(crate) fn is_current(&self, document: &ControlDocument) -> bool {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        held.snapshot.as_ref().is_some_and(|snapshot| {
            let current = snapshot.document();
            current.generation == document.generation
                && current.policy_epoch == document.policy_epoch
                && current.entries == document.entries
                && current.keys == document.keys
        })
    }

    /// Notes that the authority confirmed the control in force, in an answer to a question asked at
    /// `asked`.
    pub(crate) fn confirm(&self, asked: Duration) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        held.heard = Some(held.heard.map_or(asked, |heard| heard.max(asked)));
    }

    /// Refuses a generation that is behind the one in force.
    pub(crate) fn check_generation(&self, offered: u64) -> Result<(), ControlError> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match &held.snapshot {
            Some(snapshot) if snapshot.generation() > offered => Err(ControlError::Behind {
                offered,
                current: snapshot.generation(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Puts `snapshot` in force. The journal's writer alone calls this, between two transactions, so
    /// that nothing is consumed under an older one afterwards.
    pub(crate) fn replace(&self, snapshot: Snapshot) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        held.snapshot = Some(Arc::new(snapshot));
    }
}

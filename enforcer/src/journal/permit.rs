//! The proof that one call may be sent now.

use std::sync::Arc;
use std::time::Duration;

use countersign_intent::id::AttemptId;
use countersign_intent::token::{Intent, MatchedCall};
use countersign_intent::tool::{Effect, Resend};

use super::lock::Guard;
use crate::approved::Approved;

/// One call may be sent, once: its token was spent durably, or is a lease.
///
/// Only the journal makes permits, and the forwarder takes them by value, so that one permit forwards
/// once. Others can name a permit and read it:
///
/// ```
/// use countersign_enforcer::Permit;
/// fn token_of(permit: &Permit) -> &str { permit.intent().jti.as_str() }
/// ```
///
/// They can neither make nor copy one, not even for tests:
///
/// ```compile_fail
/// use countersign_enforcer::Permit;
/// fn forge(permit: Permit) -> Permit { Permit { ..permit } }
/// ```
/// ```compile_fail
/// use countersign_enforcer::Permit;
/// fn copy(permit: &Permit) -> Permit { permit.clone() }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Permit {
    attempt: AttemptId,
    approved: Arc<Approved>,
    granted: Duration,
    generation: u64,
    guard: Option<Guard>,
}

/// What the journal grants.
pub(super) struct Grant {
    pub(super) attempt: AttemptId,
    pub(super) approved: Arc<Approved>,
    /// When the last checks before the consume held, on the monotonic clock.
    pub(super) granted: Duration,
    /// The control generation under which it was.
    pub(super) generation: u64,
    pub(super) guard: Option<Guard>,
}

impl Permit {
    pub(super) fn new(grant: Grant) -> Self {
        let Grant {
            attempt,
            approved,
            granted,
            generation,
            guard,
        } = grant;
        Self {
            attempt,
            approved,
            granted,
            generation,
            guard,
        }
    }

    /// The attempt.
    pub fn attempt(&self) -> &AttemptId {
        &self.attempt
    }

    /// What was approved.
    pub fn intent(&self) -> &Intent {
        self.approved.intent()
    }

    /// What is sent, and nothing else.
    pub(crate) fn call(&self) -> &MatchedCall {
        &self.approved.call
    }

    /// What the tool may do.
    pub(crate) fn effect(&self) -> Effect {
        self.approved.effect
    }

    /// How long the call may take in all.
    pub(crate) fn timeout(&self) -> Duration {
        self.approved.timeout
    }

    /// Whether the permit is still good: granted at most 2 s ago, and no control change since.
    pub(crate) fn is_fresh(&self, now: Duration, generation: Option<u64>) -> bool {
        const LIFE: Duration = Duration::from_secs(2);
        now.saturating_sub(self.granted) <= LIFE && generation == Some(self.generation)
    }

    /// Whether control is what it was when the permit was granted.
    pub(crate) fn is_same_control(&self, generation: Option<u64>) -> bool {
        generation == Some(self.generation)
    }

    /// How the call may be sent again when it is lost.
    pub(crate) fn resend(&self) -> Option<&Resend> {
        self.approved.resend.as_ref()
    }

    /// Gives up the permit; the resource stays locked as long as the guard lives.
    pub(crate) fn into_guard(self) -> Option<Guard> {
        self.guard
    }
}

//! The proof that one call may be sent now.

use std::time::Duration;

use countersign_intent::id::AttemptId;
use countersign_intent::token::{Intent, MatchedCall};

use super::lock::Guard;

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
    call: MatchedCall,
    timeout: Duration,
    granted: Duration,
    generation: u64,
    guard: Option<Guard>,
}

/// What the journal grants.
pub(super) struct Grant {
    pub(super) attempt: AttemptId,
    pub(super) call: MatchedCall,
    pub(super) timeout: Duration,
    /// When the consume was durable, on the monotonic clock.
    pub(super) granted: Duration,
    /// The control generation under which it was.
    pub(super) generation: u64,
    pub(super) guard: Option<Guard>,
}

impl Permit {
    pub(super) fn new(grant: Grant) -> Self {
        let Grant {
            attempt,
            call,
            timeout,
            granted,
            generation,
            guard,
        } = grant;
        Self {
            attempt,
            call,
            timeout,
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
        self.call.intent()
    }

    /// What is sent, and nothing else.
    pub(crate) fn call(&self) -> &MatchedCall {
        &self.call
    }

    /// How long the call may take in all.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether the permit is still good: granted at most 2 s ago, and no control change since.
    pub(crate) fn is_fresh(&self, now: Duration, generation: Option<u64>) -> bool {
        const LIFE: Duration = Duration::from_secs(2);
        now.saturating_sub(self.granted) <= LIFE && generation == Some(self.generation)
    }

    /// Gives up the permit; the resource stays locked as long as the guard lives.
    pub(crate) fn into_guard(self) -> Option<Guard> {
        self.guard
    }
}

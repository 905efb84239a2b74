//! What verification and matching established of one call. It does not change: the call's task, the
//! journal's writer and the permit share it, and a lease's later reads use it again.

use std::fmt;
use std::time::Duration;

use countersign_intent::digest::Digest;
use countersign_intent::precondition::Probe;
use countersign_intent::receipt::Looked;
use countersign_intent::token::{Intent, MatchedCall};
use countersign_intent::tool::{Effect, Resend};
use zeroize::Zeroizing;

/// A call that is exactly the one that its token approves.
pub(crate) struct Approved {
    pub(crate) call: MatchedCall,
    pub(crate) token: Zeroizing<String>,
    pub(crate) token_sha256: Digest,
    pub(crate) effect: Effect,
    /// The resource as policy names it.
    pub(crate) resource: String,
    pub(crate) timeout: Duration,
    /// How a lost call may be sent again.
    pub(crate) resend: Option<Resend>,
    /// How to see whether the token's precondition holds.
    pub(crate) probe: Option<Probe>,
}

impl Approved {
    /// What was approved.
    pub(crate) fn intent(&self) -> &Intent {
        self.call.intent()
    }

    /// How long the call may be on its way in all: a lost one may be sent again for as long once more.
    pub(crate) fn longest(&self) -> Duration {
        match self.resend {
            Some(_) => self.timeout.saturating_mul(2),
            None => self.timeout,
        }
    }

    /// How the precondition is looked at, where there is one.
    pub(crate) fn looked(&self) -> Option<Looked> {
        self.probe.as_ref().map(|_| Looked::Probe)
    }
}

impl fmt::Debug for Approved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Approved({})", self.intent().jti)
    }
}

//! What the tool API can do: each action really changes the world and is put on record.

mod data;
mod identity;
mod infra;

use jiff::Timestamp;
use thiserror::Error;

use super::World;
use super::alerts::{Alert, ResolveError, Severity};
use super::ids::AlertId;

/// Who acts through the tool API: it serves the enforcer alone.
pub(super) const ENFORCER: &str = "enforcer";

/// Why an action was not carried out. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ActionError {
    /// There is no such thing.
    #[error("there is no {kind} `{id}`")]
    Unknown {
        /// What was looked for.
        kind: &'static str,
        /// Under which name.
        id: String,
    },
    /// The thing is in a state in which this makes no sense.
    #[error("{0}")]
    Conflict(String),
    /// The request is readable but asks for something impossible.
    #[error("{0}")]
    Invalid(String),
}

// === impl ActionError ===

impl ActionError {
    pub(super) fn unknown(kind: &'static str, id: &(impl ToString + ?Sized)) -> Self {
        Self::Unknown {
            kind,
            id: id.to_string(),
        }
    }
}

// === impl World ===

impl World {
    /// Closes an alert by hand; one whose cause persists opens again under a new id.
    ///
    /// # Errors
    ///
    /// `Unknown` for no such alert, `Conflict` when it is closed already.
    pub(crate) fn resolve_alert(
        &mut self,
        now: Timestamp,
        id: &str,
        note: String,
    ) -> Result<Alert, ActionError> {
        self.advance(now);
        let alert = AlertId::new(id);
        self.alerts
            .resolve(self.now, &alert, note)
            .map_err(|error| match error {
                ResolveError::Unknown => ActionError::unknown("alert", id),
                ResolveError::AlreadyResolved => {
                    ActionError::Conflict(format!("alert `{id}` is resolved already"))
                }
            })?;
        self.record(ENFORCER, "alert.resolve", id, None);
        self.settle();
        self.alert(&alert)
    }

    /// Opens an alert that a person reports.
    ///
    /// # Errors
    ///
    /// None today; the signature is that of all actions.
    pub(crate) fn create_alert(
        &mut self,
        now: Timestamp,
        operator: &str,
        resource: &str,
        severity: Severity,
        msg: String,
    ) -> Result<Alert, ActionError> {
        self.advance(now);
        let id = self
            .alerts
            .report(self.now, resource.to_owned(), severity, msg);
        self.record(operator, "alert.create", resource, None);
        self.settle();
        self.alert(&id)
    }

    /// Notes an action in the audit log and counts it.
    pub(super) fn record(
        &mut self,
        actor: &str,
        action: &'static str,
        target: &str,
        detail: Option<String>,
    ) {
        self.actions += 1;
        self.audit.append(self.now, actor, action, target, detail);
    }

    fn alert(&self, id: &AlertId) -> Result<Alert, ActionError> {
        self.alerts
            .find(id)
            .cloned()
            .ok_or_else(|| ActionError::unknown("alert", id))
    }
}

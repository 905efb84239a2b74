//! Alerts: opened and closed by the state of the world, never by the one who broke it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::{AlertId, Minter};

/// How long a cause must be gone before its alert closes.
const CLEAR_AFTER: SignedDuration = SignedDuration::from_millis(250);
/// How many closed alerts are remembered.
const HISTORY: usize = 100;

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// Good to know.
    Info,
    /// Works, but worse than it should.
    Warning,
    /// Does not work.
    Critical,
}

/// What was observed; says nothing about why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Symptom {
    HealthCheckFailing,
    HighLatency,
    HighErrorRate,
    MemoryHigh,
    CpuSaturated,
    DatabaseUnavailable,
    /// Told by a person, not observed.
    Reported,
}

/// What makes an alert the same one as before: one open alert per cause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cause {
    pub(crate) resource: String,
    pub(crate) symptom: Symptom,
    /// The monitoring probe that sees it; `None` is the service's own monitoring.
    pub(crate) probe: Option<u32>,
}

/// A cause that holds right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) cause: Cause,
    pub(crate) severity: Severity,
    pub(crate) msg: String,
}

/// One alert, open or closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alert {
    pub(crate) id: AlertId,
    pub(crate) resource: String,
    pub(crate) severity: Severity,
    pub(crate) symptom: Symptom,
    pub(crate) msg: String,
    pub(crate) opened_at: Timestamp,
    /// `None` while the alert is open.
    pub(crate) resolved_at: Option<Timestamp>,
    pub(crate) note: Option<String>,
}

/// Why an alert cannot be resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResolveError {
    Unknown,
    AlreadyResolved,
}

/// All alerts, with what is needed to open and close them.
#[derive(Clone, Debug)]
pub(crate) struct AlertBook {
    ids: Minter,
    /// Oldest first.
    alerts: Vec<Alert>,
    open: BTreeMap<Cause, AlertId>,
    /// Causes that hold but have no alert yet: since when.
    pending: BTreeMap<Cause, Timestamp>,
    /// Open alerts whose cause is gone: since when.
    clearing: BTreeMap<Cause, Timestamp>,
    changed: BTreeSet<AlertId>,
    forgotten: BTreeSet<AlertId>,
}

/// Which alerts are new, different or gone since the last time somebody asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct AlertChanges {
    pub(crate) changed: BTreeSet<AlertId>,
    pub(crate) forgotten: BTreeSet<AlertId>,
}

// === impl AlertBook ===

impl AlertBook {
    pub(crate) fn new(ids: Minter) -> Self {
        Self {
            ids,
            alerts: Vec::new(),
            open: BTreeMap::new(),
            pending: BTreeMap::new(),
            clearing: BTreeMap::new(),
            changed: BTreeSet::new(),
            forgotten: BTreeSet::new(),
        }
    }

    /// All remembered alerts, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Alert> {
        self.alerts.iter()
    }

    pub(crate) fn find(&self, id: &AlertId) -> Option<&Alert> {
        self.alerts.iter().find(|alert| alert.id == *id)
    }

    /// Opens alerts for causes that held long enough and closes those whose cause is gone.
    /// What is `starting` has not shown yet that it is well, so its alerts wait.
    pub(crate) fn observe(
        &mut self,
        now: Timestamp,
        conditions: Vec<Condition>,
        starting: &BTreeSet<String>,
    ) {
        let mut gone: BTreeSet<Cause> = self.open.keys().cloned().collect();
        let pending_before = std::mem::take(&mut self.pending);
        for condition in conditions {
            gone.remove(&condition.cause);
            self.clearing.remove(&condition.cause);
            if self.open.contains_key(&condition.cause) {
                continue;
            }
            let since = pending_before.get(&condition.cause).copied().unwrap_or(now);
            if now.duration_since(since) >= condition.cause.symptom.open_after() {
                let cause = condition.cause.clone();
                let id = self.push(now, condition);
                self.open.insert(cause, id);
            } else {
                self.pending.insert(condition.cause, since);
            }
        }
        for cause in gone {
            if starting.contains(&cause.resource) {
                self.clearing.remove(&cause);
                continue;
            }
            let since = *self.clearing.entry(cause.clone()).or_insert(now);
            if now.duration_since(since) >= CLEAR_AFTER {
                self.close(now, &cause);
            }
        }
        self.forget_oldest();
    }

    /// Adds an alert that a person reports; it stays open until somebody resolves it.
    pub(crate) fn report(
        &mut self,
        now: Timestamp,
        resource: String,
        severity: Severity,
        msg: String,
    ) -> AlertId {
        let cause = Cause {
            resource,
            symptom: Symptom::Reported,
            probe: None,
        };
        self.push(
            now,
            Condition {
                cause,
                severity,
                msg,
            },
        )
    }

    /// Closes an open alert with a note. If its cause persists, a new alert follows.
    ///
    /// # Errors
    ///
    /// [`ResolveError`], in which case nothing has changed.
    pub(crate) fn resolve(
        &mut self,
        now: Timestamp,
        id: &AlertId,
        note: String,
    ) -> Result<(), ResolveError> {
        let alert = self
            .alerts
            .iter_mut()
            .find(|alert| alert.id == *id)
            .ok_or(ResolveError::Unknown)?;
        if alert.resolved_at.is_some() {
            return Err(ResolveError::AlreadyResolved);
        }
        alert.resolved_at = Some(now);
        alert.note = Some(note);
        self.changed.insert(id.clone());
        self.open.retain(|_, open| open != id);
        self.clearing
            .retain(|cause, _| self.open.contains_key(cause));
        Ok(())
    }

    /// Closes every open alert, whatever opened it.
    pub(crate) fn resolve_all(&mut self, now: Timestamp) {
        for alert in self
            .alerts
            .iter_mut()
            .filter(|alert| alert.resolved_at.is_none())
        {
            alert.resolved_at = Some(now);
            self.changed.insert(alert.id.clone());
        }
        self.open.clear();
        self.pending.clear();
        self.clearing.clear();
    }

    /// Hands out what changed since the last call.
    pub(crate) fn take_changes(&mut self) -> AlertChanges {
        AlertChanges {
            changed: std::mem::take(&mut self.changed),
            forgotten: std::mem::take(&mut self.forgotten),
        }
    }

    fn push(&mut self, now: Timestamp, condition: Condition) -> AlertId {
        let id = AlertId::new(self.ids.mint());
        self.changed.insert(id.clone());
        self.alerts.push(Alert {
            id: id.clone(),
            resource: condition.cause.resource,
            severity: condition.severity,
            symptom: condition.cause.symptom,
            msg: condition.msg,
            opened_at: now,
            resolved_at: None,
            note: None,
        });
        id
    }

    fn close(&mut self, now: Timestamp, cause: &Cause) {
        self.clearing.remove(cause);
        let Some(id) = self.open.remove(cause) else {
            return;
        };
        if let Some(alert) = self.alerts.iter_mut().find(|alert| alert.id == id) {
            alert.resolved_at = Some(now);
        }
        self.changed.insert(id);
    }

    fn forget_oldest(&mut self) {
        let closed = self
            .alerts
            .iter()
            .filter(|alert| alert.resolved_at.is_some())
            .count();
        let mut surplus = closed.saturating_sub(HISTORY);
        if surplus == 0 {
            return;
        }
        let (changed, forgotten) = (&mut self.changed, &mut self.forgotten);
        self.alerts.retain(|alert| {
            if surplus == 0 || alert.resolved_at.is_none() {
                return true;
            }
            surplus -= 1;
            changed.remove(&alert.id);
            forgotten.insert(alert.id.clone());
            false
        });
    }
}

// === impl Symptom ===

impl Symptom {
    /// How long the cause must hold before it is worth an alert. Longer than a planned restart
    /// takes; an error rate waits longest, so that what is at the root is told first.
    fn open_after(self) -> SignedDuration {
        SignedDuration::from_millis(match self {
            Self::Reported => 0,
            Self::MemoryHigh | Self::DatabaseUnavailable => 250,
            Self::HealthCheckFailing | Self::HighLatency | Self::CpuSaturated => 1_000,
            Self::HighErrorRate => 1_250,
        })
    }
}

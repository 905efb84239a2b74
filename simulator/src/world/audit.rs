//! The mini cloud's own record of what was done to it.

use std::collections::VecDeque;

use jiff::Timestamp;

/// How many entries are kept.
const CAPACITY: usize = 1_000;

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditEntry {
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    pub(crate) actor: String,
    pub(crate) action: &'static str,
    pub(crate) target: String,
    pub(crate) detail: Option<String>,
}

/// The latest entries, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuditLog {
    entries: VecDeque<AuditEntry>,
    written: u64,
}

// === impl AuditLog ===

impl AuditLog {
    pub(crate) fn append(
        &mut self,
        at: Timestamp,
        actor: &str,
        action: &'static str,
        target: &str,
        detail: Option<String>,
    ) {
        self.written += 1;
        self.entries.push_back(AuditEntry {
            number: self.written,
            at,
            actor: actor.to_owned(),
            action,
            target: target.to_owned(),
            detail,
        });
        while self.entries.len() > CAPACITY {
            self.entries.pop_front();
        }
    }

    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &AuditEntry> {
        self.entries.iter().rev()
    }
}

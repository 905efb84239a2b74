//! Databases and their backups.

use jiff::Timestamp;

use super::ids::{BackupId, DatabaseId, ServiceId};

/// A database; `service` is the server that it lives on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Database {
    pub(crate) id: DatabaseId,
    pub(crate) service: ServiceId,
    pub(crate) env: &'static str,
    pub(crate) tier: &'static str,
    pub(crate) records: u64,
    /// Oldest first.
    pub(crate) backups: Vec<Backup>,
    pub(crate) restores: u32,
}

/// A stored copy of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Backup {
    pub(crate) id: BackupId,
    pub(crate) taken_at: Timestamp,
    pub(crate) records: u64,
}

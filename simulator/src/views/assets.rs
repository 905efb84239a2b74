//! Databases, accounts, API keys and the audit log.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::world::World;
use crate::world::audit::AuditEntry;
use crate::world::data::{Backup, Database};
use crate::world::identity::{ApiKey, Lock, User};
use crate::world::metrics::Status;

/// One database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DatabaseView {
    id: String,
    status: DatabaseStatus,
    records: u64,
    /// Oldest first.
    backups: Vec<BackupView>,
    /// How often a backup was restored.
    restores: u32,
    /// The service that holds the database.
    service: String,
    env: &'static str,
    tier: &'static str,
}

/// One backup of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct BackupView {
    backup_id: String,
    taken_at: Timestamp,
    records: u64,
}

/// What a database can do at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DatabaseStatus {
    /// It answers.
    Available,
    /// It answers and holds no record.
    Empty,
    /// Its server is down.
    Unavailable,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct UserView {
    user_id: String,
    name: String,
    email: String,
    role: String,
    locked: bool,
    password_resets: u32,
    created_at: Timestamp,
}

/// The API key of one service, without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct KeyView {
    target_id: String,
    /// How often it was replaced.
    rotations: u32,
    rotated_at: Timestamp,
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AuditView {
    /// Counts up without holes.
    number: u64,
    at: Timestamp,
    actor: String,
    action: &'static str,
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

// === impl DatabaseView ===

impl DatabaseView {
    pub(crate) fn of(world: &World, database: &Database) -> Self {
        let reachable = world
            .service(database.service.as_str())
            .is_ok_and(|(_, metrics)| metrics.status != Status::Down);
        Self {
            id: database.id.to_string(),
            status: match (reachable, database.records) {
                (false, _) => DatabaseStatus::Unavailable,
                (true, 0) => DatabaseStatus::Empty,
                (true, _) => DatabaseStatus::Available,
            },
            records: database.records,
            backups: database.backups.iter().map(BackupView::of).collect(),
            restores: database.restores,
            service: database.service.to_string(),
            env: database.env,
            tier: database.tier,
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

impl BackupView {
    pub(crate) fn of(backup: &Backup) -> Self {
        Self {
            backup_id: backup.id.to_string(),
            taken_at: backup.taken_at,
            records: backup.records,
        }
    }
}

// === impl UserView ===

impl UserView {
    pub(crate) fn of(user: &User) -> Self {
        Self {
            user_id: user.id.to_string(),
            name: user.name.clone(),
            email: user.email.clone(),
            role: user.role.clone(),
            locked: user.lock == Lock::Locked,
            password_resets: user.password_resets,
            created_at: user.created_at,
        }
    }
}

impl KeyView {
    pub(crate) fn of(key: &ApiKey) -> Self {
        Self {
            target_id: key.target.to_string(),
            rotations: key.rotations,
            rotated_at: key.rotated_at,
        }
    }
}

impl AuditView {
    pub(crate) fn of(entry: &AuditEntry) -> Self {
        Self {
            number: entry.number,
            at: entry.at,
            actor: entry.actor.clone(),
            action: entry.action,
            target: entry.target.clone(),
            detail: entry.detail.clone(),
        }
    }
}

//! The tamper-evident log of one role's database: records, the hash chain of each writer, their tables.
//!
//! A record is canonical JSON, stored as written and never serialised again; its leaf is
//! `SHA-256(0x00 ‖ record)`. Records are appended inside the caller's transaction, so a state change and
//! its record commit together or not at all, and indexes have no gaps. This crate knows no plan and no
//! policy: bodies are the caller's. The main types are [`Ledger`], [`Kind`] and [`Verifier`].
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod append;
mod chain;
mod open;
mod page;
mod record;
pub mod statement;

use countersign_intent::id::TenantId;
use sqlx::migrate::Migrator;

pub use append::{AppendError, Appended, Draft, Link, Tip};
pub use chain::{ChainError, Entry, Summary, Verifier, verify};
pub use open::{OpenError, Opening};
pub use page::{Page, PageEntry, PageQuery};
pub use record::{Kind, MAX_RECORD, Record, RecordError, leaf};

/// The tables of the log. Its versions start at 1000, above those of the roles.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// The log of one database, as one process writes it. Clones are the same writer.
#[derive(Clone, Debug)]
pub struct Ledger {
    origin: String,
    tenant: TenantId,
    writer: String,
    epoch: u64,
}

impl Ledger {
    /// The log's name, which stands in every record and, later, in its checkpoints.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The tenant whose log it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The name under which this process writes: `<role>#<epoch>`.
    pub fn writer(&self) -> &str {
        &self.writer
    }

    /// How often the role has been started on this database.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }
}

/// As a column value. No log reaches 2^63 records.
fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// From a column value. A negative one is found by the checks on indexes.
fn number(column: i64) -> u64 {
    u64::try_from(column).unwrap_or(u64::MAX)
}

//! The authority's tables. Plain functions over a connection, domain types in and out.
//!
//! The SQL is the common part of SQLite and PostgreSQL: text and bigint columns, numbered
//! placeholders, and conditional updates whose row count says who was first.

pub(crate) mod approvals;
pub(crate) mod control;
pub(crate) mod issued;
pub(crate) mod keys;
pub(crate) mod plans;
pub(crate) mod receipts;
mod row;

use countersign_ledger::AppendError;

/// Why the store did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum StoreError {
    /// The database refused or did not answer.
    #[error("the database refused")]
    Database(#[from] sqlx::Error),
    /// The ledger did not take the record.
    #[error("the ledger did not take the record")]
    Ledger(#[from] AppendError),
    /// A row holds what this program never writes.
    #[error("the stored {what} cannot be read: {why}")]
    Corrupt {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl StoreError {
    pub(crate) fn corrupt(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Corrupt {
            what,
            why: why.to_string(),
        }
    }
}

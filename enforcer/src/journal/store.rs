//! The journal's tables. Plain functions over a connection, domain types in and out.
//!
//! The SQL is the common part of SQLite and PostgreSQL: text and bigint columns, numbered
//! placeholders, and conditional writes whose row count says who was first.

pub(crate) mod calls;
pub(crate) mod receipts;
mod row;
pub(crate) mod state;

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
    #[error("the stored {column} cannot be read: {why}")]
    Corrupt {
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl StoreError {
    fn corrupt(column: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Corrupt {
            column,
            why: why.to_string(),
        }
    }
}

impl From<StoreError> for countersign_service::problem::Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(error) => error.into(),
            error @ (StoreError::Ledger(_) | StoreError::Corrupt { .. }) => Self::internal(&error),
        }
    }
}

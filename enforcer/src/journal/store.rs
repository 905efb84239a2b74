//! The journal's tables. Plain functions over a connection, domain types in and out.
//!
//! The SQL is the common part of SQLite and PostgreSQL: text and bigint columns, numbered
//! placeholders, and conditional writes whose row count says who was first.

pub(crate) mod calls;
pub(crate) mod receipts;
mod row;
pub(crate) mod state;
pub(crate) mod words;

use countersign_ledger::AppendError;
use countersign_ledger::statement::RunError;
use jiff::Timestamp;

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
    /// Another process was faster: what was read before is no longer so.
    #[error("another process changed what was read")]
    Raced(#[source] RunError),
    /// Another process put the call in doubt between two looks at it.
    #[error("another process changed the call")]
    Moved,
    /// The connection is a new one, whose server was not looked at.
    #[error("the connection to the database is a new one")]
    Reconnected,
    /// Another process saw a time that is far ahead of this one's.
    #[error("another process of this journal saw the time {0}")]
    ClockAhead(Timestamp),
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

impl From<RunError> for StoreError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Database(error) => Self::Database(error),
            error @ RunError::Count { .. } => Self::Raced(error),
            error @ RunError::Unanswered { .. } => {
                Self::Database(sqlx::Error::Protocol(error.to_string()))
            }
        }
    }
}

impl From<StoreError> for countersign_service::problem::Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(error) => error.into(),
            error @ (StoreError::Ledger(_)
            | StoreError::Raced(_)
            | StoreError::Moved
            | StoreError::ClockAhead(_)
            | StoreError::Reconnected
            | StoreError::Corrupt { .. }) => Self::internal(&error),
        }
    }
}

//! Appending a record inside the caller's transaction.

use countersign_intent::digest::Digest;
use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::AnyConnection;

use crate::record::{Kind, Record, RecordError, leaf};
use crate::{Ledger, column, number};

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Appended {
    /// Its place in the log, from 0.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: Digest,
}

/// A record was not appended. The transaction is to be rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The token of a `consume` record was consumed before.
    #[error("the token `{0}` has a consume record already")]
    AlreadyConsumed(String),
    /// A `consume` record without the token's `jti`.
    #[error("a consume record names the token's `jti`")]
    NoJti,
    /// The body is not an object.
    #[error("a record's body is a JSON object")]
    Body,
    /// The record cannot be written.
    #[error("the record cannot be written")]
    Record(#[from] RecordError),
    /// The log's rows are not those that this process opened.
    #[error("the ledger's own rows are missing")]
    Missing,
    /// The database failed.
    #[error("the database did not take the record")]
    Database(#[from] sqlx::Error),
}

impl Ledger {
    /// Appends a record inside the transaction of `connection`; it holds once that commits.
    ///
    /// The first statement takes the lock that orders all appends to this log, so append late in the
    /// transaction. A member `jti` of `body` is indexed; for [`Kind::Consume`] it is required and stands
    /// once per tenant. A [`Kind::Boot`] record also gets what the log was before it (`size`, `head`), so
    /// that a verifier sees when the tail of an earlier process was cut off.
    ///
    /// # Errors
    /// Each [`AppendError`].
    pub async fn append(
        &self,
        connection: &mut AnyConnection,
        kind: Kind,
        at: Timestamp,
        body: Value,
    ) -> Result<Appended, AppendError> {
        let Value::Object(mut body) = body else {
            return Err(AppendError::Body);
        };
        let index = self.next_index(connection).await?;
        if kind == Kind::Boot {
            let head = leaf_before(connection, index).await?;
            body.insert("size".to_owned(), Value::from(index));
            body.insert("head".to_owned(), head.map_or(Value::Null, Value::from));
        }
        self.append_at(connection, index, kind, at, body).await
    }

    /// Takes the log's lock and the next index.
    async fn next_index(&self, connection: &mut AnyConnection) -> Result<u64, AppendError> {
        let size: i64 = sqlx::query_scalar(
            "UPDATE ledger_state SET size = size + 1 WHERE id = 1 RETURNING size",
        )
        .fetch_optional(connection)
        .await?
        .ok_or(AppendError::Missing)?;
        Ok(number(size.saturating_sub(1)))
    }

    async fn append_at(
        &self,
        connection: &mut AnyConnection,
        index: u64,
        kind: Kind,
        at: Timestamp,
        body: Map<String, Value>,
    ) -> Result<Appended, AppendError> {
        let (next, head): (i64, Option<String>) = sqlx::query_as(
            "UPDATE ledger_writer SET wseq = wseq + 1 WHERE writer = $1 RETURNING wseq, head",
        )
        .bind(&self.writer)
        .fetch_optional(&mut *connection)
        .await?
        .ok_or(AppendError::Missing)?;
        let record = Record {
            v: 1,
            kind,
            log: self.origin.clone(),
            tenant: self.tenant.clone(),
            at,
            writer: self.writer.clone(),
            wseq: number(next.saturating_sub(1)),
            wprev: head
                .map(|head| head.parse())
                .transpose()
                .map_err(|_cause| AppendError::Missing)?,
            body,
        };
        if kind == Kind::Consume && record.jti().is_none() {
            return Err(AppendError::NoJti);
        }
        let text = record.to_text()?;
        let leaf = leaf(&text);
        self.insert(connection, index, &record, &text, leaf).await?;
        sqlx::query("UPDATE ledger_writer SET head = $1 WHERE writer = $2")
            .bind(leaf.to_string())
            .bind(&self.writer)
            .execute(connection)
            .await?;
        Ok(Appended { index, leaf })
    }

    async fn insert(
        &self,
        connection: &mut AnyConnection,
        index: u64,
        record: &Record,
        text: &str,
        leaf: Digest,
    ) -> Result<(), AppendError> {
        let inserted = sqlx::query(
            "INSERT INTO ledger_entry (idx, tenant, writer, wseq, kind, jti, record, leaf) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(column(index))
        .bind(self.tenant.as_str())
        .bind(&self.writer)
        .bind(column(record.wseq))
        .bind(record.kind.as_str())
        .bind(record.jti())
        .bind(text)
        .bind(leaf.to_string())
        .execute(connection)
        .await;
        match inserted {
            Ok(_) => Ok(()),
            Err(error) => Err(match record.jti() {
                Some(jti) if record.kind == Kind::Consume && is_unique(&error) => {
                    AppendError::AlreadyConsumed(jti.to_owned())
                }
                Some(_) | None => AppendError::Database(error),
            }),
        }
    }
}

async fn leaf_before(
    connection: &mut AnyConnection,
    index: u64,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT leaf FROM ledger_entry WHERE idx = $1")
        .bind(column(index).saturating_sub(1))
        .fetch_optional(connection)
        .await
}

fn is_unique(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

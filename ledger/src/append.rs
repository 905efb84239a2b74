//! Appending records inside the caller's transaction.

use countersign_intent::digest::Digest;
use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::AnyConnection;

use crate::record::{Kind, Record, RecordError, leaf};
use crate::statement::{Argument, RunError, Statement, run};
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
    /// The log's rows did not change as they must.
    #[error("the ledger's own rows changed in between")]
    Changed(#[source] RunError),
    /// The database failed.
    #[error("the database did not take the record")]
    Database(#[from] sqlx::Error),
}

impl From<RunError> for AppendError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Database(error) => Self::Database(error),
            error @ RunError::Count { .. } => Self::Changed(error),
            error @ RunError::Unanswered { .. } => {
                Self::Database(sqlx::Error::Protocol(error.to_string()))
            }
        }
    }
}

/// A record to be appended.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What it is about.
    pub kind: Kind,
    /// When, by the writer's clock.
    pub at: Timestamp,
    /// What happened: an object. A member `jti` is indexed; [`Kind::Consume`] needs it, and it stands
    /// in one such record per tenant.
    pub body: Value,
}

/// Where this writer's chain ends: what its next record continues. It holds for one transaction, or as
/// long as nobody else appends under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    next: u64,
    head: Option<Digest>,
}

/// A record in its place in its writer's chain, not stored yet.
#[derive(Clone, Debug)]
#[must_use]
pub struct Link {
    kind: Kind,
    wseq: u64,
    jti: Option<String>,
    text: String,
    leaf: Digest,
}

impl Link {
    /// Its leaf hash.
    pub fn leaf(&self) -> Digest {
        self.leaf
    }
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
        let index = self.lock(connection).await?;
        if kind == Kind::Boot {
            let head = leaf_before(connection, index).await?;
            body.insert("size".to_owned(), Value::from(index));
            body.insert("head".to_owned(), head.map_or(Value::Null, Value::from));
        }
        let from = self.tip(connection).await?;
        let link = self.link_to(&mut from.clone(), kind, at, body)?;
        let statements = self.statements(from, std::slice::from_ref(&link));
        match run(connection, statements).await {
            Ok(_) => Ok(Appended {
                index,
                leaf: link.leaf,
            }),
            Err(RunError::Database(error)) if kind == Kind::Consume && is_unique(&error) => {
                Err(AppendError::AlreadyConsumed(link.jti.unwrap_or_default()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Appends `drafts` in order, as [`Ledger::append`] does one, with a number of statements that does
    /// not depend on theirs.
    ///
    /// # Errors
    /// Each [`AppendError`].
    pub async fn append_all(
        &self,
        connection: &mut AnyConnection,
        drafts: Vec<Draft>,
    ) -> Result<Vec<Appended>, AppendError> {
        let first = self.lock(connection).await?;
        let from = self.tip(connection).await?;
        let mut tip = from;
        let links: Vec<Link> = drafts
            .into_iter()
            .map(|draft| self.link(&mut tip, draft))
            .collect::<Result<_, _>>()?;
        run(connection, self.statements(from, &links)).await?;
        let appended = (first..).zip(&links).map(|(index, link)| Appended {
            index,
            leaf: link.leaf,
        });
        Ok(appended.collect())
    }

    /// Where this writer's chain ends.
    ///
    /// # Errors
    /// [`AppendError::Missing`] or [`AppendError::Database`].
    pub async fn tip(&self, connection: &mut AnyConnection) -> Result<Tip, AppendError> {
        let (next, head): (i64, Option<String>) =
            sqlx::query_as("SELECT wseq, head FROM ledger_writer WHERE writer = $1")
                .bind(&self.writer)
                .fetch_optional(connection)
                .await?
                .ok_or(AppendError::Missing)?;
        let head = head.map(|head| head.parse()).transpose();
        Ok(Tip {
            next: number(next),
            head: head.map_err(|_cause| AppendError::Missing)?,
        })
    }

    /// Puts `draft` behind `tip`, which then stands behind it.
    ///
    /// # Errors
    /// [`AppendError::Body`], [`AppendError::NoJti`] or [`AppendError::Record`]: `tip` is unchanged.
    pub fn link(&self, tip: &mut Tip, draft: Draft) -> Result<Link, AppendError> {
        let Value::Object(body) = draft.body else {
            return Err(AppendError::Body);
        };
        self.link_to(tip, draft.kind, draft.at, body)
    }

    fn link_to(
        &self,
        tip: &mut Tip,
        kind: Kind,
        at: Timestamp,
        body: Map<String, Value>,
    ) -> Result<Link, AppendError> {
        let record = Record {
            v: 1,
            kind,
            log: self.origin.clone(),
            tenant: self.tenant.clone(),
            at,
            writer: self.writer.clone(),
            wseq: tip.next,
            wprev: tip.head,
            body,
        };
        if kind == Kind::Consume && record.jti().is_none() {
            return Err(AppendError::NoJti);
        }
        let (wseq, jti) = (record.wseq, record.jti().map(str::to_owned));
        let text = record.into_text()?;
        let leaf = leaf(&text);
        *tip = Tip {
            next: tip.next.saturating_add(1),
            head: Some(leaf),
        };
        Ok(Link {
            kind,
            wseq,
            jti,
            text,
            leaf,
        })
    }

    /// What stores `links`, which were put behind `from`. The first statement takes the lock that orders
    /// all appends to this log; run them late in the transaction.
    pub fn statements(&self, from: Tip, links: &[Link]) -> Vec<Statement> {
        let Some(last) = links.last() else {
            return Vec::new();
        };
        let count = i64::try_from(links.len()).unwrap_or(i64::MAX);
        let grow = Statement::new("UPDATE ledger_state SET size = size + ? WHERE id = 1")
            .bind(count)
            .changing(1);
        let advance = Statement::new(
            "UPDATE ledger_writer SET wseq = ?, head = ? WHERE writer = ? AND wseq = ?",
        )
        .bind(column(last.wseq.saturating_add(1)))
        .bind(last.leaf.to_string())
        .bind(self.writer.as_str())
        .bind(column(from.next))
        .changing(1);
        let rows = (1..=count).rev().zip(links).map(|(back, link)| {
            [
                Argument::from(back),
                Argument::from(column(link.wseq)),
                Argument::from(link.kind.as_str()),
                Argument::from(link.jti.clone()),
                Argument::from(link.text.as_str()),
                Argument::from(link.leaf.to_string()),
            ]
        });
        let insert = Statement::new(
            "INSERT INTO ledger_entry (idx, tenant, writer, wseq, kind, jti, record, leaf) \
             SELECT s.size - v.column1, ?, ?, v.column2, v.column3, v.column4, v.column5, v.column6 \
             FROM ledger_state s, (",
        )
        .bind(self.tenant.as_str())
        .bind(self.writer.as_str())
        .values(rows)
        .then(") AS v WHERE s.id = 1 AND v.column1 IS NOT NULL")
        .changing(links.len());
        vec![grow, advance, insert]
    }

    /// Takes the log's lock; gives the next index.
    async fn lock(&self, connection: &mut AnyConnection) -> Result<u64, AppendError> {
        let size: i64 =
            sqlx::query_scalar("UPDATE ledger_state SET size = size WHERE id = 1 RETURNING size")
                .fetch_optional(connection)
                .await?
                .ok_or(AppendError::Missing)?;
        Ok(number(size))
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

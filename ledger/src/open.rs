//! Opening a log: a new writer epoch, and a look at whether the stored chain is intact.

use std::collections::BTreeMap;

use countersign_intent::digest::Digest;
use countersign_intent::id::TenantId;
use sqlx::AnyConnection;

use crate::chain::{ChainError, Entry, Head, Summary, Verifier};
use crate::record::Record;
use crate::{Ledger, column, number};

/// How many of the last entries are checked at each start, and per step of a full check.
const TAIL: u64 = 1000;

/// What a process says when it opens a log.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// The log's name: stays the same for the life of the database.
    pub origin: &'a str,
    /// The tenant whose log it is: stays the same too.
    pub tenant: &'a TenantId,
    /// The role, or the instance where several write into one log: `authority`, `enforcer-a`.
    pub role: &'a str,
}

/// A log was not opened, or does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database holds the log of somebody else.
    #[error("the database holds the log `{found}`, not `{expected}`")]
    OtherLog {
        /// What the process asked for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// An entry does not fit.
    #[error("the log was tampered with")]
    Tampered(#[from] ChainError),
    /// Entry and columns, or entries and heads, do not agree.
    #[error("the log was tampered with: {0}")]
    Disagree(String),
    /// The database failed.
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
}

/// One row of `ledger_entry`.
type Row = (
    i64,
    String,
    String,
    i64,
    String,
    Option<String>,
    String,
    String,
);

impl Ledger {
    /// Opens the log inside the transaction of `connection`: makes it where missing, checks its last
    /// 1,000 entries, and starts a new writer epoch. Append a [`crate::Kind::Boot`] record next.
    ///
    /// # Errors
    /// Each [`OpenError`].
    pub async fn open(
        connection: &mut AnyConnection,
        opening: Opening<'_>,
    ) -> Result<Self, OpenError> {
        sqlx::query(
            "INSERT INTO ledger_state (id, origin, tenant, size) VALUES (1, $1, $2, 0) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(opening.origin)
        .bind(opening.tenant.as_str())
        .execute(&mut *connection)
        .await?;
        // Takes the lock that orders appends, so that two processes do not choose the same epoch.
        let (origin, tenant): (String, String) = sqlx::query_as(
            "UPDATE ledger_state SET size = size WHERE id = 1 RETURNING origin, tenant",
        )
        .fetch_one(&mut *connection)
        .await?;
        if origin != opening.origin || tenant != opening.tenant.as_str() {
            let expected = format!("{} of {}", opening.origin, opening.tenant);
            return Err(OpenError::OtherLog {
                expected,
                found: format!("{origin} of {tenant}"),
            });
        }
        let epoch: Option<i64> =
            sqlx::query_scalar("SELECT MAX(epoch) FROM ledger_writer WHERE role = $1")
                .bind(opening.role)
                .fetch_one(&mut *connection)
                .await?;
        let epoch = number(epoch.unwrap_or(0)).saturating_add(1);
        let ledger = Self {
            origin,
            tenant: opening.tenant.clone(),
            writer: format!("{}#{epoch}", opening.role),
            epoch,
        };
        ledger.verify_tail(connection).await?;
        sqlx::query("INSERT INTO ledger_writer (writer, role, epoch, wseq) VALUES ($1, $2, $3, 0)")
            .bind(&ledger.writer)
            .bind(opening.role)
            .bind(column(epoch))
            .execute(connection)
            .await?;
        Ok(ledger)
    }

    /// Checks the last 1,000 stored entries.
    ///
    /// # Errors
    /// Each [`OpenError`] but [`OpenError::OtherLog`].
    pub async fn verify_tail(&self, connection: &mut AnyConnection) -> Result<Summary, OpenError> {
        let size = self.size(connection).await?;
        let from = size.saturating_sub(TAIL);
        let known = self.known_before(connection, from).await?;
        self.verify_from(connection, known, size).await
    }

    /// Checks every stored entry, from the first.
    ///
    /// # Errors
    /// Each [`OpenError`] but [`OpenError::OtherLog`].
    pub async fn verify_stored(
        &self,
        connection: &mut AnyConnection,
    ) -> Result<Summary, OpenError> {
        let size = self.size(connection).await?;
        let known = self.known_before(connection, 0).await?;
        self.verify_from(connection, known, size).await
    }

    /// How many entries the log has.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn size(&self, connection: &mut AnyConnection) -> Result<u64, sqlx::Error> {
        let size: i64 = sqlx::query_scalar("SELECT size FROM ledger_state WHERE id = 1")
            .fetch_one(connection)
            .await?;
        Ok(number(size))
    }

    async fn verify_from(
        &self,
        connection: &mut AnyConnection,
        known: Summary,
        size: u64,
    ) -> Result<Summary, OpenError> {
        let mut from = known.size;
        let mut verifier = Verifier::resume(known);
        loop {
            let rows = rows(connection, from).await?;
            let read = u64::try_from(rows.len()).unwrap_or(TAIL);
            for row in rows {
                let entry = entry(&row)?;
                let record = verifier.accept(&entry)?;
                self.compare(&row, &record)?;
            }
            from = from.saturating_add(read);
            if read < TAIL {
                break;
            }
        }
        let summary = verifier.finish();
        if summary.size < size {
            return Err(disagree(format!(
                "entries from {} on are missing, {size} were appended",
                summary.size
            )));
        }
        if summary.size > size {
            return Err(disagree(format!(
                "entries from {size} on were not appended by anybody"
            )));
        }
        compare_heads(connection, &summary).await?;
        Ok(summary)
    }

    /// The columns that queries and unique indexes use must be those of the record.
    fn compare(&self, row: &Row, record: &Record) -> Result<(), OpenError> {
        let (index, tenant, writer, wseq, kind, jti, ..) = row;
        let same = *tenant == record.tenant.as_str()
            && record.tenant == self.tenant
            && *writer == record.writer
            && number(*wseq) == record.wseq
            && *kind == record.kind.as_str()
            && jti.as_deref() == record.jti();
        if same {
            Ok(())
        } else {
            Err(disagree(format!(
                "the columns of entry {index} are not its record's"
            )))
        }
    }

    /// What the entries before `from` come to, as far as the check of those after it needs it.
    async fn known_before(
        &self,
        connection: &mut AnyConnection,
        from: u64,
    ) -> Result<Summary, OpenError> {
        let mut known = Summary {
            origin: Some(self.origin.clone()),
            size: from,
            last: None,
            writers: BTreeMap::new(),
        };
        if from == 0 {
            return Ok(known);
        }
        let last: Option<String> =
            sqlx::query_scalar("SELECT leaf FROM ledger_entry WHERE idx = $1")
                .bind(column(from).saturating_sub(1))
                .fetch_optional(&mut *connection)
                .await?;
        known.last = last.and_then(|leaf| leaf.parse().ok());
        let heads: Vec<(String, i64, String)> = sqlx::query_as(
            "SELECT e.writer, e.wseq, e.leaf FROM ledger_entry e JOIN \
             (SELECT writer, MIN(wseq) AS begins FROM ledger_entry WHERE idx >= $1 GROUP BY writer) t \
             ON e.writer = t.writer AND e.wseq = t.begins - 1 WHERE e.idx < $1",
        )
        .bind(column(from))
        .fetch_all(connection)
        .await?;
        for (writer, wseq, leaf) in heads {
            let head = Head {
                next: number(wseq).saturating_add(1),
                leaf: leaf.parse().ok(),
            };
            known.writers.insert(writer, head);
        }
        Ok(known)
    }
}

async fn rows(connection: &mut AnyConnection, from: u64) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as(
        "SELECT idx, tenant, writer, wseq, kind, jti, record, leaf FROM ledger_entry \
         WHERE idx >= $1 ORDER BY idx LIMIT $2",
    )
    .bind(column(from))
    .bind(column(TAIL))
    .fetch_all(connection)
    .await
}

fn entry(row: &Row) -> Result<Entry, ChainError> {
    let (index, .., record, leaf) = row;
    let index = number(*index);
    let leaf: Digest = leaf.parse().map_err(|_cause| ChainError::Leaf { index })?;
    Ok(Entry {
        index,
        leaf,
        record: record.clone(),
    })
}

/// The writers' rows must stand where their chains end: a cut tail shows here, however long ago.
async fn compare_heads(connection: &mut AnyConnection, summary: &Summary) -> Result<(), OpenError> {
    let writers: Vec<(String, i64, Option<String>, Option<String>)> = sqlx::query_as(
        "SELECT w.writer, w.wseq, w.head, e.leaf FROM ledger_writer w LEFT JOIN ledger_entry e \
         ON e.writer = w.writer AND e.wseq = w.wseq - 1 ORDER BY w.writer",
    )
    .fetch_all(connection)
    .await?;
    for (writer, wseq, head, leaf) in writers {
        if head != leaf {
            return Err(disagree(format!(
                "the last of the {wseq} records of `{writer}` is not in the log"
            )));
        }
        let found = summary.writers.get(&writer).map(|head| head.next);
        if found.is_some_and(|found| found != number(wseq)) {
            return Err(disagree(format!(
                "`{writer}` did not write all records that bear its name"
            )));
        }
    }
    Ok(())
}

fn disagree(what: String) -> OpenError {
    OpenError::Disagree(what)
}

//! Reading the log, page by page.

use serde::{Deserialize, Serialize};
use sqlx::{Any, Executor};

use crate::chain::Entry;
use crate::record::Kind;
use crate::{Ledger, column, number};

/// Entries in one page unless asked otherwise.
const DEFAULT_LIMIT: u32 = 100;
/// Entries in one page at most.
const MAX_LIMIT: u32 = 1000;

/// Which entries to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Only entries after this index; from the first without it.
    #[serde(default)]
    pub after: Option<u64>,
    /// How many at most: 100 unless given, never more than 1,000.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Only records of this kind.
    #[serde(default)]
    #[param(inline)]
    pub kind: Option<Kind>,
}

/// Entries of the log, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Page {
    /// The log's name.
    pub origin: String,
    /// The entries.
    pub entries: Vec<PageEntry>,
    /// What to give as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PageEntry {
    /// Its place in the log, from 0.
    pub index: u64,
    /// SHA-256 of a zero byte and the record, in hexadecimal.
    pub leaf: String,
    /// The record: canonical JSON, exactly as it was hashed.
    pub record: String,
}

impl Ledger {
    /// Reads one page.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn page<'e>(
        &self,
        executor: impl Executor<'e, Database = Any>,
        query: PageQuery,
    ) -> Result<Page, sqlx::Error> {
        let limit = query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
        // Only the kinds that are rare have an index; the others are met soon on the way along the log.
        let sql = match query.kind {
            None => {
                "SELECT idx, leaf, record FROM ledger_entry WHERE idx > $1 AND $2 = '' \
                 ORDER BY idx LIMIT $3"
            }
            Some(Kind::Consume | Kind::Outcome) => {
                "SELECT idx, leaf, record FROM ledger_entry WHERE idx > $1 AND kind = $2 \
                 ORDER BY idx LIMIT $3"
            }
            Some(_) => {
                "SELECT idx, leaf, record FROM ledger_entry WHERE idx > $1 AND kind = $2 \
                 AND kind NOT IN ('consume', 'outcome') ORDER BY idx LIMIT $3"
            }
        };
        let rows: Vec<(i64, String, String)> = sqlx::query_as(sql)
            .bind(query.after.map_or(-1, column))
            .bind(query.kind.map_or("", Kind::as_str))
            .bind(i64::from(limit))
            .fetch_all(executor)
            .await?;
        let entries: Vec<PageEntry> = rows
            .into_iter()
            .map(|(index, leaf, record)| PageEntry {
                index: number(index),
                leaf,
                record,
            })
            .collect();
        let full = u32::try_from(entries.len()).is_ok_and(|length| length == limit);
        let next = entries.last().filter(|_| full).map(|entry| entry.index);
        Ok(Page {
            origin: self.origin.clone(),
            entries,
            next,
        })
    }

    /// Reads the last `limit` entries, in order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tail<'e>(
        &self,
        executor: impl Executor<'e, Database = Any>,
        limit: u32,
    ) -> Result<Page, sqlx::Error> {
        let rows: Vec<(i64, String, String)> =
            sqlx::query_as("SELECT idx, leaf, record FROM ledger_entry ORDER BY idx DESC LIMIT $1")
                .bind(i64::from(limit.clamp(1, MAX_LIMIT)))
                .fetch_all(executor)
                .await?;
        let entries = rows
            .into_iter()
            .rev()
            .map(|(index, leaf, record)| PageEntry {
                index: number(index),
                leaf,
                record,
            })
            .collect();
        Ok(Page {
            origin: self.origin.clone(),
            entries,
            next: None,
        })
    }
}

impl PageEntry {
    /// The entry as [`crate::verify`] takes it; `None` when the leaf is not a digest.
    pub fn to_entry(&self) -> Option<Entry> {
        let leaf = self.leaf.parse().ok()?;
        Some(Entry {
            index: self.index,
            leaf,
            record: self.record.clone(),
        })
    }
}

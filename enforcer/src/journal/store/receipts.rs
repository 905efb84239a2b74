//! `receipt` and `outbox`.

use countersign_intent::id::{AttemptId, IntentId};
use countersign_ledger::statement::{Argument, Statement};
use jiff::Timestamp;
use sqlx::{Any, Executor};

use super::StoreError;
use crate::stamp;

/// A receipt to be kept and sent.
#[derive(Clone, Debug)]
pub(crate) struct NewReceipt {
    pub(crate) attempt: AttemptId,
    pub(crate) jti: IntentId,
    pub(crate) outcome: &'static str,
    pub(crate) jws: String,
    pub(crate) signed_at: Timestamp,
}

/// A receipt that waits in the outbox.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) id: String,
    pub(crate) jws: String,
    pub(crate) queued_at: Timestamp,
}

/// Keeps receipts and queues them for the authority.
pub(crate) fn insert(receipts: &[NewReceipt]) -> [Statement; 2] {
    let [kept, queued] = kept_and_queued(receipts);
    [
        kept.changing(receipts.len()),
        queued.changing(receipts.len()),
    ]
}

/// As [`insert`], but for those that are kept already.
pub(crate) fn insert_new(receipts: &[NewReceipt]) -> [Statement; 2] {
    kept_and_queued(receipts).map(|statement| statement.then(" ON CONFLICT DO NOTHING"))
}

fn kept_and_queued(receipts: &[NewReceipt]) -> [Statement; 2] {
    let id = |receipt: &NewReceipt| format!("{}:{}", receipt.attempt, receipt.outcome);
    let kept = receipts.iter().map(|receipt| {
        [
            Argument::from(receipt.attempt.as_str()),
            Argument::from(receipt.jti.as_str()),
            Argument::from(receipt.outcome),
            Argument::from(receipt.jws.as_str()),
            Argument::from(stamp::to_millis(receipt.signed_at)),
        ]
    });
    let queued = receipts.iter().map(|receipt| {
        [
            Argument::from(id(receipt)),
            Argument::from(stamp::to_millis(receipt.signed_at)),
        ]
    });
    [
        Statement::new(
            "INSERT INTO receipt (receipt_id, attempt, jti, outcome, jws, signed_at) \
             SELECT v.column1 || ':' || v.column3, v.* FROM (",
        )
        .values(kept)
        .then(") AS v WHERE v.column1 IS NOT NULL"),
        Statement::new("INSERT INTO outbox (receipt_id, queued_at) SELECT * FROM (")
            .values(queued)
            .then(") AS v WHERE v.column1 IS NOT NULL"),
    ]
}

/// The receipts that wait longest: their ids begin with attempts, which are numbered by time.
pub(crate) async fn waiting(
    connection: impl Executor<'_, Database = Any>,
    limit: usize,
) -> Result<Vec<Waiting>, StoreError> {
    // With a bare argument as the limit SQLite prepares the statement anew each time.
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT o.receipt_id, r.jws, o.queued_at FROM outbox o JOIN receipt r ON r.receipt_id = o.receipt_id \
         ORDER BY o.receipt_id LIMIT $1 + 0",
    )
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    let waiting = |(id, jws, queued_at)| {
        let queued_at = stamp::from_millis(queued_at);
        Waiting { id, jws, queued_at }
    };
    Ok(rows.into_iter().map(waiting).collect())
}

/// Takes acknowledged receipts out of the outbox.
pub(crate) fn posted(ids: &[String]) -> Statement {
    let ids = ids.iter().map(|id| Argument::from(id.as_str()));
    Statement::new("DELETE FROM outbox WHERE receipt_id IN ").list(ids)
}

/// Forgets receipts of attempts before `ended` that are not known any more and wait for nobody.
pub(crate) fn forget(ended: Timestamp) -> Statement {
    let bound = AttemptId::mint(ended, [0; 10]);
    Statement::new(
        "DELETE FROM receipt WHERE receipt_id IN (SELECT r.receipt_id FROM receipt r \
         WHERE r.receipt_id < ? \
         AND NOT EXISTS (SELECT 1 FROM consumed c WHERE c.attempt = r.attempt) \
         AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.receipt_id = r.receipt_id) \
         ORDER BY r.receipt_id LIMIT 1000)",
    )
    .bind(bound.as_str())
}

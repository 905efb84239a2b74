//! `receipt` and `outbox`.

use countersign_intent::id::{AttemptId, IntentId};
use jiff::Timestamp;
use sqlx::{Any, AnyConnection, Executor};

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

/// Keeps a receipt and queues it for the authority.
pub(crate) async fn insert(tx: &mut AnyConnection, receipt: &NewReceipt) -> Result<(), StoreError> {
    let id = format!("{}:{}", receipt.attempt, receipt.outcome);
    let signed_at = stamp::to_millis(receipt.signed_at);
    sqlx::query(
        "INSERT INTO receipt (receipt_id, attempt, jti, outcome, jws, signed_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id.as_str())
    .bind(receipt.attempt.as_str())
    .bind(receipt.jti.as_str())
    .bind(receipt.outcome)
    .bind(receipt.jws.as_str())
    .bind(signed_at)
    .execute(&mut *tx)
    .await?;
    sqlx::query("INSERT INTO outbox (receipt_id, queued_at) VALUES ($1, $2)")
        .bind(id.as_str())
        .bind(signed_at)
        .execute(tx)
        .await?;
    Ok(())
}

/// The receipts that wait longest.
pub(crate) async fn waiting(
    connection: impl Executor<'_, Database = Any>,
    limit: i64,
) -> Result<Vec<Waiting>, StoreError> {
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT o.receipt_id, r.jws, o.queued_at FROM outbox o JOIN receipt r ON r.receipt_id = o.receipt_id \
         ORDER BY o.queued_at, o.receipt_id LIMIT $1",
    )
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let waiting = |(id, jws, queued_at)| {
        let queued_at = stamp::from_millis(queued_at);
        Waiting { id, jws, queued_at }
    };
    Ok(rows.into_iter().map(waiting).collect())
}

/// Takes an acknowledged receipt out of the outbox.
pub(crate) async fn posted(tx: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM outbox WHERE receipt_id = $1")
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

//! Receipts of the enforcers, kept as they came.

use countersign_intent::digest::Digest;
use countersign_intent::receipt::VerifiedReceipt;
use jiff::Timestamp;
use sqlx::AnyConnection;

use super::StoreError;
use crate::receive::outcome_name;
use crate::stamp;

/// Keeps a receipt; `false` when it was kept before.
pub(crate) async fn insert(
    tx: &mut AnyConnection,
    verified: &VerifiedReceipt,
    jws: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let receipt = verified.receipt();
    let done = sqlx::query(
        "INSERT INTO receipt (receipt_sha256, jti, attempt, plan_id, step, kid, outcome, status, \
         ended_at, jws, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT DO NOTHING",
    )
    .bind(Digest::of(jws.as_bytes()).to_string())
    .bind(receipt.jti.as_str())
    .bind(receipt.attempt.as_str())
    .bind(receipt.plan.as_str())
    .bind(receipt.step.as_str())
    .bind(verified.kid().as_str())
    .bind(outcome_name(receipt.outcome))
    .bind(receipt.status.map(i64::from))
    .bind(stamp::to_millis(receipt.ended_at))
    .bind(jws)
    .bind(stamp::to_millis(now))
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

//! Which signing keys this authority has shown to the world.

use countersign_intent::key::Jwk;
use jiff::Timestamp;
use sqlx::AnyConnection;

use super::{StoreError, row};
use crate::stamp;

/// Records a public key and whether it signs now; `true` when it was not known before.
pub(crate) async fn record(
    tx: &mut AnyConnection,
    jwk: &Jwk,
    state: &'static str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO signing_key (kid, jwk, state, first_seen) VALUES ($1, $2, $3, $4) \
         ON CONFLICT DO NOTHING",
    )
    .bind(jwk.kid.as_str())
    .bind(row::to_json(jwk)?)
    .bind(state)
    .bind(stamp::to_millis(now))
    .execute(&mut *tx)
    .await?;
    sqlx::query("UPDATE signing_key SET state = $1 WHERE kid = $2")
        .bind(state)
        .bind(jwk.kid.as_str())
        .execute(tx)
        .await?;
    Ok(inserted.rows_affected() == 1)
}

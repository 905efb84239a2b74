//! `writer`, `floor` and `clock`.

use countersign_ledger::statement::Statement;
use jiff::Timestamp;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::{StoreError, row};
use crate::stamp;

/// Says that the writer `id` lives until `lease_until` at least.
pub(crate) async fn renew(
    tx: &mut AnyConnection,
    id: &str,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO writer (id, started_at, lease_until) VALUES ($1, $2, $3) \
         ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until",
    )
    .bind(id)
    .bind(stamp::to_millis(now))
    .bind(stamp::to_millis(lease_until))
    .execute(tx)
    .await?;
    Ok(())
}

/// Says that the writer `id` that began at `started_at` is dead.
pub(crate) async fn bury(
    tx: &mut AnyConnection,
    id: &str,
    started_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE writer SET lease_until = 0 WHERE id = $1 AND started_at = $2")
        .bind(id)
        .bind(stamp::to_millis(started_at))
        .execute(tx)
        .await?;
    Ok(())
}

/// The second before which no token counts; `None` for a new journal.
pub(crate) async fn floor(tx: &mut AnyConnection) -> Result<Option<i64>, StoreError> {
    let rows: Vec<(i64,)> = sqlx::query_as("SELECT iat FROM floor ORDER BY iat DESC LIMIT 1")
        .fetch_all(tx)
        .await?;
    Ok(rows.first().map(|(iat,)| *iat))
}

/// Raises the floor, in place of an earlier one for the same reason.
pub(crate) async fn raise_floor(
    tx: &mut AnyConnection,
    iat: i64,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM floor WHERE reason = $1 AND iat <= $2")
        .bind(reason)
        .bind(iat)
        .execute(&mut *tx)
        .await?;
    sqlx::query("INSERT INTO floor (iat, reason, set_at) VALUES ($1, $2, $3)")
        .bind(iat)
        .bind(reason)
        .bind(stamp::to_millis(now))
        .execute(tx)
        .await?;
    Ok(())
}

/// The highest time that the journal saw.
pub(crate) async fn high_water(tx: &mut AnyConnection) -> Result<Option<Timestamp>, StoreError> {
    let rows: Vec<(i64,)> = sqlx::query_as("SELECT high_water FROM clock WHERE id = 1")
        .fetch_all(tx)
        .await?;
    Ok(rows.first().map(|(millis,)| stamp::from_millis(*millis)))
}

/// Raises the high-water time to `now`, and reads what it is then.
pub(crate) fn raise_high_water(now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO clock (id, high_water) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET \
         high_water = CASE WHEN clock.high_water < excluded.high_water \
         THEN excluded.high_water ELSE clock.high_water END RETURNING high_water",
    )
    .bind(stamp::to_millis(now))
}

/// The high-water time in the answer to [`raise_high_water`].
pub(crate) fn raised(rows: &[AnyRow]) -> Result<Option<Timestamp>, StoreError> {
    rows.first()
        .map(|row| row::time(row, "high_water"))
        .transpose()
}

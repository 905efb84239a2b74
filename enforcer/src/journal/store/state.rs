//! `writer`, `floor` and `clock`.

use jiff::Timestamp;
use sqlx::AnyConnection;

use super::StoreError;
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

/// The second before which no token counts; `None` for a new journal.
pub(crate) async fn floor(tx: &mut AnyConnection) -> Result<Option<i64>, StoreError> {
    let rows: Vec<(i64,)> = sqlx::query_as("SELECT iat FROM floor ORDER BY iat DESC LIMIT 1")
        .fetch_all(tx)
        .await?;
    Ok(rows.first().map(|(iat,)| *iat))
}

/// Raises the floor.
pub(crate) async fn raise_floor(
    tx: &mut AnyConnection,
    iat: i64,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
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

/// Raises the high-water time to `now`.
pub(crate) async fn raise_high_water(
    tx: &mut AnyConnection,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO clock (id, high_water) VALUES (1, $1) \
         ON CONFLICT (id) DO UPDATE SET high_water = excluded.high_water \
         WHERE clock.high_water < excluded.high_water",
    )
    .bind(stamp::to_millis(now))
    .execute(tx)
    .await?;
    Ok(())
}

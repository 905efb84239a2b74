//! `writer`, `floor` and `clock`.

use jiff::Timestamp;
use sqlx::AnyConnection;

use super::StoreError;
use crate::stamp;

/// Registers a new writer process under `id`; gives its epoch.
pub(crate) async fn register(
    tx: &mut AnyConnection,
    id: &str,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<i64, StoreError> {
    let epoch: i64 = sqlx::query_scalar(
        "INSERT INTO writer (id, epoch, started_at, lease_until) \
         SELECT $1, COALESCE(MAX(epoch), 0) + 1, $2, $3 FROM writer WHERE id = $1 RETURNING epoch",
    )
    .bind(id)
    .bind(stamp::to_millis(now))
    .bind(stamp::to_millis(lease_until))
    .fetch_one(tx)
    .await?;
    Ok(epoch)
}

/// Says that the writer lives until `lease_until` at least.
pub(crate) async fn renew(
    tx: &mut AnyConnection,
    id: &str,
    epoch: i64,
    lease_until: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE writer SET lease_until = $1 WHERE id = $2 AND epoch = $3")
        .bind(stamp::to_millis(lease_until))
        .bind(id)
        .bind(epoch)
        .execute(tx)
        .await?;
    Ok(())
}

/// The second before which no token counts; `None` for a new journal.
pub(crate) async fn floor(tx: &mut AnyConnection) -> Result<Option<i64>, StoreError> {
    let rows: Vec<(i64,)> =
        sqlx::query_as("SELECT iat FROM floor ORDER BY iat DESC LIMIT 1").fetch_all(tx).await?;
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
    let rows: Vec<(i64,)> =
        sqlx::query_as("SELECT high_water FROM clock WHERE id = 1").fetch_all(tx).await?;
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

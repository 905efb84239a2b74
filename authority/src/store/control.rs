//! The kill switch, the policy epoch, and the rising generation that covers both.

use countersign_intent::digest::Digest;
use sqlx::AnyConnection;

use super::plans::epoch_column;
use super::{StoreError, row};
use crate::control::{Entry, Scope};
use crate::stamp;

/// The control row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) generation: u64,
    pub(crate) policy_epoch: u64,
    /// The bundle that was active last.
    pub(crate) bundle: Option<Digest>,
}

/// Reads the control row.
pub(crate) async fn head(connection: &mut AnyConnection) -> Result<Head, StoreError> {
    let found = sqlx::query("SELECT generation, policy_epoch, bundle FROM control WHERE id = 1")
        .fetch_one(connection)
        .await?;
    Ok(Head {
        generation: u64::try_from(row::integer(&found, "generation")?).unwrap_or(0),
        policy_epoch: u64::try_from(row::integer(&found, "policy_epoch")?).unwrap_or(0),
        bundle: row::optional_parsed(&found, "bundle")?,
    })
}

/// Everything that is stopped, in the order of the scopes.
pub(crate) async fn entries(connection: &mut AnyConnection) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query("SELECT * FROM control_entry ORDER BY scope")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|found| {
            Ok(Entry {
                scope: row::parsed(found, "scope")?,
                by: row::text(found, "set_by")?,
                reason: row::optional_text(found, "reason")?,
                at: row::time(found, "set_at")?,
            })
        })
        .collect()
}

/// Stops a scope, or replaces who stopped it and why. Raises the generation, which is answered.
pub(crate) async fn freeze(tx: &mut AnyConnection, entry: &Entry) -> Result<u64, StoreError> {
    sqlx::query(
        "INSERT INTO control_entry (scope, set_by, reason, set_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (scope) DO UPDATE SET set_by = excluded.set_by, reason = excluded.reason, \
         set_at = excluded.set_at",
    )
    .bind(entry.scope.to_string())
    .bind(entry.by.as_str())
    .bind(entry.reason.clone())
    .bind(stamp::to_millis(entry.at))
    .execute(&mut *tx)
    .await?;
    raise_generation(tx).await
}

/// Lets a scope run again; `None` when it was not stopped.
pub(crate) async fn thaw(tx: &mut AnyConnection, scope: &Scope) -> Result<Option<u64>, StoreError> {
    let done = sqlx::query("DELETE FROM control_entry WHERE scope = $1")
        .bind(scope.to_string())
        .execute(&mut *tx)
        .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    raise_generation(tx).await.map(Some)
}

/// Raises the generation: what enforcers hold is old now.
pub(crate) async fn raise_generation(tx: &mut AnyConnection) -> Result<u64, StoreError> {
    sqlx::query("UPDATE control SET generation = generation + 1 WHERE id = 1")
        .execute(&mut *tx)
        .await?;
    Ok(head(tx).await?.generation)
}

/// Records the active bundle and the epoch; both come with a new generation.
pub(crate) async fn set_bundle(
    tx: &mut AnyConnection,
    bundle: &Digest,
    policy_epoch: u64,
) -> Result<Head, StoreError> {
    sqlx::query(
        "UPDATE control SET bundle = $1, policy_epoch = $2, generation = generation + 1 WHERE id = 1",
    )
    .bind(bundle.to_string())
    .bind(epoch_column(policy_epoch))
    .execute(&mut *tx)
    .await?;
    head(tx).await
}

/// The first scope of `scopes` that is stopped, with the entry.
pub(crate) async fn stopped(
    connection: &mut AnyConnection,
    scopes: &[Scope],
) -> Result<Option<Entry>, StoreError> {
    let entries = entries(connection).await?;
    Ok(entries
        .into_iter()
        .find(|entry| scopes.contains(&entry.scope)))
}

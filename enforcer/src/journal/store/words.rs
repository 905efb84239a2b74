//! `word`.

use std::collections::BTreeMap;

use countersign_intent::id::{IntentId, TenantId};
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, Executor};

use super::{StoreError, row};
use crate::execution::Resolution;
use crate::journal::call::Call;
use crate::journal::words::Word;
use crate::stamp;

/// Keeps `word` of `call`, in place of an earlier one of the same person.
pub(crate) async fn put(
    tx: &mut AnyConnection,
    call: &Call,
    word: &Word,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO word (tenant, jti, operator, resolution, evidence, reason, said_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, jti, operator) DO UPDATE SET \
         resolution = excluded.resolution, evidence = excluded.evidence, \
         reason = excluded.reason, said_at = excluded.said_at",
    )
    .bind(call.tenant.as_str())
    .bind(call.jti.as_str())
    .bind(word.by.as_str())
    .bind(word.resolution.as_str())
    .bind(word.evidence.as_str())
    .bind(word.reason.as_str())
    .bind(stamp::to_millis(word.at))
    .execute(tx)
    .await?;
    Ok(())
}

/// What was said of the call that spent `jti`, the oldest word first.
pub(crate) async fn of(
    connection: impl Executor<'_, Database = Any>,
    tenant: &TenantId,
    jti: &IntentId,
) -> Result<Vec<Word>, StoreError> {
    let rows = sqlx::query(
        "SELECT jti, operator, resolution, evidence, reason, said_at FROM word \
         WHERE tenant = $1 AND jti = $2 ORDER BY said_at, operator",
    )
    .bind(tenant.as_str())
    .bind(jti.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(read).collect()
}

/// What was said of calls that are in doubt, by the token that each spent.
pub(crate) async fn of_doubts(
    connection: impl Executor<'_, Database = Any>,
    tenant: &TenantId,
) -> Result<BTreeMap<IntentId, Vec<Word>>, StoreError> {
    let rows = sqlx::query(
        "SELECT w.jti, w.operator, w.resolution, w.evidence, w.reason, w.said_at FROM word w \
         JOIN consumed c ON c.tenant = w.tenant AND c.jti = w.jti \
         WHERE w.tenant = $1 AND c.state = 'in_doubt' ORDER BY w.said_at, w.operator",
    )
    .bind(tenant.as_str())
    .fetch_all(connection)
    .await?;
    let mut found: BTreeMap<IntentId, Vec<Word>> = BTreeMap::new();
    for row in &rows {
        let jti = row::parsed(row, "jti")?;
        found.entry(jti).or_default().push(read(row)?);
    }
    Ok(found)
}

fn read(row: &AnyRow) -> Result<Word, StoreError> {
    let resolution = row::text(row, "resolution")?;
    Ok(Word {
        by: row::parsed(row, "operator")?,
        resolution: Resolution::parse(&resolution)
            .ok_or_else(|| StoreError::corrupt("resolution", &resolution))?,
        evidence: row::text(row, "evidence")?,
        reason: row::text(row, "reason")?,
        at: row::time(row, "said_at")?,
    })
}

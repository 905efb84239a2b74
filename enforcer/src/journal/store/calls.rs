//! `consumed` and `resource_lock`.

use countersign_intent::id::{AgentId, AttemptId, IntentId, TenantId};
use countersign_intent::tool::Effect;
use jiff::Timestamp;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, Executor};

use super::{StoreError, row};
use crate::execution::{Resolution, State};
use crate::journal::call::{BodyDigest, Call};
use crate::stamp;

/// Every column of a call, with its latest receipt.
macro_rules! select_calls {
    ($rest:literal) => {
        concat!(
            "SELECT c.tenant, c.jti, c.attempt, c.writer, c.state, c.resolution, c.status, c.cause, \
             c.agent, c.plan, c.step, c.tool, c.effect, c.rkey, c.params_sha256, c.request_sha256, \
             c.definition_sha256, c.token_sha256, c.body_sha256, c.body_length, c.exp, \
             c.consumed_at, c.deadline, c.ended_at, \
             (SELECT r.jws FROM receipt r WHERE r.attempt = c.attempt \
              ORDER BY r.signed_at DESC, r.receipt_id DESC LIMIT 1) AS receipt \
             FROM consumed c ",
            $rest
        )
    };
}

/// Which calls to list, newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    pub(crate) state: Option<&'static str>,
    pub(crate) agent: Option<AgentId>,
    pub(crate) limit: i64,
}

/// The call that ran, or may have run, for the same step of the same plan.
pub(crate) async fn of_step(
    connection: impl Executor<'_, Database = Any>,
    call: &Call,
) -> Result<Option<Call>, StoreError> {
    let query = sqlx::query(select_calls!(
        "WHERE c.tenant = $1 AND c.plan = $2 AND c.step = $3 AND c.state <> 'not_sent' \
         AND (c.resolution IS NULL OR c.resolution <> 'not_executed') LIMIT 1"
    ))
    .bind(call.tenant.as_str())
    .bind(call.plan.as_str())
    .bind(call.step.as_str());
    one(query, connection).await
}

/// Spends the token; `false` when it was spent before.
pub(crate) async fn insert(tx: &mut AnyConnection, call: &Call) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO consumed (tenant, jti, attempt, writer, state, agent, plan, step, tool, effect, \
         rkey, params_sha256, request_sha256, definition_sha256, token_sha256, exp, consumed_at, \
         deadline) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
         $17, $18) ON CONFLICT DO NOTHING",
    )
    .bind(call.tenant.as_str())
    .bind(call.jti.as_str())
    .bind(call.attempt.as_str())
    .bind(call.writer.as_str())
    .bind(call.state.as_str())
    .bind(call.agent.as_str())
    .bind(call.plan.as_str())
    .bind(call.step.as_str())
    .bind(call.tool.as_str())
    .bind(call.effect.as_str())
    .bind(call.resource.as_str())
    .bind(call.params_sha256.to_string())
    .bind(call.request_sha256.to_string())
    .bind(call.definition_sha256.to_string())
    .bind(call.token_sha256.to_string())
    .bind(stamp::to_millis(call.exp))
    .bind(stamp::to_millis(call.consumed_at))
    .bind(stamp::to_millis(call.deadline))
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Moves the call on from the state `from`; `false` when it was no longer there.
pub(crate) async fn advance(
    tx: &mut AnyConnection,
    call: &Call,
    from: State,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE consumed SET state = $1, resolution = $2, status = $3, cause = $4, \
         body_sha256 = $5, body_length = $6, ended_at = $7 \
         WHERE tenant = $8 AND jti = $9 AND state = $10",
    )
    .bind(call.state.as_str())
    .bind(call.state.resolution().map(Resolution::as_str))
    .bind(call.state.status().map(i64::from))
    .bind(call.cause.as_deref())
    .bind(call.body.map(|body| body.sha256.to_string()))
    .bind(
        call.body
            .map(|body| i64::try_from(body.length).unwrap_or(i64::MAX)),
    )
    .bind(call.ended_at.map(stamp::to_millis))
    .bind(call.tenant.as_str())
    .bind(call.jti.as_str())
    .bind(from.as_str())
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The call that spent the token `jti`.
pub(crate) async fn by_jti(
    connection: impl Executor<'_, Database = Any>,
    tenant: &TenantId,
    jti: &IntentId,
) -> Result<Option<Call>, StoreError> {
    let query = sqlx::query(select_calls!("WHERE c.tenant = $1 AND c.jti = $2"))
        .bind(tenant.as_str())
        .bind(jti.as_str());
    one(query, connection).await
}

/// The call of the attempt `attempt`.
pub(crate) async fn by_attempt(
    connection: impl Executor<'_, Database = Any>,
    tenant: &TenantId,
    attempt: &AttemptId,
) -> Result<Option<Call>, StoreError> {
    let query = sqlx::query(select_calls!("WHERE c.tenant = $1 AND c.attempt = $2"))
        .bind(tenant.as_str())
        .bind(attempt.as_str());
    one(query, connection).await
}

/// Calls, newest first.
pub(crate) async fn list(
    connection: impl Executor<'_, Database = Any>,
    tenant: &TenantId,
    listing: &Listing,
) -> Result<Vec<Call>, StoreError> {
    let query = sqlx::query(select_calls!(
        "WHERE c.tenant = $1 AND ($2 = '' OR c.state = $2) AND ($3 = '' OR c.agent = $3) \
         ORDER BY c.consumed_at DESC, c.attempt DESC LIMIT $4"
    ))
    .bind(tenant.as_str())
    .bind(listing.state.unwrap_or_default())
    .bind(
        listing
            .agent
            .as_ref()
            .map(AgentId::as_str)
            .unwrap_or_default(),
    )
    .bind(listing.limit);
    all(query, connection).await
}

/// Calls still `consumed` whose time is over at `now`.
pub(crate) async fn overdue(
    connection: impl Executor<'_, Database = Any>,
    now: Timestamp,
) -> Result<Vec<Call>, StoreError> {
    let query = sqlx::query(select_calls!(
        "WHERE c.state = 'consumed' AND c.deadline < $1 LIMIT 128"
    ))
    .bind(stamp::to_millis(now));
    all(query, connection).await
}

/// Calls still `consumed` whose writer is dead at `now`: not `own`, and without a lease.
pub(crate) async fn orphaned(
    tx: &mut AnyConnection,
    own: &str,
    now: Timestamp,
) -> Result<Vec<Call>, StoreError> {
    let query = sqlx::query(select_calls!(
        "WHERE c.state = 'consumed' AND c.writer <> $1 AND NOT EXISTS (SELECT 1 FROM writer w \
         WHERE w.id = c.writer AND w.lease_until > $2)"
    ))
    .bind(own)
    .bind(stamp::to_millis(now));
    all(query, tx).await
}

/// Locks the resource for the call; `false` when another call holds it.
pub(crate) async fn lock(tx: &mut AnyConnection, call: &Call) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO resource_lock (tenant, rkey, jti) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(call.tenant.as_str())
    .bind(call.resource.as_str())
    .bind(call.jti.as_str())
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Unlocks the resource where the call holds it.
pub(crate) async fn unlock(tx: &mut AnyConnection, call: &Call) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM resource_lock WHERE tenant = $1 AND rkey = $2 AND jti = $3")
        .bind(call.tenant.as_str())
        .bind(call.resource.as_str())
        .bind(call.jti.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

/// The call that holds the resource of `call`.
pub(crate) async fn holder(
    tx: &mut AnyConnection,
    call: &Call,
) -> Result<Option<Call>, StoreError> {
    let query = sqlx::query(select_calls!(
        "JOIN resource_lock l ON l.tenant = c.tenant AND l.jti = c.jti \
         WHERE l.tenant = $1 AND l.rkey = $2"
    ))
    .bind(call.tenant.as_str())
    .bind(call.resource.as_str());
    query
        .fetch_optional(tx)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

async fn one<'e>(
    query: Query<'e, Any, AnyArguments>,
    connection: impl Executor<'e, Database = Any>,
) -> Result<Option<Call>, StoreError> {
    query
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

async fn all<'e>(
    query: Query<'e, Any, AnyArguments>,
    connection: impl Executor<'e, Database = Any>,
) -> Result<Vec<Call>, StoreError> {
    query
        .fetch_all(connection)
        .await?
        .iter()
        .map(read)
        .collect()
}

fn read(row: &AnyRow) -> Result<Call, StoreError> {
    let status =
        row::optional_integer(row, "status")?.and_then(|status| u16::try_from(status).ok());
    let resolution = row::optional_text(row, "resolution")?;
    let state = row::text(row, "state")?;
    let state = State::from_columns(&state, status, resolution.as_deref())
        .ok_or_else(|| StoreError::corrupt("state", &state))?;
    Ok(Call {
        tenant: row::parsed(row, "tenant")?,
        jti: row::parsed(row, "jti")?,
        attempt: row::parsed(row, "attempt")?,
        writer: row::text(row, "writer")?,
        state,
        cause: row::optional_text(row, "cause")?,
        agent: row::parsed(row, "agent")?,
        plan: row::parsed(row, "plan")?,
        step: row::parsed(row, "step")?,
        tool: row::parsed(row, "tool")?,
        effect: effect(&row::text(row, "effect")?)?,
        resource: row::text(row, "rkey")?,
        params_sha256: row::parsed(row, "params_sha256")?,
        request_sha256: row::parsed(row, "request_sha256")?,
        definition_sha256: row::parsed(row, "definition_sha256")?,
        token_sha256: row::parsed(row, "token_sha256")?,
        body: body(row)?,
        exp: row::time(row, "exp")?,
        consumed_at: row::time(row, "consumed_at")?,
        deadline: row::time(row, "deadline")?,
        ended_at: row::optional_integer(row, "ended_at")?.map(stamp::from_millis),
        receipt: row::optional_text(row, "receipt")?,
    })
}

fn body(row: &AnyRow) -> Result<Option<BodyDigest>, StoreError> {
    let Some(sha256) = row::optional_text(row, "body_sha256")? else {
        return Ok(None);
    };
    let sha256 = sha256
        .parse()
        .map_err(|error| StoreError::corrupt("body_sha256", error))?;
    let length = row::optional_integer(row, "body_length")?.unwrap_or(0);
    Ok(Some(BodyDigest {
        sha256,
        length: u64::try_from(length).unwrap_or(0),
    }))
}

fn effect(text: &str) -> Result<Effect, StoreError> {
    let all = [
        Effect::Read,
        Effect::Service,
        Effect::Destructive,
        Effect::Data,
    ];
    let found = all.into_iter().find(|effect| effect.as_str() == text);
    found.ok_or_else(|| StoreError::corrupt("effect", text))
}

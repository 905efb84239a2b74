//! `consumed`: one row per spent token. Its unique indexes also hold that a resource has one call at a
//! time, and that what cannot be undone runs once per step.

use countersign_intent::id::{AgentId, AttemptId, IntentId, PlanId, StepId, TenantId};
use countersign_intent::receipt::Looked;
use countersign_intent::tool::Effect;
use countersign_ledger::statement::{Argument, Statement};
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
            "SELECT c.tenant, c.jti, c.attempt, c.state, c.resolution, c.status, c.cause, \
             c.agent, c.plan, c.step, c.tool, c.effect, c.rkey, c.params_sha256, c.request_sha256, \
             c.definition_sha256, c.token_sha256, c.precondition, c.body_sha256, c.body_length, c.exp, \
             c.consumed_at, c.deadline, c.ended_at, \
             (SELECT r.jws FROM receipt r WHERE r.receipt_id = c.attempt || ':' || \
              CASE WHEN c.state = 'resolved' THEN 'resolved_' || c.resolution ELSE c.state END) \
             AS receipt FROM consumed c ",
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

/// A spent token whose call ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) jti: IntentId,
    pub(crate) exp: Timestamp,
}

/// Reads the calls that spent these tokens.
pub(crate) fn find<'a>(
    tenant: &TenantId,
    tokens: impl IntoIterator<Item = &'a IntentId>,
) -> Statement {
    let tokens = tokens.into_iter().map(|jti| jti.as_str().into());
    Statement::new(select_calls!("WHERE c.tenant = ? AND c.jti IN "))
        .bind(tenant.as_str())
        .list(tokens)
}

/// Locks the calls in doubt that spent these tokens until the transaction ends, and reads which they are:
/// who waits for one sees it as it is then.
pub(crate) fn hold_doubts<'a>(
    tenant: &TenantId,
    tokens: impl IntoIterator<Item = &'a IntentId>,
) -> Statement {
    let tokens = tokens.into_iter().map(|jti| jti.as_str().into());
    Statement::new(
        "UPDATE consumed SET cause = cause WHERE tenant = ? AND state = 'in_doubt' AND jti IN ",
    )
    .bind(tenant.as_str())
    .list(tokens)
    .then(" RETURNING jti")
}

/// The token in a row of [`hold_doubts`].
pub(crate) fn held(row: &AnyRow) -> Result<IntentId, StoreError> {
    row::parsed(row, "jti")
}

/// Reads the calls that hold these resources.
pub(crate) fn holders<'a>(
    tenant: &TenantId,
    resources: impl IntoIterator<Item = &'a str>,
) -> Statement {
    Statement::new(select_calls!("WHERE c.tenant = ? AND c.rkey IN "))
        .bind(tenant.as_str())
        .list(resources.into_iter().map(Argument::from))
        .then(" AND c.state IN ('consumed', 'in_doubt') AND c.effect <> 'read'")
}

/// Reads the calls that ran, or may have run, for these steps and cannot be undone.
pub(crate) fn of_steps<'a>(
    tenant: &TenantId,
    steps: impl IntoIterator<Item = (&'a PlanId, &'a StepId)>,
) -> Statement {
    let steps = steps
        .into_iter()
        .map(|(plan, step)| [plan.as_str().into(), step.as_str().into()]);
    Statement::new(select_calls!(
        "WHERE c.tenant = ? AND c.effect IN ('destructive', 'data') AND c.state <> 'not_sent' \
         AND (c.resolution IS NULL OR c.resolution <> 'not_executed') AND (c.plan, c.step) IN ("
    ))
    .bind(tenant.as_str())
    .values(steps)
    .then(")")
}

/// Spends tokens. The statement fails when any of them was spent, or its resource or step taken, by
/// another process in between.
pub(crate) fn insert<'a>(
    tenant: &TenantId,
    writer: &str,
    calls: impl IntoIterator<Item = &'a Call>,
) -> Statement {
    let mut count = 0;
    let rows = calls.into_iter().inspect(|_| count += 1).map(|call| {
        [
            Argument::from(call.jti.as_str()),
            Argument::from(call.attempt.as_str()),
            Argument::from(call.state.as_str()),
            Argument::from(call.agent.as_str()),
            Argument::from(call.plan.as_str()),
            Argument::from(call.step.as_str()),
            Argument::from(call.tool.as_str()),
            Argument::from(call.effect.as_str()),
            Argument::from(call.resource.as_str()),
            Argument::from(call.params_sha256.to_string()),
            Argument::from(call.request_sha256.to_string()),
            Argument::from(call.definition_sha256.to_string()),
            Argument::from(call.token_sha256.to_string()),
            Argument::from(call.precondition.map(|Looked::Probe| "probe")),
            Argument::from(stamp::to_millis(call.exp)),
            Argument::from(stamp::to_millis(call.consumed_at)),
            Argument::from(stamp::to_millis(call.deadline)),
        ]
    });
    let statement = Statement::new(
        "INSERT INTO consumed (tenant, writer, jti, attempt, state, agent, plan, step, tool, effect, \
         rkey, params_sha256, request_sha256, definition_sha256, token_sha256, precondition, exp, \
         consumed_at, deadline) SELECT ?, ?, v.* FROM (",
    )
    .bind(tenant.as_str())
    .bind(writer)
    .values(rows)
    .then(") AS v WHERE v.column1 IS NOT NULL ON CONFLICT DO NOTHING");
    statement.changing(count)
}

/// Moves calls on, each from the state beside it. The statement fails when any is no longer there.
pub(crate) fn advance<'a>(
    tenant: &TenantId,
    calls: impl IntoIterator<Item = (&'a Call, State)>,
) -> Statement {
    let mut count = 0;
    let rows = calls
        .into_iter()
        .inspect(|_| count += 1)
        .map(|(call, from)| {
            let length = call
                .body
                .map(|body| i64::try_from(body.length).unwrap_or(i64::MAX));
            [
                Argument::from(call.jti.as_str()),
                Argument::from(from.as_str()),
                Argument::from(call.state.as_str()),
                Argument::from(call.state.resolution().map(Resolution::as_str)),
                Argument::from(call.state.status().map(i64::from)),
                Argument::from(call.cause.as_deref()),
                Argument::from(call.body.map(|body| body.sha256.to_string())),
                Argument::from(length),
                Argument::from(call.ended_at.map(stamp::to_millis)),
            ]
        });
    let statement = Statement::new(
        "UPDATE consumed SET state = v.column3, resolution = v.column4, status = v.column5, \
         cause = v.column6, body_sha256 = v.column7, body_length = v.column8, ended_at = v.column9 \
         FROM (",
    )
    .values(rows)
    .then(") AS v WHERE consumed.tenant = ? AND consumed.jti = v.column1 AND consumed.state = v.column2")
    .bind(tenant.as_str());
    statement.changing(count)
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

/// Calls, newest first: attempts are numbered by time.
pub(crate) async fn list(
    connection: impl Executor<'_, Database = Any>,
    tenant: &TenantId,
    listing: &Listing,
) -> Result<Vec<Call>, StoreError> {
    // One text per index: most calls are `done`, and those are met on the way by agent or time. The
    // tenant is no way in: it is the same in every row, and its index is in no useful order.
    let sql = match (&listing.agent, listing.state) {
        (None, None) => select_calls!(
            "WHERE c.tenant || '' = $1 AND $2 = '' AND $3 = '' ORDER BY c.attempt DESC LIMIT $4"
        ),
        (None, Some("done")) => select_calls!(
            "WHERE c.tenant || '' = $1 AND c.state = $2 AND $3 = '' ORDER BY c.attempt DESC LIMIT $4"
        ),
        (None, Some(_)) => select_calls!(
            "WHERE c.tenant || '' = $1 AND c.state = $2 AND c.state <> 'done' AND $3 = '' \
             ORDER BY c.attempt DESC LIMIT $4"
        ),
        (Some(_), _) => select_calls!(
            "WHERE c.tenant || '' = $1 AND ($2 = '' OR c.state = $2) AND c.agent = $3 \
             ORDER BY c.attempt DESC LIMIT $4"
        ),
    };
    let agent = listing.agent.as_ref().map(AgentId::as_str);
    let query = sqlx::query(sql)
        .bind(tenant.as_str())
        .bind(listing.state.unwrap_or_default())
        .bind(agent.unwrap_or_default())
        .bind(listing.limit);
    all(query, connection).await
}

/// Calls still `consumed` whose time is over at `now`.
pub(crate) async fn overdue(
    connection: impl Executor<'_, Database = Any>,
    now: Timestamp,
) -> Result<Vec<Call>, StoreError> {
    let query = sqlx::query(select_calls!(
        "WHERE c.state = 'consumed' AND c.state <> 'done' AND c.deadline < $1 LIMIT 128"
    ))
    .bind(stamp::to_millis(now));
    all(query, connection).await
}

/// Calls still `consumed` whose writer is dead at `now`: not `own`, and without a lease.
pub(crate) async fn orphaned(
    connection: impl Executor<'_, Database = Any>,
    own: &str,
    now: Timestamp,
) -> Result<Vec<Call>, StoreError> {
    let query = sqlx::query(select_calls!(
        "WHERE c.state = 'consumed' AND c.state <> 'done' AND c.writer <> $1 AND NOT EXISTS (SELECT 1 FROM writer w \
         WHERE w.id = c.writer AND w.lease_until > $2) LIMIT 128"
    ))
    .bind(own)
    .bind(stamp::to_millis(now));
    all(query, connection).await
}

/// The oldest tokens whose calls ended before `ended`, and which expired before `expired`: `limit` at most.
pub(crate) async fn ended(
    tx: &mut AnyConnection,
    tenant: &TenantId,
    (ended, expired): (Timestamp, Timestamp),
    limit: usize,
) -> Result<Vec<Ended>, StoreError> {
    // Attempts are numbered by time: the walk along them ends where younger ones begin.
    let bound = AttemptId::mint(ended, [0; 10]);
    let rows = sqlx::query(
        "SELECT jti, exp FROM consumed WHERE tenant || '' = $1 AND attempt < $2 \
         AND state IN ('done', 'not_sent', 'resolved') AND ended_at < $3 AND exp < $4 \
         ORDER BY attempt LIMIT $5",
    )
    .bind(tenant.as_str())
    .bind(bound.as_str())
    .bind(stamp::to_millis(ended))
    .bind(stamp::to_millis(expired))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(tx)
    .await?;
    let read = |row: &AnyRow| {
        Ok(Ended {
            jti: row::parsed(row, "jti")?,
            exp: row::time(row, "exp")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Forgets calls that ended, and what was said of them.
pub(crate) fn forget(tenant: &TenantId, ended: &[Ended]) -> Vec<Statement> {
    let tokens = || ended.iter().map(|one| one.jti.as_str().into());
    vec![
        Statement::new("DELETE FROM word WHERE tenant = ? AND jti IN ")
            .bind(tenant.as_str())
            .list(tokens()),
        Statement::new("DELETE FROM consumed WHERE tenant = ? AND jti IN ")
            .bind(tenant.as_str())
            .list(tokens())
            .changing(ended.len()),
    ]
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

/// The call in a row of [`find`], [`holders`] or [`of_steps`].
pub(crate) fn read(row: &AnyRow) -> Result<Call, StoreError> {
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
        precondition: looked(row::optional_text(row, "precondition")?.as_deref())?,
        body: body(row)?,
        sends: None,
        late: None,
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

fn looked(text: Option<&str>) -> Result<Option<Looked>, StoreError> {
    match text {
        None => Ok(None),
        Some("probe") => Ok(Some(Looked::Probe)),
        Some(other) => Err(StoreError::corrupt("precondition", other)),
    }
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

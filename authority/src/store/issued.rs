//! Issued tokens, and what recent ones say about a tool on a resource.

use countersign_intent::digest::Digest;
use countersign_intent::id::{AgentId, IntentId, KeyId, PlanId, RunId, StepId, TenantId, ToolName};
use jiff::Timestamp;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::{StoreError, row};
use crate::stamp;
use crate::state::StepState;

/// A token that was signed. Its text is known to the agent alone.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) jti: IntentId,
    pub(crate) plan: PlanId,
    pub(crate) step: StepId,
    pub(crate) tenant: TenantId,
    pub(crate) agent: AgentId,
    pub(crate) tool: ToolName,
    pub(crate) resource: Option<String>,
    pub(crate) kid: KeyId,
    pub(crate) token_sha256: Digest,
    pub(crate) params_sha256: Digest,
    pub(crate) request_sha256: Digest,
    pub(crate) use_kind: &'static str,
    pub(crate) at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// What a receipt must agree with.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) plan: PlanId,
    pub(crate) step: StepId,
    pub(crate) agent: AgentId,
    pub(crate) tool: ToolName,
    pub(crate) token_sha256: Digest,
    pub(crate) params_sha256: Digest,
    pub(crate) request_sha256: Digest,
    pub(crate) use_kind: String,
}

/// A tool on a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) tool: &'a ToolName,
    pub(crate) resource: Option<&'a str>,
}

/// Records a token.
pub(crate) async fn insert(tx: &mut AnyConnection, issued: &Issued) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO issued (jti, plan_id, step, tenant, agent, tool, resource, kid, token_sha256, \
         params_sha256, request_sha256, use_kind, issued_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(issued.jti.as_str())
    .bind(issued.plan.as_str())
    .bind(issued.step.as_str())
    .bind(issued.tenant.as_str())
    .bind(issued.agent.as_str())
    .bind(issued.tool.as_str())
    .bind(issued.resource.clone())
    .bind(issued.kid.as_str())
    .bind(issued.token_sha256.to_string())
    .bind(issued.params_sha256.to_string())
    .bind(issued.request_sha256.to_string())
    .bind(issued.use_kind)
    .bind(stamp::to_millis(issued.at))
    .bind(stamp::to_millis(issued.expires_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// What was signed under `jti`.
pub(crate) async fn find(
    connection: &mut AnyConnection,
    jti: &IntentId,
) -> Result<Option<Expected>, StoreError> {
    let found = sqlx::query("SELECT * FROM issued WHERE jti = $1")
        .bind(jti.as_str())
        .fetch_optional(connection)
        .await?;
    found.as_ref().map(expected).transpose()
}

fn expected(found: &AnyRow) -> Result<Expected, StoreError> {
    Ok(Expected {
        plan: row::parsed(found, "plan_id")?,
        step: row::parsed(found, "step")?,
        agent: row::parsed(found, "agent")?,
        tool: row::parsed(found, "tool")?,
        token_sha256: row::parsed(found, "token_sha256")?,
        params_sha256: row::parsed(found, "params_sha256")?,
        request_sha256: row::parsed(found, "request_sha256")?,
        use_kind: row::text(found, "use_kind")?,
    })
}

/// How many tokens were issued for `target` after `since`.
pub(crate) async fn count(
    connection: &mut AnyConnection,
    target: Target<'_>,
    since: Timestamp,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT COUNT(*) FROM issued \
         WHERE tenant = $1 AND tool = $2 AND COALESCE(resource, '') = $3 AND issued_at > $4",
    )
    .bind(target.tenant.as_str())
    .bind(target.tool.as_str())
    .bind(target.resource.unwrap_or(""))
    .bind(stamp::to_millis(since))
    .fetch_one(connection)
    .await?;
    Ok(count)
}

/// How many calls of `agent` failed whose tokens were issued after `since`.
pub(crate) async fn failures(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    agent: &AgentId,
    since: Timestamp,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT COUNT(*) FROM issued \
         JOIN step ON step.plan_id = issued.plan_id AND step.jti = issued.jti \
         WHERE issued.tenant = $1 AND issued.agent = $2 AND issued.issued_at > $3 AND step.state = $4",
    )
    .bind(tenant.as_str())
    .bind(agent.as_str())
    .bind(stamp::to_millis(since))
    .bind(StepState::Failed.as_str())
    .fetch_one(connection)
    .await?;
    Ok(count)
}

/// The tools for which `agent` got tokens in `run`.
pub(crate) async fn tools_before(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    agent: &AgentId,
    run: &RunId,
) -> Result<Vec<ToolName>, StoreError> {
    let rows = sqlx::query(
        "SELECT DISTINCT issued.tool AS tool FROM issued \
         JOIN plan ON plan.plan_id = issued.plan_id \
         WHERE issued.tenant = $1 AND issued.agent = $2 \
         AND plan.run = $3 ORDER BY tool",
    )
    .bind(tenant.as_str())
    .bind(agent.as_str())
    .bind(run.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|found| row::parsed(found, "tool"))
        .collect()
}

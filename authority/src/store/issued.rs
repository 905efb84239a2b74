//! Issued tokens, and what recent ones say about a tool on a resource.

use countersign_intent::digest::Digest;
use countersign_intent::id::{AgentId, IntentId, KeyId, PlanId, StepId, TenantId, ToolName};
use jiff::Timestamp;
use sqlx::AnyConnection;
use sqlx::Row as _;
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
    pub(crate) issued_at: Timestamp,
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

/// What happened lately with one tool on one resource, for `context.recent`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Recent {
    /// Tokens for the same tool and resource since the start of the window.
    pub(crate) same_tool_same_resource: i64,
    /// Of these, calls that failed.
    pub(crate) failures: i64,
    /// When the last token was issued.
    pub(crate) last_issued: Option<Timestamp>,
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
    .bind(stamp::to_millis(issued.issued_at))
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

/// How far back [`recent`] looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Tokens and failures count from here on.
    pub(crate) counted_from: Timestamp,
    /// The last token is looked for from here on.
    pub(crate) earliest: Timestamp,
}

/// What happened lately with `tool` on `resource`.
pub(crate) async fn recent(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    tool: &ToolName,
    resource: Option<&str>,
    window: Window,
) -> Result<Recent, StoreError> {
    let found = sqlx::query(
        "SELECT COUNT(CASE WHEN issued.issued_at >= $1 THEN 1 END) AS tokens, \
         COUNT(CASE WHEN issued.issued_at >= $1 AND step.state = $2 AND step.jti = issued.jti \
         THEN 1 END) AS failures, MAX(issued.issued_at) AS last_issued \
         FROM issued JOIN step ON step.plan_id = issued.plan_id AND step.step = issued.step \
         WHERE issued.tenant = $3 AND issued.tool = $4 AND COALESCE(issued.resource, '') = $5 \
         AND issued.issued_at >= $6",
    )
    .bind(stamp::to_millis(window.counted_from))
    .bind(StepState::Failed.as_str())
    .bind(tenant.as_str())
    .bind(tool.as_str())
    .bind(resource.unwrap_or(""))
    .bind(stamp::to_millis(window.earliest))
    .fetch_one(connection)
    .await?;
    Ok(Recent {
        same_tool_same_resource: found.try_get("tokens")?,
        failures: found.try_get("failures")?,
        last_issued: row::optional_integer(&found, "last_issued")?.map(stamp::from_millis),
    })
}

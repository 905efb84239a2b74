//! Plans and steps.

use countersign_intent::digest::Digest;
use countersign_intent::id::{AgentId, ApprovalId, IntentId, PlanId, StepId, TenantId};
use jiff::Timestamp;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::{StoreError, row};
use crate::plan::{Plan, Step, StoredPlan};
use crate::policy::Verdict;
use crate::stamp;
use crate::state::{PlanState, StepState};

/// Whose plans are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose<'a> {
    /// Everybody's: the caller is an operator or a service.
    All,
    /// One agent's own.
    Agent(&'a AgentId),
}

/// Writes a new plan with its steps. `bytes` are those that `hash` covers.
pub(crate) async fn insert(
    tx: &mut AnyConnection,
    plan: &Plan,
    hash: &Digest,
    bytes: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO plan (plan_id, tenant, agent, requested_by, run, goal, state, verdict, bundle, \
         policy_epoch, tainted, plan_hash, plan_bytes, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(plan.id.as_str())
    .bind(plan.tenant.as_str())
    .bind(plan.agent.as_str())
    .bind(plan.requested_by.as_ref().map(ToString::to_string))
    .bind(plan.run.as_ref().map(ToString::to_string))
    .bind(plan.goal.as_str())
    .bind(plan.state.as_str())
    .bind(plan.verdict.as_str())
    .bind(plan.bundle.to_string())
    .bind(epoch_column(plan.policy_epoch))
    .bind(i64::from(plan.tainted))
    .bind(hash.to_string())
    .bind(bytes)
    .bind(stamp::to_millis(plan.created_at))
    .execute(&mut *tx)
    .await?;
    for (position, step) in plan.steps.iter().enumerate() {
        insert_step(tx, &plan.id, position, step).await?;
    }
    Ok(())
}

async fn insert_step(
    tx: &mut AnyConnection,
    plan: &PlanId,
    position: usize,
    step: &Step,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO step (plan_id, step, position, tool, effect, resource, params, bounds, \
         after_steps, reason, verdict, reasons, policies, definition_sha256, params_sha256, request, \
         request_sha256, approval_id, state, precondition) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
         $20)",
    )
    .bind(plan.as_str())
    .bind(step.id.as_str())
    .bind(i64::try_from(position).unwrap_or(i64::MAX))
    .bind(step.tool.as_str())
    .bind(step.effect.as_str())
    .bind(step.resource.clone())
    .bind(row::to_json(&step.params)?)
    .bind(row::to_json(&step.bounds)?)
    .bind(row::to_json(&step.after)?)
    .bind(step.reason.clone())
    .bind(step.verdict.as_str())
    .bind(row::to_json(&step.reasons)?)
    .bind(row::to_json(&step.policies)?)
    .bind(step.definition_sha256.to_string())
    .bind(step.params_sha256.to_string())
    .bind(step.request.as_ref().map(row::to_json).transpose()?)
    .bind(step.request_sha256.map(|digest| digest.to_string()))
    .bind(step.approval.as_ref().map(ToString::to_string))
    .bind(step.state.as_str())
    .bind(step.precondition.as_ref().map(row::to_json).transpose()?)
    .execute(tx)
    .await?;
    Ok(())
}

/// The plan `id` with its steps.
pub(crate) async fn find(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    id: &PlanId,
) -> Result<Option<StoredPlan>, StoreError> {
    let found = sqlx::query("SELECT * FROM plan WHERE tenant = $1 AND plan_id = $2")
        .bind(tenant.as_str())
        .bind(id.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    match found {
        Some(found) => with_steps(connection, &found).await.map(Some),
        None => Ok(None),
    }
}

/// The newest plans first, at most `limit`.
pub(crate) async fn newest(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    whose: Whose<'_>,
    limit: u32,
) -> Result<Vec<StoredPlan>, StoreError> {
    let query = match whose {
        Whose::All => sqlx::query(
            "SELECT * FROM plan WHERE tenant = $1 ORDER BY created_at DESC, plan_id DESC LIMIT $2",
        )
        .bind(tenant.as_str())
        .bind(i64::from(limit)),
        Whose::Agent(agent) => sqlx::query(
            "SELECT * FROM plan WHERE tenant = $1 AND agent = $2 \
             ORDER BY created_at DESC, plan_id DESC LIMIT $3",
        )
        .bind(tenant.as_str())
        .bind(agent.as_str())
        .bind(i64::from(limit)),
    };
    let rows = query.fetch_all(&mut *connection).await?;
    let mut plans = Vec::with_capacity(rows.len());
    for found in &rows {
        plans.push(with_steps(connection, found).await?);
    }
    Ok(plans)
}

/// The open plans that were judged under another bundle than `bundle`, or in an epoch before
/// `policy_epoch`.
pub(crate) async fn outdated(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    bundle: &Digest,
    policy_epoch: u64,
) -> Result<Vec<PlanId>, StoreError> {
    let rows = sqlx::query(
        "SELECT plan_id FROM plan WHERE tenant = $1 AND state = $2 \
         AND (bundle <> $3 OR policy_epoch < $4) ORDER BY plan_id",
    )
    .bind(tenant.as_str())
    .bind(PlanState::Open.as_str())
    .bind(bundle.to_string())
    .bind(epoch_column(policy_epoch))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|found| row::parsed(found, "plan_id"))
        .collect()
}

/// The exact bytes that a plan's hash covers.
pub(crate) async fn bytes(
    connection: &mut AnyConnection,
    id: &PlanId,
) -> Result<Option<String>, StoreError> {
    let found = sqlx::query("SELECT plan_bytes FROM plan WHERE plan_id = $1")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await?;
    found
        .map(|found| row::text(&found, "plan_bytes"))
        .transpose()
}

/// Moves a plan from one state to another; `false` when it stood elsewhere.
pub(crate) async fn move_plan(
    tx: &mut AnyConnection,
    id: &PlanId,
    from: PlanState,
    to: PlanState,
) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE plan SET state = $1 WHERE plan_id = $2 AND state = $3")
        .bind(to.as_str())
        .bind(id.as_str())
        .bind(from.as_str())
        .execute(tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Moves a step from one state to another; `false` when it stood elsewhere.
pub(crate) async fn move_step(
    tx: &mut AnyConnection,
    plan: &PlanId,
    step: &StepId,
    from: StepState,
    to: StepState,
) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE step SET state = $1 WHERE plan_id = $2 AND step = $3 AND state = $4")
            .bind(to.as_str())
            .bind(plan.as_str())
            .bind(step.as_str())
            .bind(from.as_str())
            .execute(tx)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Closes every step of a plan that has no token yet.
pub(crate) async fn cancel_waiting(
    tx: &mut AnyConnection,
    plan: &PlanId,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE step SET state = $1 WHERE plan_id = $2 AND state IN ($3, $4)")
        .bind(StepState::Cancelled.as_str())
        .bind(plan.as_str())
        .bind(StepState::Pending.as_str())
        .bind(StepState::NotSent.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

/// Records that a token for the step is out. `before` is the step as it was judged fit for one;
/// `false` when another request was first.
pub(crate) async fn set_issued(
    tx: &mut AnyConnection,
    plan: &PlanId,
    before: &Step,
    jti: &IntentId,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE step SET state = $1, jti = $2, expires_at = $3, attempt = NULL, status = NULL, \
         receipt = NULL WHERE plan_id = $4 AND step = $5 AND state = $6 AND COALESCE(jti, '') = $7",
    )
    .bind(StepState::Issued.as_str())
    .bind(jti.as_str())
    .bind(stamp::to_millis(expires_at))
    .bind(plan.as_str())
    .bind(before.id.as_str())
    .bind(before.state.as_str())
    .bind(before.jti.as_ref().map_or("", IntentId::as_str))
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Records how the step's call ended.
pub(crate) async fn set_outcome(
    tx: &mut AnyConnection,
    plan: &PlanId,
    step: &Step,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE step SET state = $1, attempt = $2, status = $3, receipt = $4 \
         WHERE plan_id = $5 AND step = $6",
    )
    .bind(step.state.as_str())
    .bind(step.attempt.as_ref().map(ToString::to_string))
    .bind(step.status.map(i64::from))
    .bind(step.receipt.clone())
    .bind(plan.as_str())
    .bind(step.id.as_str())
    .execute(tx)
    .await?;
    Ok(())
}

/// Names the approval that a step waits for.
pub(crate) async fn set_approval(
    tx: &mut AnyConnection,
    plan: &PlanId,
    step: &StepId,
    approval: &ApprovalId,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE step SET approval_id = $1 WHERE plan_id = $2 AND step = $3")
        .bind(approval.as_str())
        .bind(plan.as_str())
        .bind(step.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

async fn with_steps(
    connection: &mut AnyConnection,
    found: &AnyRow,
) -> Result<StoredPlan, StoreError> {
    let id: PlanId = row::parsed(found, "plan_id")?;
    let steps = sqlx::query("SELECT * FROM step WHERE plan_id = $1 ORDER BY position")
        .bind(id.as_str())
        .fetch_all(connection)
        .await?;
    let plan = Plan {
        id,
        tenant: row::parsed(found, "tenant")?,
        agent: row::parsed(found, "agent")?,
        requested_by: row::optional_parsed(found, "requested_by")?,
        run: row::optional_parsed(found, "run")?,
        goal: row::text(found, "goal")?,
        state: PlanState::parse(&row::text(found, "state")?)?,
        verdict: verdict(found)?,
        bundle: row::parsed(found, "bundle")?,
        policy_epoch: u64::try_from(row::integer(found, "policy_epoch")?).unwrap_or(0),
        tainted: row::integer(found, "tainted")? != 0,
        created_at: row::time(found, "created_at")?,
        steps: steps.iter().map(step).collect::<Result<_, _>>()?,
    };
    Ok(StoredPlan {
        plan,
        hash: row::parsed(found, "plan_hash")?,
    })
}

fn step(found: &AnyRow) -> Result<Step, StoreError> {
    Ok(Step {
        id: row::parsed(found, "step")?,
        tool: row::parsed(found, "tool")?,
        effect: row::named(found, "effect")?,
        resource: row::optional_text(found, "resource")?,
        params: row::json(found, "params")?,
        bounds: row::json(found, "bounds")?,
        precondition: row::optional_json(found, "precondition")?,
        after: row::json(found, "after_steps")?,
        reason: row::optional_text(found, "reason")?,
        verdict: verdict(found)?,
        reasons: row::json(found, "reasons")?,
        policies: row::json(found, "policies")?,
        definition_sha256: row::parsed(found, "definition_sha256")?,
        params_sha256: row::parsed(found, "params_sha256")?,
        request: row::optional_json(found, "request")?,
        request_sha256: row::optional_parsed(found, "request_sha256")?,
        approval: row::optional_parsed(found, "approval_id")?,
        state: StepState::parse(&row::text(found, "state")?)?,
        jti: row::optional_parsed(found, "jti")?,
        expires_at: row::optional_integer(found, "expires_at")?.map(stamp::from_millis),
        attempt: row::optional_parsed(found, "attempt")?,
        status: row::optional_integer(found, "status")?.and_then(|s| u16::try_from(s).ok()),
        receipt: row::optional_text(found, "receipt")?,
    })
}

fn verdict(found: &AnyRow) -> Result<Verdict, StoreError> {
    row::named(found, "verdict")
}

pub(super) fn epoch_column(epoch: u64) -> i64 {
    i64::try_from(epoch).unwrap_or(i64::MAX)
}

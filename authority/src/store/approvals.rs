//! Approvals and people's answers.

use countersign_intent::id::{ApprovalId, IntentId, PlanId, StepId, TenantId};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::plans::Whose;
use super::{StoreError, row};
use crate::approval::{Approval, GivenAnswer, Signature};
use crate::stamp;
use crate::state::{Answer, ApprovalState};

/// Writes a new approval without answers.
pub(crate) async fn insert(
    tx: &mut AnyConnection,
    tenant: &TenantId,
    approval: &Approval,
) -> Result<(), StoreError> {
    let signature_required: i64 = match approval.signature {
        Signature::Required => 1,
        Signature::Optional => 0,
    };
    sqlx::query(
        "INSERT INTO approval (approval_id, tenant, plan_id, step, plan_hash, state, reasons, \
         policies, rule, change_shown, signature_required, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(approval.id.as_str())
    .bind(tenant.as_str())
    .bind(approval.plan.as_str())
    .bind(approval.step.as_str())
    .bind(approval.plan_hash.to_string())
    .bind(approval.state.as_str())
    .bind(row::to_json(&approval.reasons)?)
    .bind(row::to_json(&approval.policies)?)
    .bind(row::to_json(&approval.rule)?)
    .bind(approval.change.as_ref().map(row::to_json).transpose()?)
    .bind(signature_required)
    .bind(stamp::to_millis(approval.created_at))
    .bind(stamp::to_millis(approval.expires_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// The approval `id` with its answers.
pub(crate) async fn find(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    id: &ApprovalId,
) -> Result<Option<Approval>, StoreError> {
    let found = sqlx::query("SELECT * FROM approval WHERE tenant = $1 AND approval_id = $2")
        .bind(tenant.as_str())
        .bind(id.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    match found {
        Some(found) => with_answers(connection, &found).await.map(Some),
        None => Ok(None),
    }
}

/// The newest approvals first, at most `limit`.
pub(crate) async fn newest(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    whose: Whose<'_>,
    limit: u32,
) -> Result<Vec<Approval>, StoreError> {
    let query = match whose {
        Whose::All => sqlx::query(
            "SELECT * FROM approval WHERE tenant = $1 \
             ORDER BY created_at DESC, approval_id DESC LIMIT $2",
        )
        .bind(tenant.as_str())
        .bind(i64::from(limit)),
        Whose::Agent(agent) => sqlx::query(
            "SELECT approval.* FROM approval JOIN plan ON plan.plan_id = approval.plan_id \
             WHERE approval.tenant = $1 AND plan.agent = $2 \
             ORDER BY approval.created_at DESC, approval.approval_id DESC LIMIT $3",
        )
        .bind(tenant.as_str())
        .bind(agent.as_str())
        .bind(i64::from(limit)),
    };
    let rows = query.fetch_all(&mut *connection).await?;
    with_all_answers(connection, &rows).await
}

/// Every approval of a plan.
pub(crate) async fn of_plan(
    connection: &mut AnyConnection,
    plan: &PlanId,
) -> Result<Vec<Approval>, StoreError> {
    let rows = sqlx::query("SELECT * FROM approval WHERE plan_id = $1 ORDER BY approval_id")
        .bind(plan.as_str())
        .fetch_all(&mut *connection)
        .await?;
    with_all_answers(connection, &rows).await
}

/// The approvals of a plan that are pending or approved and led to no token.
pub(crate) async fn open_of(
    connection: &mut AnyConnection,
    plan: &PlanId,
) -> Result<Vec<Approval>, StoreError> {
    let rows = sqlx::query(
        "SELECT * FROM approval WHERE plan_id = $1 AND state IN ($2, $3) AND used_jti IS NULL \
         ORDER BY approval_id",
    )
    .bind(plan.as_str())
    .bind(ApprovalState::Pending.as_str())
    .bind(ApprovalState::Approved.as_str())
    .fetch_all(&mut *connection)
    .await?;
    with_all_answers(connection, &rows).await
}

/// The pending approvals that no longer wait for anybody: their time was over by `now_millis`, and not
/// yet by `since_millis`.
pub(crate) async fn expired_between(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    since_millis: i64,
    now_millis: i64,
) -> Result<Vec<Approval>, StoreError> {
    let rows = sqlx::query(
        "SELECT * FROM approval WHERE tenant = $1 AND state IN ($2, $3) AND used_jti IS NULL \
         AND expires_at > $4 AND expires_at <= $5 ORDER BY approval_id",
    )
    .bind(tenant.as_str())
    .bind(ApprovalState::Pending.as_str())
    .bind(ApprovalState::Approved.as_str())
    .bind(since_millis)
    .bind(now_millis)
    .fetch_all(&mut *connection)
    .await?;
    with_all_answers(connection, &rows).await
}

/// Moves an unused approval from one state to another; `false` when it stood elsewhere.
pub(crate) async fn move_state(
    tx: &mut AnyConnection,
    id: &ApprovalId,
    from: ApprovalState,
    to: ApprovalState,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE approval SET state = $1 WHERE approval_id = $2 AND state = $3 AND used_jti IS NULL",
    )
    .bind(to.as_str())
    .bind(id.as_str())
    .bind(from.as_str())
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Uses an approval for one token; `false` when it is not approved or led to a token already.
pub(crate) async fn consume(
    tx: &mut AnyConnection,
    id: &ApprovalId,
    jti: &IntentId,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE approval SET used_jti = $1 WHERE approval_id = $2 AND state = $3 AND used_jti IS NULL",
    )
    .bind(jti.as_str())
    .bind(id.as_str())
    .bind(ApprovalState::Approved.as_str())
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes one person's answer; `false` when they answered before.
pub(crate) async fn insert_answer(
    tx: &mut AnyConnection,
    id: &ApprovalId,
    given: &GivenAnswer,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO approval_decision (approval_id, operator, roles, decision, reason, signature, \
         decided_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(id.as_str())
    .bind(given.by.as_str())
    .bind(row::to_json(&given.roles)?)
    .bind(given.answer.as_str())
    .bind(given.reason.as_str())
    .bind(given.signature.clone())
    .bind(stamp::to_millis(given.at))
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn with_all_answers(
    connection: &mut AnyConnection,
    rows: &[AnyRow],
) -> Result<Vec<Approval>, StoreError> {
    let mut approvals = Vec::with_capacity(rows.len());
    for found in rows {
        approvals.push(with_answers(connection, found).await?);
    }
    Ok(approvals)
}

async fn with_answers(
    connection: &mut AnyConnection,
    found: &AnyRow,
) -> Result<Approval, StoreError> {
    let id: ApprovalId = row::parsed(found, "approval_id")?;
    let answers = sqlx::query(
        "SELECT * FROM approval_decision WHERE approval_id = $1 ORDER BY decided_at, operator",
    )
    .bind(id.as_str())
    .fetch_all(connection)
    .await?;
    let step: StepId = row::parsed(found, "step")?;
    Ok(Approval {
        id,
        plan: row::parsed(found, "plan_id")?,
        step,
        plan_hash: row::parsed(found, "plan_hash")?,
        state: ApprovalState::parse(&row::text(found, "state")?)?,
        reasons: row::json(found, "reasons")?,
        policies: row::json(found, "policies")?,
        rule: row::json(found, "rule")?,
        change: row::optional_json(found, "change_shown")?,
        signature: match row::integer(found, "signature_required")? {
            0 => Signature::Optional,
            _ => Signature::Required,
        },
        created_at: row::time(found, "created_at")?,
        expires_at: row::time(found, "expires_at")?,
        used: row::optional_parsed(found, "used_jti")?,
        given: answers.iter().map(answer).collect::<Result<_, _>>()?,
    })
}

fn answer(found: &AnyRow) -> Result<GivenAnswer, StoreError> {
    Ok(GivenAnswer {
        by: row::parsed(found, "operator")?,
        roles: row::json(found, "roles")?,
        answer: Answer::parse(&row::text(found, "decision")?)?,
        reason: row::text(found, "reason")?,
        signature: row::optional_text(found, "signature")?,
        at: row::time(found, "decided_at")?,
    })
}

//! Withdrawing a plan.

use countersign_intent::id::PlanId;
use countersign_ledger::Kind;
use countersign_service::problem::{Problem, ProblemType};
use serde_json::json;

use crate::answer;
use crate::authority::Authority;
use crate::plan::StoredPlan;
use crate::publish;
use crate::state::PlanState;
use crate::store::plans::Whose;
use crate::store::{self, StoreError};

/// Why a plan was not withdrawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CancelError {
    /// No such plan, or another agent's.
    #[error("there is no plan `{0}`")]
    NotFound(PlanId),
    /// It ended before.
    #[error("plan `{0}` is {state} already", state = .1.as_str())]
    Closed(PlanId, PlanState),
    /// The store failed.
    #[error("the plan cannot be withdrawn")]
    Store(#[from] StoreError),
}

impl From<CancelError> for Problem {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::NotFound(_) => Self::new(ProblemType::NotFound, error.to_string()),
            CancelError::Closed(..) => Self::new(ProblemType::PlanClosed, error.to_string()),
            CancelError::Store(error) => error.into(),
        }
    }
}

/// Withdraws a plan: no further token, no further approval. Tokens that are out may still run.
/// Withdrawing twice is withdrawing once.
pub(crate) async fn cancel(
    authority: &Authority,
    whose: Whose<'_>,
    id: &PlanId,
    by: &str,
) -> Result<StoredPlan, CancelError> {
    let now = authority.now();
    let tenant = &authority.settings.tenant;
    let mut tx = authority.write().await?;
    let found = store::plans::find(&mut tx, tenant, id).await?;
    let found = found
        .filter(|found| match whose {
            Whose::All => true,
            Whose::Agent(agent) => found.plan.agent == *agent,
        })
        .ok_or_else(|| CancelError::NotFound(id.clone()))?;
    match found.plan.state {
        PlanState::Cancelled => return Ok(found),
        PlanState::Open => {}
        state @ (PlanState::Done | PlanState::Failed | PlanState::Denied) => {
            return Err(CancelError::Closed(id.clone(), state));
        }
    }
    store::plans::move_plan(&mut tx, id, PlanState::Open, PlanState::Cancelled).await?;
    store::plans::cancel_waiting(&mut tx, id).await?;
    let voided = answer::void_open(&mut tx, &found.plan).await?;
    let body = json!({
        "event": "cancelled", "plan": id, "plan_sha256": found.hash, "by": by, "voided": voided,
    });
    authority.record(&mut tx, Kind::Plan, now, body).await?;
    let missing = || CancelError::NotFound(id.clone());
    let cancelled = store::plans::find(&mut tx, tenant, id)
        .await?
        .ok_or_else(missing)?;
    tx.commit().await.map_err(StoreError::from)?;
    publish::plan(authority, &cancelled);
    for approval in voided {
        publish::approval_again(authority, &approval).await;
    }
    Ok(cancelled)
}

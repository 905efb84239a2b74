//! What must hold before a token is even thought of.

use countersign_intent::bounds;
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_service::problem::ProblemType;
use serde_json::{Map, Value};
use sqlx::AnyConnection;

use super::IssueError;
use crate::authority::Authority;
use crate::control::Scope;
use crate::enforcers::Fate;
use crate::judge;
use crate::plan::{Plan, Step};
use crate::policy::{Bundle, Verdict};
use crate::state::{PlanState, StepState};
use crate::store;

/// The plan is open, judged by the active bundle, and everything before the step is done.
pub(super) fn runnable(plan: &Plan, step: &Step, bundle: &Bundle) -> Result<(), IssueError> {
    match plan.state {
        PlanState::Denied => return Err(denied(plan)),
        PlanState::Cancelled => return Err(closed(format!("plan `{}` was withdrawn", plan.id))),
        PlanState::Failed => {
            return Err(closed(format!(
                "a step of plan `{}` failed: submit a new plan",
                plan.id
            )));
        }
        PlanState::Open | PlanState::Done => {}
    }
    if plan.bundle != bundle.hash() {
        let detail = format!("the policies changed since plan `{}` was judged", plan.id);
        return Err(IssueError::State(ProblemType::PlanStale, detail));
    }
    let doubt = plan
        .steps
        .iter()
        .find(|other| other.state == StepState::InDoubt);
    if let Some(doubt) = doubt.filter(|other| other.id != step.id) {
        let detail = format!(
            "the plan stands still while step `{}` is in doubt",
            doubt.id
        );
        return Err(IssueError::State(ProblemType::StepNotReady, detail));
    }
    if let Some(unmet) = plan.unmet(step).next() {
        let detail = format!(
            "step `{}` is not done: it is {}",
            unmet.id,
            unmet.state.as_str()
        );
        return Err(IssueError::State(ProblemType::StepNotReady, detail));
    }
    Ok(())
}

fn closed(detail: String) -> IssueError {
    IssueError::State(ProblemType::PlanClosed, detail)
}

fn denied(plan: &Plan) -> IssueError {
    let by_policy = || {
        plan.steps
            .iter()
            .filter(|step| step.verdict == Verdict::Deny)
    };
    let mut reasons: Vec<_> = by_policy().flat_map(|step| step.reasons.clone()).collect();
    let policies = by_policy().flat_map(|step| step.policies.clone()).collect();
    let detail = if let Some(step) = by_policy().next() {
        format!("policy denies step `{}` of plan `{}`", step.id, plan.id)
    } else {
        reasons.push(judge::reason(
            "approval_denied",
            "a person denied a step of the plan",
        ));
        format!("plan `{}` was denied by a person", plan.id)
    };
    IssueError::Denied {
        detail,
        reasons,
        policies,
    }
}

/// One step, one token: another only after the first can no longer run and never did.
pub(super) async fn last_token_is_spent(
    authority: &Authority,
    step: &Step,
) -> Result<(), IssueError> {
    let outstanding = |detail: String| IssueError::State(ProblemType::TokenOutstanding, detail);
    match step.state {
        StepState::Pending | StepState::NotSent => Ok(()),
        StepState::Done | StepState::Failed => {
            let detail = format!("step `{}` is {}", step.id, step.state.as_str());
            Err(IssueError::State(ProblemType::StepClosed, detail))
        }
        StepState::Denied | StepState::Cancelled => Err(closed(format!(
            "step `{}` is {}",
            step.id,
            step.state.as_str()
        ))),
        StepState::InDoubt => Err(outstanding(format!(
            "whether step `{}` ran is not known: resolve it at the enforcer first",
            step.id
        ))),
        StepState::Issued => {
            let (Some(jti), Some(expires_at)) = (&step.jti, step.expires_at) else {
                return Err(outstanding(format!("step `{}` has a token", step.id)));
            };
            match authority.enforcers.fate(jti, expires_at).await {
                Ok(Fate::Spent) => Ok(()),
                Ok(Fate::Open) => Err(outstanding(format!(
                    "token `{jti}` of step `{}` was used or has not expired yet",
                    step.id
                ))),
                Err(error) => {
                    tracing::warn!(error = %error, plan.step = %step.id, "a token's fate is unknown");
                    Err(outstanding(format!(
                        "what became of token `{jti}` of step `{}` is not known: {error}",
                        step.id
                    )))
                }
            }
        }
    }
}

/// Nobody else got a token for the step in the meantime.
pub(super) fn same_token(before: &Step, now: &Step) -> Result<(), IssueError> {
    if before.jti == now.jti && before.state == now.state {
        return Ok(());
    }
    let detail = format!("another request was first for step `{}`", now.id);
    Err(IssueError::State(ProblemType::TokenOutstanding, detail))
}

/// The plan was judged in the present policy epoch: enforcers take no token of an older one.
pub(super) async fn epoch_is_current(
    connection: &mut AnyConnection,
    plan: &Plan,
) -> Result<(), IssueError> {
    let head = store::control::head(connection).await?;
    if plan.policy_epoch >= head.policy_epoch {
        return Ok(());
    }
    let detail = format!("the policy epoch rose since plan `{}` was judged", plan.id);
    Err(IssueError::State(ProblemType::PlanStale, detail))
}

/// The kill switch is off for everything that the token would touch.
pub(super) async fn nothing_is_stopped(
    authority: &Authority,
    connection: &mut AnyConnection,
    plan: &Plan,
    step: &Step,
) -> Result<(), IssueError> {
    let scopes = [
        Scope::All,
        Scope::Tenant(plan.tenant.clone()),
        Scope::Agent(plan.agent.clone()),
        Scope::Tool(step.tool.clone()),
        Scope::Plan(plan.id.clone()),
        Scope::Key(authority.keys.active().kid().clone()),
    ];
    let Some(entry) = store::control::stopped(connection, &scopes).await? else {
        return Ok(());
    };
    let why = entry
        .reason
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    let message = format!("`{}` was stopped by {}{why}", entry.scope, entry.by);
    Err(Refusal::new(RefusalCode::Killed, message).into())
}

/// The exact parameters: those of the plan, with the bounded ones as they are known now.
pub(super) fn exact_params(
    step: &Step,
    exact: Option<&Map<String, Value>>,
) -> Result<Map<String, Value>, IssueError> {
    let none = Map::new();
    let exact = exact.unwrap_or(&none);
    bounds::settle(&step.params, &step.bounds, exact).map_err(|error| {
        if matches!(error, bounds::BoundsError::Changed { .. }) {
            Refusal::new(RefusalCode::ParamsMismatch, error.to_string()).into()
        } else {
            IssueError::State(ProblemType::BoundsExceeded, error.to_string())
        }
    })
}

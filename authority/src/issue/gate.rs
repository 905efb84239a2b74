//! Whether people stand between a step and its token.

use countersign_intent::id::ApprovalId;
use countersign_ledger::Kind;
use countersign_service::database::Write;
use countersign_service::problem::ProblemType;
use jiff::Timestamp;
use serde_json::json;

use super::IssueError;
use crate::approval::Approval;
use crate::authority::Authority;
use crate::intake::{self, Asked};
use crate::judge::{self, Judgement};
use crate::plan::{Step, StoredPlan};
use crate::policy::Verdict;
use crate::state::ApprovalState;
use crate::store::{self, StoreError};

/// Whether people let the step pass.
pub(super) enum Gate {
    /// Nobody was asked, or enough said yes.
    Open(Option<Box<Approval>>),
    /// They have not answered yet.
    Waiting {
        /// The approval that waits.
        id: ApprovalId,
        /// It, when people were asked just now.
        new: Option<Box<Approval>>,
    },
}

/// Looks at the step's approval, and asks people where policy demands it and nobody was asked.
///
/// An approval leads to one token: where that token never ran, people are asked again, and also where
/// policy now asks for more than they were asked about.
pub(super) async fn pass(
    authority: &Authority,
    tx: &mut Write,
    found: &StoredPlan,
    step: &Step,
    judgement: &Judgement,
    now: Timestamp,
) -> Result<Gate, IssueError> {
    let needed = judgement.verdict == Verdict::NeedsApproval;
    let Some(id) = &step.approval else {
        return if needed {
            Ok(ask(authority, tx, found, step, judgement, now).await?)
        } else {
            Ok(Gate::Open(None))
        };
    };
    let missing = || StoreError::corrupt("step", format!("approval `{id}` is missing"));
    let asked = store::approvals::find(tx, &authority.settings.tenant, id)
        .await?
        .ok_or_else(missing)?;
    if asked.used.is_some() || !asked.covers(&judgement.rules) {
        let again = if needed {
            judgement.clone()
        } else {
            Judgement {
                rules: asked.rule.clone(),
                policies: asked.policies.clone(),
                reasons: asked.reasons.clone(),
                ..judgement.clone()
            }
        };
        return Ok(ask(authority, tx, found, step, &again, now).await?);
    }
    let closed = |why: &str| {
        let detail = format!("approval `{id}` {why}: submit the plan again");
        IssueError::State(ProblemType::ApprovalClosed, detail)
    };
    match asked.state_at(now) {
        ApprovalState::Pending => Ok(Gate::Waiting {
            id: asked.id,
            new: None,
        }),
        ApprovalState::Approved => Ok(Gate::Open(Some(Box::new(asked)))),
        ApprovalState::Expired => Err(closed("expired before it led to a token")),
        ApprovalState::Void => Err(closed("is void")),
        ApprovalState::Denied => Err(IssueError::Denied {
            detail: format!("approval `{id}` was denied"),
            reasons: vec![judge::reason("approval_denied", "a person denied the step")],
            policies: asked.policies,
        }),
    }
}

async fn ask(
    authority: &Authority,
    tx: &mut Write,
    found: &StoredPlan,
    step: &Step,
    judgement: &Judgement,
    now: Timestamp,
) -> Result<Gate, StoreError> {
    let asked = Asked {
        plan: found.plan.id.clone(),
        hash: found.hash,
        now,
    };
    let new = intake::ask(authority, &asked, step, judgement);
    if let Some(old) = &step.approval {
        for from in [ApprovalState::Pending, ApprovalState::Approved] {
            store::approvals::move_state(tx, old, from, ApprovalState::Void).await?;
        }
    }
    store::approvals::insert(tx, &authority.settings.tenant, &new).await?;
    store::plans::set_approval(tx, &found.plan.id, &step.id, &new.id).await?;
    let body = json!({
        "event": "asked", "approval": new.id, "plan": found.plan.id, "plan_sha256": found.hash,
        "step": step.id, "policies": new.policies,
    });
    authority.record(tx, Kind::Approval, now, body).await?;
    Ok(Gate::Waiting {
        id: new.id.clone(),
        new: Some(Box::new(new)),
    })
}

//! Taking the enforcers' receipts: how the authority knows that a step is done.

use countersign_intent::digest::Digest;
use countersign_intent::id::KeyId;
use countersign_intent::receipt::{self, Outcome, Receipt, VerifiedReceipt};
use countersign_intent::token::peek_kid;
use countersign_ledger::Kind;
use countersign_service::database::Write;
use countersign_service::problem::{Problem, ProblemType};
use jiff::Timestamp;
use serde_json::json;

use crate::authority::Authority;
use crate::plan::StoredPlan;
use crate::publish;
use crate::state::StepState;
use crate::store::issued::Expected;
use crate::store::{self, StoreError};

/// Why receipts were not taken. One that is not accepted refuses all that came with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ReceiveError {
    /// Not signed by a known enforcer, or not a receipt.
    #[error("receipt {index} is not accepted: {message}")]
    Refused {
        /// Its place in the request, from 0.
        index: usize,
        /// Why.
        message: String,
    },
    /// The store failed.
    #[error("the receipts cannot be recorded")]
    Store(#[from] StoreError),
}

impl From<ReceiveError> for Problem {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Refused { index, .. } => {
                Self::new(ProblemType::ReceiptRefused, error.to_string()).field("receipt", index)
            }
            ReceiveError::Store(error) => error.into(),
        }
    }
}

/// Takes signed receipts; the same one any number of times. Answers how many were accepted.
pub(crate) async fn receive(
    authority: &Authority,
    texts: &[String],
) -> Result<usize, ReceiveError> {
    if texts.is_empty() {
        return Ok(0);
    }
    let mut verified = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        verified.push((
            index,
            text.trim(),
            open(authority, index, text.trim()).await?,
        ));
    }
    let now = authority.now();
    let mut changed = Vec::new();
    let mut tx = authority.write().await?;
    for (index, text, verified) in &verified {
        let refused = |message| ReceiveError::Refused {
            index: *index,
            message,
        };
        let Some(expected) = store::issued::find(&mut tx, &verified.receipt().jti).await? else {
            tracing::warn!(jti = %verified.receipt().jti, "a receipt for a token that is not ours");
            continue;
        };
        fits(&expected, verified.receipt()).map_err(refused)?;
        let kept = store::receipts::insert(&mut tx, verified, text, now).await?;
        if kept
            && let Some(plan) = apply(authority, &mut tx, verified, text, &expected, now).await?
        {
            changed.push(plan);
        }
    }
    tx.commit().await.map_err(StoreError::from)?;
    for plan in changed {
        publish::plan_again(authority, &plan.plan.id).await;
    }
    Ok(verified.len())
}

async fn open(
    authority: &Authority,
    index: usize,
    text: &str,
) -> Result<VerifiedReceipt, ReceiveError> {
    let refused = |message: String| ReceiveError::Refused { index, message };
    let kid: KeyId = peek_kid(text).ok_or_else(|| refused("it names no key".to_owned()))?;
    let keys = authority.enforcers.keys(&kid).await;
    let verified = receipt::verify(text, &keys).map_err(|error| refused(chain(&error)))?;
    if verified.receipt().tenant != authority.settings.tenant {
        return Err(refused("it is of another tenant".to_owned()));
    }
    Ok(verified)
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// A receipt speaks of the call that the token was for, or of nothing.
fn fits(expected: &Expected, receipt: &Receipt) -> Result<(), String> {
    let same = [
        ("plan", receipt.plan == expected.plan),
        ("step", receipt.step == expected.step),
        ("agent", receipt.sub == expected.agent),
        ("tool", receipt.tool == expected.tool),
        ("token", receipt.token_sha256 == expected.token_sha256),
        (
            "parameters",
            receipt.params_sha256 == expected.params_sha256,
        ),
        ("request", receipt.request_sha256 == expected.request_sha256),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        None => Ok(()),
        Some((what, _)) => Err(format!("its {what} is not that of token `{}`", receipt.jti)),
    }
}

/// Moves the step where the receipt says, and the plan with it.
async fn apply(
    authority: &Authority,
    tx: &mut Write,
    verified: &VerifiedReceipt,
    text: &str,
    expected: &Expected,
    now: Timestamp,
) -> Result<Option<StoredPlan>, StoreError> {
    let receipt = verified.receipt();
    let tenant = &authority.settings.tenant;
    let Some(mut stored) = store::plans::find(tx, tenant, &receipt.plan).await? else {
        return Ok(None);
    };
    let id = stored.plan.id.clone();
    let Some(step) = stored
        .plan
        .steps
        .iter_mut()
        .find(|step| step.id == receipt.step)
    else {
        return Ok(None);
    };
    // A receipt of an earlier token says nothing of the one that is out now.
    if step.jti.as_ref() != Some(&receipt.jti) {
        return Ok(None);
    }
    let Some(state) = next(step.state, receipt, &expected.use_kind) else {
        return Ok(None);
    };
    step.state = state;
    step.attempt = Some(receipt.attempt.clone());
    step.status = receipt.status;
    step.receipt = Some(text.to_owned());
    store::plans::set_outcome(tx, &id, step).await?;
    let progress = stored.plan.progress();
    if progress != stored.plan.state {
        store::plans::move_plan(tx, &id, stored.plan.state, progress).await?;
        stored.plan.state = progress;
    }
    let body = json!({
        "jti": receipt.jti, "attempt": receipt.attempt, "plan": receipt.plan, "step": receipt.step,
        "outcome": outcome_name(receipt.outcome), "status": receipt.status, "state": state.as_str(),
        "receipt_sha256": Digest::of(text.as_bytes()), "kid": verified.kid(), "leaf": receipt.leaf,
    });
    authority.record(tx, Kind::Outcome, now, body).await?;
    Ok(Some(stored))
}

/// Where a receipt moves a step that stands at `state`; `None` where it moves nothing. A token that
/// may be used once ends once; under a lease a later read that succeeds makes good an earlier one.
fn next(state: StepState, receipt: &Receipt, use_kind: &str) -> Option<StepState> {
    let lease = use_kind == "lease";
    let target = match receipt.outcome {
        Outcome::Done | Outcome::ResolvedExecuted if receipt.succeeded() => StepState::Done,
        Outcome::Done | Outcome::ResolvedExecuted => StepState::Failed,
        Outcome::NotSent | Outcome::ResolvedNotExecuted => StepState::NotSent,
        // A read that may or may not have been answered changed nothing: it just failed.
        Outcome::InDoubt if lease => StepState::Failed,
        Outcome::InDoubt => StepState::InDoubt,
    };
    let moves = match state {
        StepState::Issued => true,
        StepState::InDoubt => target != StepState::InDoubt,
        StepState::Failed | StepState::NotSent => lease && target == StepState::Done,
        StepState::Pending | StepState::Done | StepState::Denied | StepState::Cancelled => false,
    };
    moves.then_some(target)
}

/// The wire name of an outcome.
pub(crate) const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::NotSent => "not_sent",
        Outcome::InDoubt => "in_doubt",
        Outcome::ResolvedExecuted => "resolved_executed",
        Outcome::ResolvedNotExecuted => "resolved_not_executed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(outcome: Outcome, status: Option<u16>) -> Receipt {
        let at = Timestamp::UNIX_EPOCH;
        let digest = Digest::of(b"");
        Receipt {
            iss: "enforcer".to_owned(),
            iat: 0,
            sub: "a".parse().unwrap(),
            jti: countersign_intent::id::IntentId::mint(at, [0; 10]),
            attempt: countersign_intent::id::AttemptId::mint(at, [0; 10]),
            tenant: countersign_intent::id::TenantId::single(),
            plan: countersign_intent::id::PlanId::mint(at, [0; 10]),
            step: "s".parse().unwrap(),
            tool: "t".parse().unwrap(),
            params_sha256: digest,
            request_sha256: digest,
            definition_sha256: digest,
            token_sha256: digest,
            outcome,
            status,
            body_sha256: None,
            body_length: None,
            sends: None,
            consumed_at: at,
            ended_at: at,
            precondition: None,
            leaf: None,
        }
    }

    #[test]
    fn a_step_follows_its_receipt_and_never_goes_back() {
        use StepState::{Done, Failed, InDoubt, Issued, NotSent};
        let once = |state, outcome, status| next(state, &receipt(outcome, status), "once");
        assert_eq!(once(Issued, Outcome::Done, Some(204)), Some(Done));
        assert_eq!(once(Issued, Outcome::Done, Some(404)), Some(Failed));
        assert_eq!(once(Issued, Outcome::NotSent, None), Some(NotSent));
        assert_eq!(once(Issued, Outcome::InDoubt, None), Some(InDoubt));
        assert_eq!(once(InDoubt, Outcome::ResolvedExecuted, None), Some(Done));
        // A late answer that says no.
        assert_eq!(
            once(InDoubt, Outcome::ResolvedExecuted, Some(500)),
            Some(Failed)
        );
        assert_eq!(
            once(InDoubt, Outcome::ResolvedNotExecuted, None),
            Some(NotSent)
        );
        assert_eq!(once(Done, Outcome::Done, Some(500)), None);
        assert_eq!(once(Failed, Outcome::Done, Some(200)), None);
        assert_eq!(once(NotSent, Outcome::Done, Some(200)), None);
    }

    #[test]
    fn a_later_read_under_a_lease_makes_good() {
        let lease = |state, outcome, status| next(state, &receipt(outcome, status), "lease");
        assert_eq!(
            lease(StepState::Failed, Outcome::Done, Some(200)),
            Some(StepState::Done)
        );
        assert_eq!(
            lease(StepState::Issued, Outcome::InDoubt, None),
            Some(StepState::Failed)
        );
        assert_eq!(lease(StepState::Done, Outcome::Done, Some(500)), None);
    }
}

//! Spending a token: the last checks, the lock, the row and the record, in one transaction.

use std::sync::Arc;
use std::time::Duration;

use countersign_intent::id::AttemptId;
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::tool::Effect;
use countersign_ledger::{Draft, Kind};
use countersign_service::clock;
use countersign_service::faults::Point;
use jiff::Timestamp;
use serde_json::json;

use super::Shared;
use super::batch::{Batch, Wanted};
use super::call::Call;
use super::settle::Settle;
use super::store::StoreError;
use crate::approved::Approved;
use crate::execution::{Event, State};
use crate::stamp;

/// How long after its tool's time limit a call is given up.
const GRACE: Duration = Duration::from_mins(1);

/// When the last checks held, and under which control.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// The control generation.
    pub(super) generation: u64,
    /// On the monotonic clock, before the commit: a commit that takes long makes the permit old.
    pub(super) at: Duration,
}

/// A call whose token is to be spent.
#[derive(Debug)]
pub(crate) struct Spend {
    attempt: AttemptId,
    approved: Arc<Approved>,
}

impl Spend {
    /// Spends the token of `approved` for `attempt`.
    pub(super) fn new(approved: Arc<Approved>, attempt: AttemptId) -> Self {
        Self { attempt, approved }
    }

    /// What is to be recorded when it turns out that the token was spent after all.
    pub(super) fn never_sent(&self) -> Settle {
        let cause = "the commit's result was not known, so nothing was sent";
        Settle::of(
            &self.approved.intent().jti,
            &self.attempt,
            Event::NothingWritten,
        )
        .because(cause)
    }

    /// What must be known to spend it.
    pub(super) fn want(&self, wanted: &mut Wanted) {
        let intent = self.approved.intent();
        wanted.tokens.insert(intent.jti.clone());
        match self.approved.effect {
            Effect::Read => return,
            Effect::Service => {}
            Effect::Destructive | Effect::Data => {
                let step = (intent.plan.clone(), intent.step.clone());
                wanted.steps.insert(step);
            }
        }
        wanted.resources.insert(self.approved.resource.clone());
    }

    /// Checks what only the writer can check, and spends the token.
    pub(super) fn apply(
        &self,
        shared: &Shared,
        batch: &mut Batch,
    ) -> Result<Result<(Arc<Call>, Standing), Refusal>, StoreError> {
        let checked = shared
            .now()
            .and_then(|now| Ok((now, self.check(shared, now)?)));
        let (now, standing) = match checked {
            Ok(checked) => checked,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let call = Arc::new(self.call(shared, now));
        if let Some(earlier) = batch.call(&call.jti) {
            return Ok(Err(used(earlier)));
        }
        if let Some(attempt) = batch.ran(&call) {
            return Ok(Err(ran(attempt)));
        }
        if call.effect != Effect::Read
            && let Some(holder) = batch.holder(&call)
        {
            // Another process may have spent it between the look at the token and the look at the lock.
            let same = holder.jti == call.jti;
            return Ok(Err(if same {
                used(holder)
            } else {
                locked(&call, holder)
            }));
        }
        batch.spend(&call);
        let draft = Draft {
            kind: Kind::Consume,
            at: call.consumed_at,
            body: self.record(&call),
        };
        batch.record(&shared.ledger, draft)?;
        shared.faults.reach(Point::Sequenced);
        Ok(Ok((call, standing)))
    }

    /// Control, key, floor, epoch and life again: time has passed since the call was admitted.
    fn check(&self, shared: &Shared, now: Timestamp) -> Result<Standing, Refusal> {
        let (intent, kid) = (self.approved.intent(), self.approved.call.kid());
        let control = shared.control.snapshot()?;
        let at = shared.clock.monotonic();
        shared.control.check_lease(self.approved.effect, at)?;
        control.check(intent, kid)?;
        if control.keys().get(kid).is_none() {
            let message = format!("key `{kid}` is no longer in the key set");
            return Err(Refusal::new(RefusalCode::TokenKey, message));
        }
        let floor = shared.floor(control.policy_epoch());
        if intent.iat < floor.issued_at {
            let message = "the token was issued before this enforcer's issuance floor";
            return Err(Refusal::new(RefusalCode::TokenFloor, message));
        }
        if intent.policy_epoch < floor.policy_epoch {
            let message = "the token was issued under an older policy epoch";
            return Err(Refusal::new(RefusalCode::TokenEpoch, message));
        }
        if now >= stamp::from_seconds(intent.exp) {
            let message = "the token expired while the call waited";
            return Err(Refusal::new(RefusalCode::TokenExpired, message));
        }
        let generation = control.generation();
        Ok(Standing { generation, at })
    }

    fn call(&self, shared: &Shared, consumed_at: Timestamp) -> Call {
        let approved = &self.approved;
        let (intent, bound) = (approved.intent(), approved.intent().call());
        Call {
            tenant: shared.tenant.clone(),
            jti: intent.jti.clone(),
            attempt: self.attempt.clone(),
            state: State::Consumed,
            cause: None,
            agent: intent.sub.clone(),
            plan: intent.plan.clone(),
            step: intent.step.clone(),
            tool: bound.tool.clone(),
            effect: approved.effect,
            resource: approved.resource.clone(),
            params_sha256: bound.params_sha256,
            request_sha256: bound.request_sha256,
            definition_sha256: bound.definition_sha256,
            token_sha256: approved.token_sha256,
            precondition: approved.looked(),
            body: None,
            sends: None,
            late: None,
            exp: stamp::from_seconds(intent.exp),
            consumed_at,
            deadline: clock::saturating_add(consumed_at, approved.longest().saturating_add(GRACE)),
            ended_at: None,
            receipt: None,
        }
    }

    /// The record holds the spent token whole, so that its signature can be checked offline.
    fn record(&self, call: &Call) -> serde_json::Value {
        json!({
            "jti": call.jti,
            "attempt": call.attempt,
            "token": self.approved.token.as_str(),
            "agent": call.agent,
            "plan": call.plan,
            "step": call.step,
            "tool": call.tool,
            "effect": call.effect,
            "resource": call.resource,
            "params_sha256": call.params_sha256,
            "request_sha256": call.request_sha256,
            "definition_sha256": call.definition_sha256,
        })
    }
}

/// The token of `earlier` cannot be spent again.
pub(crate) fn used(earlier: &Call) -> Refusal {
    let message = format!(
        "the token was used already, by attempt `{}`",
        earlier.attempt
    );
    Refusal::new(RefusalCode::TokenUsed, message)
}

/// What cannot be undone runs once per approved step, whatever tokens there are for it.
fn ran(earlier: &AttemptId) -> Refusal {
    let message = format!("the step ran already, by attempt `{earlier}`");
    Refusal::new(RefusalCode::TokenUsed, message)
}

fn locked(call: &Call, holder: &Call) -> Refusal {
    let (resource, attempt) = (&call.resource, &holder.attempt);
    let message = if holder.state == State::InDoubt {
        format!(
            "{resource} is held by attempt `{attempt}`, which is in doubt: an operator must resolve it"
        )
    } else {
        format!("{resource} is held by attempt `{attempt}`")
    };
    Refusal::new(RefusalCode::Overload, message)
}

//! Spending a token: the last checks, the lock, the row and the record, in one transaction.

use std::fmt;
use std::time::Duration;

use countersign_intent::digest::Digest;
use countersign_intent::id::AttemptId;
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::token::{Intent, MatchedCall};
use countersign_intent::tool::Effect;
use countersign_ledger::Kind;
use countersign_service::clock;
use jiff::Timestamp;
use serde_json::json;
use sqlx::AnyConnection;
use zeroize::Zeroizing;

use super::Shared;
use super::call::Call;
use super::lock::Guard;
use super::settle::Settle;
use super::store::{StoreError, calls, state};
use crate::execution::{Event, State};
use crate::stamp;

/// How long after its tool's time limit a call is given up.
const GRACE: Duration = Duration::from_mins(1);

/// A call whose token is to be spent.
pub(crate) struct Order {
    pub(crate) call: MatchedCall,
    pub(crate) token: Zeroizing<String>,
    pub(crate) kid: String,
    pub(crate) effect: Effect,
    /// The resource as policy names it.
    pub(crate) resource: String,
    pub(crate) timeout: Duration,
    /// The resource, held in this process; reads hold none.
    pub(crate) guard: Option<Guard>,
}

impl fmt::Debug for Order {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Order({})", self.call.intent().jti)
    }
}

/// An order as the writer sees it.
pub(crate) struct Spend {
    attempt: AttemptId,
    intent: Intent,
    token: Zeroizing<String>,
    kid: String,
    effect: Effect,
    resource: String,
    timeout: Duration,
}

impl fmt::Debug for Spend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Spend({})", self.intent.jti)
    }
}

impl Spend {
    /// Splits `order` into what the writer needs and what the permit needs.
    pub(super) fn new(mut order: Order, attempt: AttemptId) -> (Self, Order) {
        let spend = Self {
            attempt,
            intent: order.call.intent().clone(),
            token: std::mem::take(&mut order.token),
            kid: std::mem::take(&mut order.kid),
            effect: order.effect,
            resource: order.resource.clone(),
            timeout: order.timeout,
        };
        (spend, order)
    }

    /// What is to be recorded when it turns out that the token was spent after all.
    pub(super) fn never_sent(&self) -> Settle {
        let cause = "the commit's result was not known, so nothing was sent";
        Settle::of(&self.intent.jti, &self.attempt, Event::NothingWritten).because(cause)
    }

    /// Checks what only the writer can check, and spends the token.
    pub(super) async fn apply(
        &self,
        shared: &Shared,
        tx: &mut AnyConnection,
    ) -> Result<Result<(Box<Call>, u64), Refusal>, StoreError> {
        let checked = shared
            .now()
            .and_then(|now| Ok((now, self.check(shared, now)?)));
        let (now, generation) = match checked {
            Ok(checked) => checked,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let call = self.call(shared, now);
        if let Some(earlier) = calls::by_jti(&mut *tx, &call.tenant, &call.jti).await? {
            return Ok(Err(used(&earlier)));
        }
        if matches!(self.effect, Effect::Destructive | Effect::Data)
            && let Some(earlier) = calls::of_step(&mut *tx, &call).await?
        {
            return Ok(Err(ran(&earlier)));
        }
        if self.effect != Effect::Read && !calls::lock(tx, &call).await? {
            return Ok(Err(match calls::holder(tx, &call).await? {
                // Spent by another process since the look above.
                Some(holder) if holder.jti == call.jti => used(&holder),
                holder => locked(&call, holder.as_ref()),
            }));
        }
        if !calls::insert(tx, &call).await? {
            calls::unlock(tx, &call).await?;
            return Ok(Err(used(&call)));
        }
        state::raise_high_water(tx, call.consumed_at).await?;
        let _appended = shared
            .ledger
            .append(tx, Kind::Consume, call.consumed_at, self.record(&call))
            .await?;
        Ok(Ok((Box::new(call), generation)))
    }

    /// Control, key, floor, epoch and life again: time has passed since the call was admitted.
    fn check(&self, shared: &Shared, now: Timestamp) -> Result<u64, Refusal> {
        let control = shared.control.snapshot()?;
        shared
            .control
            .check_lease(self.effect, shared.clock.monotonic())?;
        control.check(&self.intent, &self.kid)?;
        if control
            .keys()
            .iter()
            .all(|key| key.kid().as_str() != self.kid)
        {
            let message = format!("key `{}` is no longer in the key set", self.kid);
            return Err(Refusal::new(RefusalCode::TokenKey, message));
        }
        let floor = shared.floor(control.policy_epoch());
        if self.intent.iat < floor.issued_at {
            let message = "the token was issued before this enforcer's issuance floor";
            return Err(Refusal::new(RefusalCode::TokenFloor, message));
        }
        if self.intent.policy_epoch < floor.policy_epoch {
            let message = "the token was issued under an older policy epoch";
            return Err(Refusal::new(RefusalCode::TokenEpoch, message));
        }
        if now >= stamp::from_seconds(self.intent.exp) {
            let message = "the token expired while the call waited";
            return Err(Refusal::new(RefusalCode::TokenExpired, message));
        }
        Ok(control.generation())
    }

    fn call(&self, shared: &Shared, consumed_at: Timestamp) -> Call {
        let approved = self.intent.call();
        Call {
            tenant: shared.tenant.clone(),
            jti: self.intent.jti.clone(),
            attempt: self.attempt.clone(),
            writer: shared.ledger.writer().to_owned(),
            state: State::Consumed,
            cause: None,
            agent: self.intent.sub.clone(),
            plan: self.intent.plan.clone(),
            step: self.intent.step.clone(),
            tool: approved.tool.clone(),
            effect: self.effect,
            resource: self.resource.clone(),
            params_sha256: approved.params_sha256,
            request_sha256: approved.request_sha256,
            definition_sha256: approved.definition_sha256,
            token_sha256: Digest::of(self.token.as_bytes()),
            body: None,
            exp: stamp::from_seconds(self.intent.exp),
            consumed_at,
            deadline: clock::saturating_add(consumed_at, self.timeout.saturating_add(GRACE)),
            ended_at: None,
            receipt: None,
        }
    }

    /// The record holds the spent token whole, so that its signature can be checked offline.
    fn record(&self, call: &Call) -> serde_json::Value {
        json!({
            "jti": call.jti,
            "attempt": call.attempt,
            "token": self.token.as_str(),
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

fn used(earlier: &Call) -> Refusal {
    let message = format!(
        "the token was used already, by attempt `{}`",
        earlier.attempt
    );
    Refusal::new(RefusalCode::TokenUsed, message)
}

/// What cannot be undone runs once per approved step, whatever tokens there are for it.
fn ran(earlier: &Call) -> Refusal {
    let message = format!("the step ran already, by attempt `{}`", earlier.attempt);
    Refusal::new(RefusalCode::TokenUsed, message)
}

fn locked(call: &Call, holder: Option<&Call>) -> Refusal {
    let resource = &call.resource;
    let message = match holder {
        Some(holder) if holder.state == State::InDoubt => format!(
            "{resource} is held by attempt `{}`, which is in doubt: an operator must resolve it",
            holder.attempt
        ),
        Some(holder) => format!("{resource} is held by attempt `{}`", holder.attempt),
        None => format!("{resource} is held by another call"),
    };
    Refusal::new(RefusalCode::Overload, message)
}

//! Recording what became of an attempt: state, record, receipt and lock, in one transaction.

use countersign_intent::id::{AttemptId, IntentId, OperatorId};
use countersign_ledger::Kind;
use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::AnyConnection;

use super::Shared;
use super::call::{BodyDigest, Call, outcome_str};
use super::store::receipts::NewReceipt;
use super::store::{StoreError, calls, receipts};
use crate::execution::{Event, Resolution, State};
use crate::stamp;

/// What became known of an attempt.
#[derive(Clone, Debug)]
pub(crate) struct Settle {
    jti: IntentId,
    attempt: AttemptId,
    event: Event,
    cause: Option<String>,
    body: Option<BodyDigest>,
    word: Option<Word>,
}

/// An operator's word on a call in doubt.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) by: OperatorId,
    pub(crate) evidence: String,
    pub(crate) reason: String,
}

/// It is recorded: the call as it is now, with its receipt.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    pub(crate) call: Call,
}

/// It was not recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SettleError {
    /// The store does not take it; the writer keeps trying.
    #[error("the outcome cannot be recorded")]
    Unrecorded,
    /// There is no such attempt.
    #[error("there is no such attempt")]
    Unknown,
    /// The call's state does not change by this.
    #[error("the call is {}, which does not change by this", .0.as_str())]
    NoTransition(State),
}

impl Settle {
    /// `event` became known of `attempt`, which spent the token `jti`.
    pub(crate) fn of(jti: &IntentId, attempt: &AttemptId, event: Event) -> Self {
        let (jti, attempt) = (jti.clone(), attempt.clone());
        Self {
            jti,
            attempt,
            event,
            cause: None,
            body: None,
            word: None,
        }
    }

    /// Why.
    #[must_use]
    pub(crate) fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The answer's body.
    #[must_use]
    pub(crate) fn with_body(mut self, body: BodyDigest) -> Self {
        self.body = Some(body);
        self
    }

    /// Who says so.
    #[must_use]
    pub(crate) fn on_word_of(mut self, word: Word) -> Self {
        self.word = Some(word);
        self
    }

    pub(super) fn attempt(&self) -> &AttemptId {
        &self.attempt
    }

    /// Moves the call on. `Err` inside `Ok` changes nothing.
    pub(super) async fn apply(
        &self,
        shared: &Shared,
        tx: &mut AnyConnection,
    ) -> Result<Result<Box<Settled>, SettleError>, StoreError> {
        let Some(call) = calls::by_jti(&mut *tx, &shared.tenant, &self.jti).await? else {
            return Ok(Err(SettleError::Unknown));
        };
        if call.attempt != self.attempt {
            return Ok(Err(SettleError::Unknown));
        }
        let from = call.state;
        let next = match from.on(self.event) {
            Ok(next) => next,
            Err(error) => return Ok(Err(SettleError::NoTransition(error.state))),
        };
        let ended_at = stamp::whole_millis(shared.clock.now()).max(call.consumed_at);
        let call = self.moved(call, next, ended_at);
        if !calls::advance(tx, &call, from).await? {
            return Ok(Err(SettleError::NoTransition(from)));
        }
        if !next.holds_lock() {
            calls::unlock(tx, &call).await?;
        }
        let call = self.record(shared, tx, call, ended_at).await?;
        Ok(Ok(Box::new(Settled { call })))
    }

    fn moved(&self, mut call: Call, next: State, ended_at: Timestamp) -> Call {
        call.state = next;
        call.ended_at = Some(ended_at);
        call.cause = self.cause.clone().or(call.cause);
        call.body = self.body.or(call.body);
        call
    }

    /// Appends the record, then signs the receipt over its leaf.
    async fn record(
        &self,
        shared: &Shared,
        tx: &mut AnyConnection,
        mut call: Call,
        ended_at: Timestamp,
    ) -> Result<Call, StoreError> {
        let kind = if call.state.resolution().is_some() {
            Kind::Resolve
        } else {
            Kind::Outcome
        };
        let appended = shared
            .ledger
            .append(tx, kind, ended_at, self.body_of(&call))
            .await?;
        if let Some(outcome) = call.outcome() {
            let jws = shared
                .signer
                .sign(&call, outcome, ended_at, Some(appended.leaf));
            let receipt = NewReceipt {
                attempt: call.attempt.clone(),
                jti: call.jti.clone(),
                outcome: outcome_str(outcome),
                jws: jws.clone(),
                signed_at: ended_at,
            };
            receipts::insert(tx, &receipt).await?;
            call.receipt = Some(jws);
        }
        Ok(call)
    }

    fn body_of(&self, call: &Call) -> Value {
        let mut body = json!({
            "jti": call.jti,
            "attempt": call.attempt,
            "state": call.state.as_str(),
            "request_sha256": call.request_sha256,
            "consumed_at": call.consumed_at,
        });
        let optional = [
            ("status", call.state.status().map(Value::from)),
            (
                "resolution",
                call.state
                    .resolution()
                    .map(Resolution::as_str)
                    .map(Value::from),
            ),
            ("cause", self.cause.clone().map(Value::from)),
            (
                "body_sha256",
                call.body.map(|body| Value::from(body.sha256.to_string())),
            ),
            (
                "body_length",
                call.body.map(|body| Value::from(body.length)),
            ),
            (
                "by",
                self.word.as_ref().map(|word| Value::from(word.by.as_str())),
            ),
            (
                "evidence",
                self.word
                    .as_ref()
                    .map(|word| Value::from(word.evidence.as_str())),
            ),
            (
                "reason",
                self.word
                    .as_ref()
                    .map(|word| Value::from(word.reason.as_str())),
            ),
        ];
        if let Some(members) = body.as_object_mut() {
            for (name, value) in optional {
                members.extend(value.map(|value| (name.to_owned(), value)));
            }
        }
        body
    }
}

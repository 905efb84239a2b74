//! Recording what became of an attempt: state, record, receipt and lock, in one transaction.

use std::collections::BTreeSet;

use countersign_intent::id::{AttemptId, IntentId, OperatorId};
use countersign_ledger::{Draft, Kind};
use countersign_service::faults::Point;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Shared;
use super::batch::Batch;
use super::call::{BodyDigest, Call, outcome_str};
use super::store::StoreError;
use super::store::receipts::NewReceipt;
use super::words::{self, Weight, Word};
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
    sends: u32,
    word: Option<Word>,
    /// Whose words count; everybody's where it is not said.
    people: Option<BTreeSet<OperatorId>>,
}

/// It is recorded: the call as it is now, with its receipt, and what people said of it. A call that is
/// still in doubt waits for the word of more people.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    pub(crate) call: Call,
    pub(crate) words: Vec<Word>,
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
    /// Another person said otherwise.
    #[error("`{}` said otherwise", .0.by)]
    Differs(Box<Word>),
    /// The call's state does not change by this.
    #[error("the call is {}, which does not change by this", .0.as_str())]
    NoTransition(State),
}

impl Settled {
    /// Whether the call's state changed; a word that waits for another changes none.
    pub(crate) fn moved(&self) -> bool {
        self.words.is_empty() || self.call.state != State::InDoubt
    }
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
            sends: 1,
            word: None,
            people: None,
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

    /// How often the call was sent.
    #[must_use]
    pub(crate) fn sent(mut self, sends: u32) -> Self {
        self.sends = sends;
        self
    }

    /// Who says so.
    #[must_use]
    pub(crate) fn on_word_of(mut self, word: Word) -> Self {
        self.word = Some(word);
        self
    }

    /// Who is asked: what others said before counts no more.
    #[must_use]
    pub(crate) fn among(mut self, people: BTreeSet<OperatorId>) -> Self {
        self.people = Some(people);
        self
    }

    pub(super) fn attempt(&self) -> &AttemptId {
        &self.attempt
    }

    pub(super) fn jti(&self) -> &IntentId {
        &self.jti
    }

    /// Whether a person says so.
    pub(super) fn is_word(&self) -> bool {
        self.word.is_some()
    }

    /// Moves the call on. `Err` inside `Ok` changes nothing.
    pub(super) fn apply(
        &self,
        shared: &Shared,
        batch: &mut Batch,
    ) -> Result<Result<Box<Settled>, SettleError>, StoreError> {
        let Some(call) = batch.call(&self.jti) else {
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
        let call = Call::clone(call);
        if let Some(word) = &self.word {
            if !batch.has_doubt(&self.jti) {
                return Err(StoreError::Moved);
            }
            match words::weigh(call.effect, word, &self.counting(batch)) {
                Weight::Settles => batch.say(&call, word),
                Weight::Waits => return Ok(Ok(Box::new(self.wait(shared, batch, call, word)?))),
                Weight::Differs(other) => return Ok(Err(SettleError::Differs(Box::new(other)))),
            }
        }
        let ended_at = stamp::whole_millis(shared.clock.now()).max(call.consumed_at);
        let mut call = self.moved(call, next, ended_at);
        let words = self.counting(batch);
        batch.advance(&call, from);
        call.receipt = self.record(shared, batch, (&call, &words), ended_at)?;
        Ok(Ok(Box::new(Settled { call, words })))
    }

    /// What was said by people who are still asked.
    fn counting(&self, batch: &Batch) -> Vec<Word> {
        let counts = |word: &&Word| {
            self.people
                .as_ref()
                .is_none_or(|people| people.contains(&word.by))
        };
        batch
            .words(&self.jti)
            .iter()
            .filter(counts)
            .cloned()
            .collect()
    }

    fn moved(&self, mut call: Call, next: State, ended_at: Timestamp) -> Call {
        call.state = next;
        call.ended_at = Some(ended_at);
        call.cause = self.cause.clone().or(call.cause);
        call.body = self.body.or(call.body);
        call.sends = self.repeated();
        call.late = match (self.event, next) {
            (Event::Answered(status), State::Resolved(_)) => Some(status),
            _ => None,
        };
        call
    }

    /// How often the call was sent, where that is more than once.
    fn repeated(&self) -> Option<u32> {
        (self.sends > 1).then_some(self.sends)
    }

    /// Adds the record, then signs the receipt over its leaf.
    fn record(
        &self,
        shared: &Shared,
        batch: &mut Batch,
        (call, words): (&Call, &[Word]),
        ended_at: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let kind = if call.state.resolution().is_some() {
            Kind::Resolve
        } else {
            Kind::Outcome
        };
        let body = self.body_of(call, words);
        let draft = Draft {
            kind,
            at: ended_at,
            body,
        };
        let leaf = batch.record(&shared.ledger, draft)?;
        if self.word.is_some() {
            shared.faults.reach(Point::Resolve);
        }
        let Some(outcome) = call.outcome() else {
            return Ok(None);
        };
        shared.faults.reach(Point::BeforeSign);
        let jws = shared.signer.sign(call, outcome, ended_at, Some(leaf));
        shared.faults.reach(Point::AfterSign);
        batch.give(&call.jti, &jws);
        batch.keep(NewReceipt {
            attempt: call.attempt.clone(),
            jti: call.jti.clone(),
            outcome: outcome_str(outcome),
            jws: jws.clone(),
            signed_at: ended_at,
        });
        Ok(Some(jws))
    }

    /// The call stays as it is until more people say the same.
    fn wait(
        &self,
        shared: &Shared,
        batch: &mut Batch,
        call: Call,
        word: &Word,
    ) -> Result<Settled, StoreError> {
        batch.say(&call, word);
        let draft = Draft {
            kind: Kind::Resolve,
            at: word.at,
            body: words::waiting(&call, word),
        };
        batch.record(&shared.ledger, draft)?;
        let words = self.counting(batch);
        Ok(Settled { call, words })
    }

    fn body_of(&self, call: &Call, words: &[Word]) -> Value {
        let mut body = json!({
            "jti": call.jti,
            "attempt": call.attempt,
            "state": call.state.as_str(),
            "request_sha256": call.request_sha256,
            "consumed_at": call.consumed_at,
        });
        let optional = [
            ("status", call.state.status().or(call.late).map(Value::from)),
            (
                "resolution",
                call.state
                    .resolution()
                    .map(Resolution::as_str)
                    .map(Value::from),
            ),
            ("sends", self.repeated().map(Value::from)),
            ("cause", self.cause.clone().map(Value::from)),
            (
                "body_sha256",
                call.body.map(|body| Value::from(body.sha256.to_string())),
            ),
            (
                "body_length",
                call.body.map(|body| Value::from(body.length)),
            ),
            ("words", (!words.is_empty()).then(|| json!(words))),
        ];
        if let Some(members) = body.as_object_mut() {
            for (name, value) in optional {
                members.extend(value.map(|value| (name.to_owned(), value)));
            }
        }
        body
    }
}

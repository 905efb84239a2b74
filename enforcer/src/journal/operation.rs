//! What the writer is asked to do, and how each question is answered.

use std::sync::Arc;

use countersign_intent::id::IntentId;
use countersign_intent::refusal::Refusal;
use countersign_ledger::Kind;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::oneshot;

use super::call::Call;
use super::settle::{Settle, SettleError, Settled};
use super::spend::{Spend, Standing};
use super::store::receipts::NewReceipt;
use super::{PutError, unavailable, unknown};
use crate::control::{ControlDocument, Snapshot};

/// One change, or a question that must see every change before it.
#[derive(Debug)]
pub(super) enum Operation {
    /// Spend a token; the answer is under what it was.
    Spend {
        spend: Box<Spend>,
        reply: oneshot::Sender<Result<Standing, Refusal>>,
    },
    /// Record what became of an attempt.
    Settle {
        settle: Box<Settle>,
        reply: Option<oneshot::Sender<Result<Settled, SettleError>>>,
    },
    /// Read the state of a token.
    LookUp {
        jti: IntentId,
        reply: oneshot::Sender<Result<Option<Call>, Refusal>>,
    },
    /// Record a control document and put it in force.
    Control {
        document: Box<ControlDocument>,
        reply: oneshot::Sender<Result<u64, PutError>>,
    },
    /// Append a record.
    Note {
        note: Box<Note>,
        reply: oneshot::Sender<bool>,
    },
    /// Take receipts out of the outbox.
    Posted {
        ids: Vec<String>,
        reply: oneshot::Sender<bool>,
    },
}

/// A record that changes no state, with receipts that stand on their own (those of leases).
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) kind: Kind,
    pub(crate) at: Timestamp,
    pub(crate) body: Value,
    pub(crate) receipts: Vec<NewReceipt>,
}

/// What applying an operation came to; it holds once the transaction is committed.
#[derive(Debug)]
pub(super) enum Answer {
    Spend(Result<(Arc<Call>, Standing), Refusal>),
    Settle(Result<Box<Settled>, SettleError>),
    LookUp(Option<Arc<Call>>),
    Control(Result<Box<Snapshot>, PutError>),
    Note,
    Posted,
}

/// How a transaction failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nothing was committed.
    NotCommitted,
    /// Nothing was committed, because the database does not answer or has no space.
    Unavailable,
    /// The commit's result is not known.
    Unknown,
}

impl Operation {
    /// Answers that the transaction failed. Gives back what still must be recorded.
    pub(super) fn fail(self, failure: Failure) -> Option<Settle> {
        match self {
            Self::Spend { spend, reply } => {
                let (refusal, left) = match failure {
                    Failure::NotCommitted | Failure::Unavailable => (unavailable(), None),
                    Failure::Unknown => (unknown(), Some(spend.never_sent())),
                };
                let _ = reply.send(Err(refusal));
                left
            }
            Self::Settle { settle, reply } => {
                if let Some(reply) = reply {
                    let _ = reply.send(Err(SettleError::Unrecorded));
                }
                // People were told that their word is not recorded: it is theirs to say it again.
                (!settle.is_word()).then_some(*settle)
            }
            Self::LookUp { reply, .. } => {
                let _ = reply.send(Err(unavailable()));
                None
            }
            Self::Control { reply, .. } => {
                let _ = reply.send(Err(PutError::Unrecorded));
                None
            }
            Self::Note { reply, .. } | Self::Posted { reply, .. } => {
                let _ = reply.send(false);
                None
            }
        }
    }

    /// Gives the answer to whoever asked. An asker that went away does not matter.
    pub(super) fn answer(self, answer: Answer) {
        match (self, answer) {
            (Self::Spend { reply, .. }, Answer::Spend(answer)) => {
                let _ = reply.send(answer.map(|(_, standing)| standing));
            }
            (
                Self::Settle {
                    reply: Some(reply), ..
                },
                Answer::Settle(answer),
            ) => {
                let _ = reply.send(answer.map(|settled| *settled));
            }
            (Self::LookUp { reply, .. }, Answer::LookUp(call)) => {
                let _ = reply.send(Ok(call.map(Arc::unwrap_or_clone)));
            }
            (Self::Control { reply, .. }, Answer::Control(answer)) => {
                let _ = reply.send(answer.map(|snapshot| snapshot.generation()));
            }
            (Self::Note { reply, .. }, Answer::Note)
            | (Self::Posted { reply, .. }, Answer::Posted) => {
                let _ = reply.send(true);
            }
            (operation, _) => drop(operation),
        }
    }

    /// Whether the operation must be the last of its transaction.
    pub(super) fn ends_batch(&self) -> bool {
        match self {
            Self::Control { .. } => true,
            Self::Spend { .. }
            | Self::Settle { .. }
            | Self::LookUp { .. }
            | Self::Note { .. }
            | Self::Posted { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_intent::id::AttemptId;

    use super::super::words::Word;
    use super::*;
    use crate::execution::{Event, Resolution};

    #[test]
    fn an_outcome_that_failed_is_kept_and_a_persons_word_is_not() {
        let at = Timestamp::UNIX_EPOCH;
        let (jti, attempt) = (IntentId::mint(at, [1; 10]), AttemptId::mint(at, [2; 10]));
        let settle = |event| Operation::Settle {
            settle: Box::new(Settle::of(&jti, &attempt, event)),
            reply: None,
        };
        let left = settle(Event::Answered(200)).fail(Failure::NotCommitted);
        assert!(left.is_some(), "what happened is recorded later");
        let word = Word {
            by: "ann".parse().unwrap(),
            resolution: Resolution::NotExecuted,
            evidence: "the log".to_owned(),
            reason: "nothing there".to_owned(),
            at,
        };
        let event = Event::Settled(Resolution::NotExecuted);
        let spoken = Operation::Settle {
            settle: Box::new(Settle::of(&jti, &attempt, event).on_word_of(word)),
            reply: None,
        };
        assert!(spoken.fail(Failure::Unknown).is_none());
    }
}

//! What the writer is asked to do, and how each question is answered.

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
    Spend(Result<(Box<Call>, Standing), Refusal>),
    Settle(Result<Box<Settled>, SettleError>),
    LookUp(Option<Box<Call>>),
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
                Some(*settle)
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
                let _ = reply.send(Ok(call.map(|call| *call)));
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

//! Transactions of the writer: a batch of operations, all or none.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_intent::id::IntentId;
use countersign_ledger::{Draft, Kind, Tip};
use countersign_service::clock;
use countersign_service::database::{self, CommitError, Unit, end_if_disk_failed, is_unavailable};
use countersign_service::faults::Point;
use countersign_service::problem::error_chain;
use serde_json::{Value, json};
use sqlx::AnyConnection;

use crate::control::{ControlDocument, Snapshot};
use crate::journal::batch::{Batch, Transaction, Wanted, Written};
use crate::journal::call::Call;
use crate::journal::operation::{Answer, Failure, Operation};
use crate::journal::store::StoreError;
use crate::journal::{SKEW, Shared, open};
use crate::stamp;

/// How often a batch begins again because another process was faster.
const TRIES: usize = 8;

/// The writer's connection, and what it need not read because it wrote it.
#[derive(Debug)]
pub(in crate::journal) struct Committer {
    shared: Arc<Shared>,
    writer: database::Writer,
    /// The connection on which the server was found to be the one of before.
    checked: u64,
    /// Where the ledger's chain ends, as long as that is known.
    tip: Option<Tip>,
    /// The calls on their way, as they are stored. The statements that move them on demand that they
    /// still are.
    running: BTreeMap<IntentId, Arc<Call>>,
}

/// A batch whose statements have run.
struct Applied {
    answers: Vec<Answer>,
    tip: Tip,
}

impl Committer {
    pub(in crate::journal) fn new(shared: Arc<Shared>) -> Self {
        let writer = shared.database.writer();
        Self {
            shared,
            writer,
            checked: 0,
            tip: None,
            running: BTreeMap::new(),
        }
    }

    /// Commits `batch`; the answers are in its order.
    pub(in crate::journal) async fn commit(
        &mut self,
        batch: &[Operation],
    ) -> Result<Vec<Answer>, Failure> {
        let mut tries = 0_usize;
        loop {
            tries = tries.saturating_add(1);
            match self.try_commit(batch).await {
                Ok(answers) => return Ok(answers),
                Err(Failed::Unknown(error)) => {
                    self.tip = None;
                    tracing::error!(
                        error = error_chain(&error),
                        "a commit's result is not known"
                    );
                    return Err(Failure::Unknown);
                }
                Err(Failed::Nothing(
                    StoreError::Raced(_)
                    | StoreError::Moved
                    | StoreError::ClockAhead(_)
                    | StoreError::Reconnected,
                )) if tries < TRIES => {
                    self.forget(batch);
                }
                Err(Failed::Nothing(error)) => {
                    self.forget(batch);
                    tracing::error!(error = error_chain(&error), "the journal cannot write");
                    let unavailable = match &error {
                        StoreError::Database(error) => is_unavailable(error),
                        StoreError::Ledger(_)
                        | StoreError::Raced(_)
                        | StoreError::Moved
                        | StoreError::Reconnected
                        | StoreError::ClockAhead(_)
                        | StoreError::Corrupt { .. } => false,
                    };
                    return Err(if unavailable {
                        Failure::Unavailable
                    } else {
                        Failure::NotCommitted
                    });
                }
            }
        }
    }

    /// Runs `work` in a transaction of its own.
    pub(in crate::journal) async fn transact<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut AnyConnection, &Shared) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut unit = self.writer.begin().await?;
        match work(&mut unit, &self.shared).await {
            Ok(done) => {
                unit.commit().await.map_err(|error| match error {
                    CommitError::NotCommitted(error) | CommitError::Unknown(error) => error,
                })?;
                Ok(done)
            }
            Err(error) => {
                undo(unit, &error).await;
                Err(error)
            }
        }
    }

    async fn try_commit(&mut self, batch: &[Operation]) -> Result<Vec<Answer>, Failed> {
        self.check_connection().await?;
        let mut unit = self.writer.prepare().await.map_err(StoreError::from)?;
        if unit.connection_number() != self.checked {
            unit.rollback().await;
            return Err(StoreError::Reconnected.into());
        }
        let prepared = Preparation {
            shared: &self.shared,
            running: &self.running,
            tip: self.tip,
        };
        let opening = unit.opening();
        let transaction = Transaction::new(&mut unit, opening);
        let applied = match prepared.apply(batch, transaction).await {
            Ok(applied) => applied,
            Err(error) => {
                undo(unit, &error).await;
                return Err(error.into());
            }
        };
        reach(
            &self.shared,
            &applied.answers,
            Point::BeforeConsumeCommit,
            Point::BeforeOutcomeCommit,
        );
        match unit.commit().await {
            Ok(()) => {}
            Err(CommitError::NotCommitted(error)) => return Err(StoreError::from(error).into()),
            Err(CommitError::Unknown(error)) => return Err(Failed::Unknown(error)),
        }
        reach(
            &self.shared,
            &applied.answers,
            Point::AfterConsumeCommit,
            Point::AfterOutcomeCommit,
        );
        self.tip = Some(applied.tip);
        self.remember(&applied.answers);
        Ok(applied.answers)
    }

    /// Looks at a new connection's server before anything is spent on it, in a transaction of its own:
    /// what follows from it holds whatever becomes of the batch.
    async fn check_connection(&mut self) -> Result<(), Failed> {
        let number = self.writer.connection_number();
        if number != 0 && number == self.checked && !self.shared.is_suspect() {
            return Ok(());
        }
        let mut unit = self.writer.begin().await.map_err(StoreError::from)?;
        let number = unit.connection_number();
        let found = match open::check_server(&self.shared, &mut unit).await {
            Ok(found) => found,
            Err(error) => {
                undo(unit, &error).await;
                return Err(error.into());
            }
        };
        match unit.commit().await {
            Ok(()) => {}
            Err(CommitError::NotCommitted(error) | CommitError::Unknown(error)) => {
                return Err(StoreError::from(error).into());
            }
        }
        *self.shared.known() = found;
        self.checked = number;
        self.tip = None;
        self.shared.trust();
        Ok(())
    }

    /// What was committed is known from now on.
    fn remember(&mut self, answers: &[Answer]) {
        for answer in answers {
            match answer {
                Answer::Spend(Ok((call, _))) => {
                    self.running.insert(call.jti.clone(), Arc::clone(call));
                }
                Answer::Settle(Ok(settled)) => {
                    self.running.remove(&settled.call.jti);
                }
                Answer::Spend(Err(_))
                | Answer::Settle(Err(_))
                | Answer::LookUp(_)
                | Answer::Control(_)
                | Answer::Note
                | Answer::Posted => {}
            }
        }
    }

    /// What `batch` is about must be read again.
    fn forget(&mut self, batch: &[Operation]) {
        self.tip = None;
        for operation in batch {
            if let Operation::Settle { settle, .. } = operation {
                self.running.remove(settle.jti());
            }
        }
    }
}

/// How a transaction failed.
enum Failed {
    /// Nothing was committed.
    Nothing(StoreError),
    /// The commit's result is not known.
    Unknown(sqlx::Error),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Nothing(error)
    }
}

/// Undoes a transaction after `error`; ends the process if that says that the disk failed.
async fn undo(unit: Unit<'_>, error: &StoreError) {
    if let StoreError::Database(error) = error {
        end_if_disk_failed(error);
    }
    unit.rollback().await;
}

/// What a batch is applied with.
struct Preparation<'a> {
    shared: &'a Shared,
    running: &'a BTreeMap<IntentId, Arc<Call>>,
    tip: Option<Tip>,
}

impl Preparation<'_> {
    /// Runs the statements of `batch`. An operation that builds on another one of the batch waits until
    /// that is written; hardly any does.
    async fn apply(
        self,
        batch: &[Operation],
        mut transaction: Transaction<'_>,
    ) -> Result<Applied, StoreError> {
        let shared = self.shared;
        let transaction = &mut transaction;
        let mut tip = match self.tip {
            Some(tip) => tip,
            None => shared.ledger.tip(transaction.connection().await?).await?,
        };
        let nothing = BTreeMap::new();
        let mut known = self.running;
        let mut answers = Vec::with_capacity(batch.len());
        let mut rest = batch;
        while !rest.is_empty() {
            let wanted = want(rest);
            let mut round = Batch::read(transaction, &shared.tenant, tip, &wanted, known).await?;
            let before = answers.len();
            for operation in rest {
                if answers.len() > before && builds_on(operation, &round) {
                    break;
                }
                answers.push(apply(operation, shared, &mut round)?);
                if answers.len() < batch.len() {
                    shared.faults.reach(Point::InsideBatch);
                }
            }
            rest = batch.get(answers.len()..).unwrap_or_default();
            let written = round.write(transaction, &shared.ledger).await?;
            check_clock(shared, &written)?;
            tip = written.tip;
            known = &nothing;
        }
        Ok(Applied { answers, tip })
    }
}

/// Refuses to go on when another process saw a time that is far ahead of ours, or at which a token has
/// expired that was just spent: the batch begins again, and knows it.
fn check_clock(shared: &Shared, written: &Written) -> Result<(), StoreError> {
    let Some(seen) = written.high_water else {
        return Ok(());
    };
    let known = shared.high_water();
    let ours = stamp::whole_millis(shared.clock.now()).max(known);
    shared.saw(seen);
    let expired = written.expiry.is_some_and(|expiry| expiry <= seen);
    if expired || seen > clock::saturating_add(ours, SKEW) {
        return Err(StoreError::ClockAhead(seen));
    }
    Ok(())
}

fn want(batch: &[Operation]) -> Wanted {
    let mut wanted = Wanted::default();
    for operation in batch {
        match operation {
            Operation::Spend { spend, .. } => spend.want(&mut wanted),
            Operation::Settle { settle, .. } => {
                wanted.tokens.insert(settle.jti().clone());
                if settle.is_word() {
                    wanted.words.insert(settle.jti().clone());
                }
            }
            Operation::LookUp { jti, .. } => {
                wanted.tokens.insert(jti.clone());
            }
            Operation::Control { .. } | Operation::Note { .. } | Operation::Posted { .. } => {}
        }
    }
    wanted
}

/// Whether `operation` moves a call that was moved already.
fn builds_on(operation: &Operation, round: &Batch) -> bool {
    match operation {
        Operation::Settle { settle, .. } => round.touched(settle.jti()),
        Operation::Spend { .. }
        | Operation::LookUp { .. }
        | Operation::Control { .. }
        | Operation::Note { .. }
        | Operation::Posted { .. } => false,
    }
}

fn apply(operation: &Operation, shared: &Shared, batch: &mut Batch) -> Result<Answer, StoreError> {
    match operation {
        Operation::Spend { spend, .. } => Ok(Answer::Spend(spend.apply(shared, batch)?)),
        Operation::Settle { settle, .. } => Ok(Answer::Settle(settle.apply(shared, batch)?)),
        Operation::LookUp { jti, .. } => {
            let call = batch.call(jti).cloned();
            if call.is_none() {
                let now = stamp::whole_millis(shared.clock.now());
                batch.date(now.max(shared.high_water()));
            }
            Ok(Answer::LookUp(call))
        }
        Operation::Control { document, .. } => apply_control(document, shared, batch),
        Operation::Note { note, .. } => {
            let draft = Draft {
                kind: note.kind,
                at: stamp::whole_millis(note.at),
                body: note.body.clone(),
            };
            batch.record(&shared.ledger, draft)?;
            for receipt in &note.receipts {
                batch.keep_noted(receipt.clone());
            }
            Ok(Answer::Note)
        }
        Operation::Posted { ids, .. } => {
            batch.posted(ids);
            Ok(Answer::Posted)
        }
    }
}

fn apply_control(
    document: &ControlDocument,
    shared: &Shared,
    batch: &mut Batch,
) -> Result<Answer, StoreError> {
    let checked = shared
        .control
        .check_generation(document.generation)
        .and_then(|()| Snapshot::new(document.clone()));
    let snapshot = match checked {
        Ok(snapshot) => snapshot,
        Err(error) => return Ok(Answer::Control(Err(error.into()))),
    };
    let draft = Draft {
        kind: Kind::Control,
        at: stamp::whole_millis(shared.clock.now()),
        body: control_record(document),
    };
    batch.record(&shared.ledger, draft)?;
    Ok(Answer::Control(Ok(Box::new(snapshot))))
}

fn control_record(document: &ControlDocument) -> Value {
    let keys: Vec<_> = document
        .keys
        .keys
        .iter()
        .map(|key| key.kid.as_str())
        .collect();
    json!({
        "generation": document.generation,
        "policy_epoch": document.policy_epoch,
        "entries": document.entries,
        "keys": keys,
    })
}

/// Says where the writer is with what `answers` are about.
fn reach(shared: &Shared, answers: &[Answer], consume: Point, outcome: Point) {
    let spent = |answer: &Answer| matches!(answer, Answer::Spend(Ok(_)));
    let settled = |answer: &Answer| matches!(answer, Answer::Settle(Ok(_)));
    if answers.iter().any(spent) {
        shared.faults.reach(consume);
    }
    if answers.iter().any(settled) {
        shared.faults.reach(outcome);
    }
}

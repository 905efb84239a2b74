//! The one task that writes: takes what waits, commits it together, then answers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_intent::id::AttemptId;
use countersign_ledger::Kind;
use countersign_service::clock;
use countersign_service::database::{Engine, Write};
use countersign_service::events::Hub;
use countersign_service::problem::error_chain;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Shared;
use super::call::Call;
use super::operation::{Answer, Failure, Operation};
use super::settle::Settle;
use super::store::{StoreError, calls, receipts, state};
use crate::control::{ControlDocument, Snapshot};
use crate::execution::Event;
use crate::stamp;

/// Operations in one transaction.
const BATCH: usize = 128;
/// Time between two looks for calls that will not end by themselves.
const SWEEP: Duration = Duration::from_secs(5);
/// Time between two tries to record what could not be recorded.
const RETRY: Duration = Duration::from_secs(1);
/// How long a writer on a shared database counts as alive after its last word.
pub(super) const WRITER_LEASE: Duration = Duration::from_secs(30);

/// The writer's state.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(super) receiver: mpsc::Receiver<Operation>,
    pub(super) shared: Arc<Shared>,
    pub(super) hub: Hub,
    /// What happened and is not recorded yet; the journal is closed while there is any.
    pub(super) unrecorded: VecDeque<Settle>,
}

impl Writer {
    /// Writes until `end` is cancelled and every call of `executions` has ended.
    pub(crate) async fn run(mut self, end: CancellationToken, executions: TaskTracker) {
        let stopped = async {
            end.cancelled().await;
            executions.close();
            executions.wait().await;
        };
        tokio::pin!(stopped);
        let mut stopping = false;
        let mut sweep = tokio::time::interval(SWEEP);
        let mut retry = tokio::time::interval(RETRY);
        for timer in [&mut sweep, &mut retry] {
            timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        }
        loop {
            tokio::select! {
                operation = self.receiver.recv() => match operation {
                    Some(operation) => self.take(operation).await,
                    None => break,
                },
                () = &mut stopped, if !stopping => {
                    stopping = true;
                    self.receiver.close();
                }
                _ = retry.tick(), if !self.unrecorded.is_empty() => self.retry().await,
                _ = sweep.tick() => self.sweep().await,
            }
        }
        if !self.unrecorded.is_empty() {
            tracing::error!(calls = self.unrecorded.len(), "outcomes were not recorded");
        }
    }

    /// Collects what waits behind `first` and commits it.
    async fn take(&mut self, first: Operation) {
        let mut batch = vec![first];
        while batch.len() < BATCH && batch.last().is_some_and(|last| !last.ends_batch()) {
            let Ok(next) = self.receiver.try_recv() else {
                break;
            };
            batch.push(next);
        }
        metrics::histogram!("countersign_journal_batch")
            .record(u32::try_from(batch.len()).unwrap_or(0));
        match self.commit(&batch).await {
            Ok(answers) => self.answer(batch, answers),
            // One operation may have spoiled it for the others: each gets its own transaction.
            Err(Failure::NotCommitted) if batch.len() > 1 => {
                for operation in batch {
                    self.take_alone(operation).await;
                }
            }
            Err(failure) => self.fail(batch, failure),
        }
    }

    async fn take_alone(&mut self, operation: Operation) {
        let batch = vec![operation];
        match self.commit(&batch).await {
            Ok(answers) => self.answer(batch, answers),
            Err(failure) => self.fail(batch, failure),
        }
    }

    async fn commit(&mut self, batch: &[Operation]) -> Result<Vec<Answer>, Failure> {
        let mut tx = self
            .shared
            .database
            .write()
            .await
            .map_err(|error| not_committed(&error.into()))?;
        let mut answers = Vec::with_capacity(batch.len());
        for operation in batch {
            let applied = self.apply(operation, &mut tx).await;
            answers.push(applied.map_err(|error| not_committed(&error))?);
        }
        tx.commit().await.map_err(|error| {
            tracing::error!(
                error = error_chain(&error),
                "a commit's result is not known"
            );
            Failure::Unknown
        })?;
        Ok(answers)
    }

    async fn apply(&self, operation: &Operation, tx: &mut Write) -> Result<Answer, StoreError> {
        match operation {
            Operation::Spend { spend, .. } => {
                Ok(Answer::Spend(spend.apply(&self.shared, tx).await?))
            }
            Operation::Settle { settle, .. } => {
                Ok(Answer::Settle(settle.apply(&self.shared, tx).await?))
            }
            Operation::LookUp { jti, .. } => {
                let call = calls::by_jti(&mut **tx, &self.shared.tenant, jti).await?;
                Ok(Answer::LookUp(call.map(Box::new)))
            }
            Operation::Control { document, .. } => self.apply_control(document, tx).await,
            Operation::Note { note, .. } => {
                let (at, body) = (stamp::whole_millis(note.at), note.body.clone());
                let _appended = self.shared.ledger.append(tx, note.kind, at, body).await?;
                for receipt in &note.receipts {
                    receipts::insert(tx, receipt).await?;
                }
                Ok(Answer::Note)
            }
            Operation::Posted { ids, .. } => {
                for id in ids {
                    receipts::posted(tx, id).await?;
                }
                Ok(Answer::Posted)
            }
        }
    }

    async fn apply_control(
        &self,
        document: &ControlDocument,
        tx: &mut Write,
    ) -> Result<Answer, StoreError> {
        let checked = self
            .shared
            .control
            .check_generation(document.generation)
            .and_then(|()| Snapshot::new(document.clone()));
        let snapshot = match checked {
            Ok(snapshot) => snapshot,
            Err(error) => return Ok(Answer::Control(Err(error.into()))),
        };
        let at = stamp::whole_millis(self.shared.clock.now());
        let _appended = self
            .shared
            .ledger
            .append(tx, Kind::Control, at, control_record(document))
            .await?;
        Ok(Answer::Control(Ok(Box::new(snapshot))))
    }

    /// The transaction holds: takes note of it, tells subscribers, answers.
    fn answer(&mut self, batch: Vec<Operation>, answers: Vec<Answer>) {
        for (operation, answer) in batch.into_iter().zip(answers) {
            match &answer {
                Answer::Spend(Ok((call, _))) => {
                    self.shared.saw(call.consumed_at);
                    self.publish(call);
                }
                Answer::Settle(Ok(settled)) => {
                    let state = settled.call.state.as_str();
                    metrics::counter!("countersign_calls_total", "state" => state).increment(1);
                    self.publish(&settled.call);
                    self.shared.receipts.notify_one();
                }
                Answer::Note => self.shared.receipts.notify_one(),
                Answer::Control(Ok(snapshot)) => {
                    tracing::info!(
                        control.generation = snapshot.generation(),
                        "control changed"
                    );
                    self.shared.control.replace((**snapshot).clone());
                }
                Answer::Spend(Err(_))
                | Answer::Settle(Err(_))
                | Answer::Control(Err(_))
                | Answer::LookUp(_)
                | Answer::Posted => {}
            }
            operation.answer(answer);
        }
    }

    /// The transaction failed: answers so, and keeps what must be recorded before anything new starts.
    fn fail(&mut self, batch: Vec<Operation>, failure: Failure) {
        for operation in batch {
            let Some(left) = operation.fail(failure) else {
                continue;
            };
            self.unrecorded.push_back(left);
            self.shared.closed.store(true, Ordering::Release);
        }
    }

    /// Tries to record what is left; opens the journal again once nothing is.
    async fn retry(&mut self) {
        while let Some(settle) = self.unrecorded.pop_front() {
            let batch = [Operation::Settle {
                settle: Box::new(settle.clone()),
                reply: None,
            }];
            let Ok(answers) = self.commit(&batch).await else {
                self.unrecorded.push_front(settle);
                return;
            };
            tracing::info!(call.attempt = %settle.attempt(), "an outcome is recorded after all");
            self.answer(batch.into(), answers);
        }
        self.shared.closed.store(false, Ordering::Release);
    }

    /// Finds calls that will not end by themselves; says that this writer lives.
    async fn sweep(&mut self) {
        if let Err(error) = self.try_sweep().await {
            tracing::warn!(
                error = error_chain(&error),
                "cannot look for calls left behind"
            );
        }
    }

    async fn try_sweep(&mut self) -> Result<(), StoreError> {
        let now = stamp::whole_millis(self.shared.clock.now());
        let overdue = calls::overdue(self.shared.database.read(), now).await?;
        // The owner of a file is its only writer; elsewhere writers must know of each other.
        let shared = self.shared.database.engine() == Engine::Postgres;
        if overdue.is_empty() && !shared {
            return Ok(());
        }
        let mut tx = self.shared.database.write().await?;
        let writer = self.shared.ledger.writer();
        let mut lost = overdue;
        if shared {
            state::renew(
                &mut tx,
                writer,
                now,
                clock::saturating_add(now, WRITER_LEASE),
            )
            .await?;
            lost.extend(calls::orphaned(&mut tx, writer, now).await?);
        }
        let settled = give_up(&self.shared, &mut tx, &lost).await?;
        tx.commit().await?;
        for call in &settled {
            self.publish(call);
        }
        self.shared.receipts.notify_one();
        Ok(())
    }

    fn publish(&self, call: &Call) {
        self.hub
            .publish("call", call.attempt.as_str(), &call.view());
    }
}

/// Puts in doubt the calls that nobody will end.
pub(super) async fn give_up(
    shared: &Shared,
    tx: &mut Write,
    lost: &[Call],
) -> Result<Vec<Call>, StoreError> {
    let mut settled = Vec::new();
    for call in lost {
        let settle = Settle::of(&call.jti, &call.attempt, Event::Lost)
            .because("the enforcer stopped while the call was on its way");
        if let Ok(done) = settle.apply(shared, tx).await? {
            report(&done.call.attempt);
            settled.push(done.call);
        }
    }
    Ok(settled)
}

fn report(attempt: &AttemptId) {
    tracing::error!(call.attempt = %attempt, "a call is in doubt: an operator must resolve it");
}

fn not_committed(error: &StoreError) -> Failure {
    tracing::error!(error = error_chain(error), "the journal cannot write");
    Failure::NotCommitted
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

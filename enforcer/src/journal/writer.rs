//! The one task that writes: takes what waits, commits it together, then answers.

pub(super) mod commit;
pub(super) mod sweep;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_service::events::Hub;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::commit::Committer;
use super::Shared;
use super::call::{Call, Shown};
use super::operation::{Answer, Failure, Operation};
use super::settle::Settle;
use super::words::Word;

/// Operations in one transaction.
const BATCH: usize = 128;
/// How often a batch lets everybody else run, as long as it grows by that.
const YIELDS: usize = 8;
/// Time between two tries to record what could not be recorded.
const RETRY: Duration = Duration::from_secs(1);

/// The writer's state.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(super) receiver: mpsc::Receiver<Operation>,
    pub(super) shared: Arc<Shared>,
    pub(super) committer: Committer,
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
        let clock = self.shared.clock.clone();
        let sweep = clock.sleep(Duration::ZERO);
        tokio::pin!(sweep);
        let mut retry = tokio::time::interval(RETRY);
        retry.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
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
                () = &mut sweep => {
                    let next = self.sweep().await;
                    sweep.set(clock.sleep(next));
                }
            }
        }
        // One more try: who starts next finds these calls in doubt otherwise.
        if !self.unrecorded.is_empty() {
            self.retry().await;
        }
        if !self.unrecorded.is_empty() {
            tracing::error!(calls = self.unrecorded.len(), "outcomes were not recorded");
        }
    }

    /// Collects what waits behind `first` and commits it.
    pub(super) async fn take(&mut self, first: Operation) {
        let mut batch = vec![first];
        self.collect(&mut batch);
        // Calls that are about to ask may do so first: a commit takes far longer than all that is ready
        // to run. When nothing is, this takes no time.
        for _ in 0..YIELDS {
            let before = batch.len();
            tokio::task::yield_now().await;
            self.collect(&mut batch);
            if batch.len() == before {
                break;
            }
        }
        metrics::histogram!("countersign_journal_batch")
            .record(u32::try_from(batch.len()).unwrap_or(0));
        match self.committer.commit(&batch).await {
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

    /// Adds what waits to `batch`.
    fn collect(&mut self, batch: &mut Vec<Operation>) {
        while batch.len() < BATCH && batch.last().is_some_and(|last| !last.ends_batch()) {
            let Ok(next) = self.receiver.try_recv() else {
                break;
            };
            batch.push(next);
        }
    }

    async fn take_alone(&mut self, operation: Operation) {
        let batch = vec![operation];
        match self.committer.commit(&batch).await {
            Ok(answers) => self.answer(batch, answers),
            Err(failure) => self.fail(batch, failure),
        }
    }

    /// The transaction holds: takes note of it, tells subscribers, answers.
    fn answer(&mut self, batch: Vec<Operation>, answers: Vec<Answer>) {
        for (operation, answer) in batch.into_iter().zip(answers) {
            match &answer {
                Answer::Spend(Ok((call, _))) => {
                    self.shared.saw(call.consumed_at);
                    self.publish(call, Vec::new());
                }
                Answer::Settle(Ok(settled)) => {
                    if settled.moved() {
                        let state = settled.call.state.as_str();
                        metrics::counter!("countersign_calls_total", "state" => state).increment(1);
                        self.shared.receipts.notify_one();
                    }
                    self.publish(&Arc::new(settled.call.clone()), settled.words.clone());
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
    pub(super) async fn retry(&mut self) {
        while let Some(settle) = self.unrecorded.pop_front() {
            let batch = [Operation::Settle {
                settle: Box::new(settle.clone()),
                reply: None,
            }];
            let Ok(answers) = self.committer.commit(&batch).await else {
                self.unrecorded.push_front(settle);
                return;
            };
            tracing::info!(call.attempt = %settle.attempt(), "an outcome is recorded after all");
            self.answer(batch.into(), answers);
        }
        self.shared.closed.store(false, Ordering::Release);
    }

    fn publish(&self, call: &Arc<Call>, words: Vec<Word>) {
        let shown = Shown::new(Arc::clone(call), words);
        self.hub.publish_later("call", call.attempt.as_str(), shown);
    }
}

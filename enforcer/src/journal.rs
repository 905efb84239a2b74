//! The journal: what was spent, what became of it, and the record of both (SECURITY-DESIGN §4).
//!
//! One writer task owns every change, behind a bounded queue, and commits in groups. A call's token is
//! spent durably before the first byte goes out, and its outcome is durable before the answer leaves.
//! When something cannot be recorded, the journal closes and nothing new starts.

mod batch;
pub(crate) mod call;
pub(crate) mod lock;
pub(crate) mod open;
pub(crate) mod operation;
pub(crate) mod permit;
mod predecessor;
pub(crate) mod server;
pub(crate) mod settle;
pub(crate) mod space;
pub(crate) mod spend;
pub(crate) mod store;
pub(crate) mod words;
pub(crate) mod writer;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_intent::id::{AttemptId, IntentId, TenantId};
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::token::Floor;
use countersign_ledger::Ledger;
use countersign_service::clock::{self, Clock};
use countersign_service::database::Database;
use countersign_service::faults::Faults;
use countersign_service::random::Random;
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, oneshot};

use self::call::Call;
use self::lock::Guard;
use self::operation::{Note, Operation};
use self::permit::{Grant, Permit};
use self::predecessor::Owned;
use self::server::HighWater;
use self::settle::{Settle, SettleError, Settled};
use self::spend::Spend;
use self::store::calls;
use crate::approved::Approved;
use crate::control::{Control, ControlDocument, ControlError};
use crate::execution::State;
use crate::receipts::Signer;
use crate::stamp;
use crate::upstream::Underway;

/// How many operations wait for the writer at most; beyond, calls are refused before they are spent.
const QUEUE: usize = 4_096;
/// How far the clock may stand behind the journal's high-water time.
const SKEW: Duration = Duration::from_secs(5);

/// The journal's handle. Clones share the writer.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    sender: mpsc::Sender<Operation>,
    shared: Arc<Shared>,
}

/// What handle and writer both know.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) database: Database,
    pub(crate) ledger: Ledger,
    pub(crate) signer: Signer,
    pub(crate) control: Control,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) tenant: TenantId,
    pub(crate) faults: Faults,
    /// How long ended calls are kept.
    pub(crate) calls_kept: Duration,
    /// Tokens issued before this second do not count.
    floor: AtomicI64,
    /// What the database held and which server it was when it was last seen well.
    known: Mutex<HighWater>,
    /// Set while the server looks like another one than before.
    suspect: AtomicBool,
    /// The latest time that the journal has seen, in milliseconds since 1970.
    high_water: AtomicI64,
    /// Rung when a receipt was put into the outbox.
    pub(crate) receipts: Notify,
    /// Set while something that happened is not recorded.
    closed: AtomicBool,
    /// Set while the disk has hardly any space left: what runs may end, nothing starts.
    full: AtomicBool,
    /// Holds the data folder, where a shared database does not.
    _owned: Option<Owned>,
}

/// A control document was not put in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PutError {
    /// It is not acceptable.
    #[error(transparent)]
    Refused(#[from] ControlError),
    /// It cannot be recorded.
    #[error("the journal cannot record the control document")]
    Unrecorded,
}

impl Journal {
    /// Spends the token of `approved` durably and permits its one call. `guard` is the resource, held in
    /// this process; reads hold none.
    ///
    /// # Errors
    /// `store_unavailable`, `overload`, `token_used`, `killed`, `control_stale`, `token_floor`,
    /// `token_epoch`, `token_key`, `token_expired`, `clock_behind`: nothing was spent.
    /// `consume_unknown`: it is not known; the call is never sent.
    pub(crate) async fn spend(
        &self,
        approved: Arc<Approved>,
        guard: Option<Guard>,
    ) -> Result<Permit, Refusal> {
        self.check_open()?;
        let attempt = self.attempt();
        let spend = Spend::new(Arc::clone(&approved), attempt.clone());
        let (reply, answer) = oneshot::channel();
        self.try_send(Operation::Spend {
            spend: Box::new(spend),
            reply,
        })?;
        let standing = answer.await.unwrap_or_else(|_closed| Err(unknown()))?;
        Ok(Permit::new(Grant {
            attempt,
            approved,
            granted: standing.at,
            generation: standing.generation,
            guard,
        }))
    }

    /// A new attempt's id.
    pub(crate) fn attempt(&self) -> AttemptId {
        AttemptId::mint(self.shared.clock.now(), self.shared.random.bytes())
    }

    /// Permits one call under a lease, which was verified and is not spent.
    pub(crate) fn lease(
        &self,
        approved: Arc<Approved>,
        attempt: AttemptId,
        generation: u64,
    ) -> Permit {
        Permit::new(Grant {
            attempt,
            approved,
            granted: self.shared.clock.monotonic(),
            generation,
            guard: None,
        })
    }

    /// Records durably what became of an attempt, and signs its receipt.
    ///
    /// # Errors
    /// Each [`SettleError`]. After [`SettleError::Unrecorded`] the journal is closed until the writer
    /// has recorded it after all.
    pub(crate) async fn settle(&self, settle: Settle) -> Result<Settled, SettleError> {
        let (reply, answer) = oneshot::channel();
        let operation = Operation::Settle {
            settle: Box::new(settle),
            reply: Some(reply),
        };
        if self.sender.send(operation).await.is_err() {
            self.close();
            return Err(SettleError::Unrecorded);
        }
        answer.await.unwrap_or(Err(SettleError::Unrecorded))
    }

    /// The state of the token `jti`, after everything that was queued before. Of one that was never spent
    /// the time of the answer is kept durably: what expired by then never runs, whatever the clock does.
    ///
    /// # Errors
    /// `store_unavailable` or `overload`.
    pub(crate) async fn look_up(&self, jti: IntentId) -> Result<Option<Call>, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.try_send(Operation::LookUp { jti, reply })?;
        answer.await.unwrap_or_else(|_closed| Err(unavailable()))
    }

    /// Records a control document and puts it in force: nothing is spent under an older one afterwards.
    ///
    /// # Errors
    /// Each [`PutError`].
    pub(crate) async fn put_control(&self, document: ControlDocument) -> Result<u64, PutError> {
        let (reply, answer) = oneshot::channel();
        let operation = Operation::Control {
            document: Box::new(document),
            reply,
        };
        self.sender
            .send(operation)
            .await
            .map_err(|_closed| PutError::Unrecorded)?;
        answer.await.unwrap_or(Err(PutError::Unrecorded))
    }

    /// Appends a record that changes no state; `false` when it was not taken.
    pub(crate) async fn note(&self, note: Note) -> bool {
        let (reply, answer) = oneshot::channel();
        let operation = Operation::Note {
            note: Box::new(note),
            reply,
        };
        self.sender.send(operation).await.is_ok() && answer.await.unwrap_or(false)
    }

    /// Takes acknowledged receipts out of the outbox.
    pub(crate) async fn posted(&self, ids: Vec<String>) -> bool {
        let (reply, answer) = oneshot::channel();
        let sent = self.sender.send(Operation::Posted { ids, reply }).await;
        sent.is_ok() && answer.await.unwrap_or(false)
    }

    /// Refuses while something that happened is not recorded.
    pub(crate) fn check_open(&self) -> Result<(), Refusal> {
        if self.shared.closed.load(Ordering::Acquire) || self.sender.is_closed() {
            return Err(unavailable());
        }
        if self.shared.full.load(Ordering::Acquire) {
            let message = "the journal's disk has hardly any space left, so nothing is started";
            return Err(Refusal::new(RefusalCode::StoreUnavailable, message));
        }
        Ok(())
    }

    /// What handle and writer both know.
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
    }

    fn try_send(&self, operation: Operation) -> Result<(), Refusal> {
        self.sender
            .try_send(operation)
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => {
                    Refusal::new(RefusalCode::Overload, "too many calls wait to be recorded")
                }
                mpsc::error::TrySendError::Closed(_) => unavailable(),
            })
    }
}

impl Underway for Journal {
    async fn is_underway(&self, permit: &Permit) -> bool {
        let (shared, jti) = (&self.shared, &permit.intent().jti);
        match calls::by_jti(shared.database.read(), &shared.tenant, jti).await {
            Ok(Some(call)) => call.attempt == *permit.attempt() && call.state == State::Consumed,
            Ok(None) | Err(_) => false,
        }
    }
}

impl Shared {
    /// The lowest issue time and epoch that count under the policy epoch `policy_epoch`.
    pub(crate) fn floor(&self, policy_epoch: u64) -> Floor {
        Floor {
            issued_at: self.floor.load(Ordering::Acquire),
            policy_epoch,
        }
    }

    /// The latest time that the journal has seen.
    pub(crate) fn high_water(&self) -> Timestamp {
        let millis = self.high_water.load(Ordering::Acquire);
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
    }

    /// Tokens issued before the second `floor` do not count from now on.
    fn raise_floor(&self, floor: i64) {
        self.floor.fetch_max(floor, Ordering::AcqRel);
    }

    /// What the database held when it was last seen well.
    fn known(&self) -> MutexGuard<'_, HighWater> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the server looks like another one than before.
    fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Acquire)
    }

    /// The writer found the server in order, or drew the consequence.
    fn trust(&self) {
        self.suspect.store(false, Ordering::Release);
    }

    /// Takes note of a time that is recorded.
    fn saw(&self, at: Timestamp) {
        self.high_water
            .fetch_max(at.as_millisecond(), Ordering::AcqRel);
    }

    /// The time by which tokens are judged: the clock's, unless it stands behind what was seen.
    ///
    /// # Errors
    /// `clock_behind` when it stands further behind than clocks may differ.
    pub(crate) fn now(&self) -> Result<Timestamp, Refusal> {
        let (now, seen) = (stamp::whole_millis(self.clock.now()), self.high_water());
        if now < clock::saturating_sub(seen, SKEW) {
            let message = "this enforcer's clock stands behind what its journal has seen";
            return Err(Refusal::new(RefusalCode::ClockBehind, message));
        }
        Ok(now.max(seen))
    }
}

fn unavailable() -> Refusal {
    Refusal::new(
        RefusalCode::StoreUnavailable,
        "the journal cannot record, so nothing is started",
    )
}

fn unknown() -> Refusal {
    let message = "whether the token was spent is not known; the call was not sent";
    Refusal::new(RefusalCode::ConsumeUnknown, message)
}

#[cfg(test)]
mod tests;

//! What the writer does from time to time: calls that nobody will end, calls that are long over.

use std::time::Duration;

use countersign_service::clock;
use countersign_service::database::Engine;
use countersign_service::problem::error_chain;

use super::Writer;
use crate::execution::Event;
use crate::journal::call::Call;
use crate::journal::operation::{Answer, Failure, Operation};
use crate::journal::settle::Settle;
use crate::journal::store::{StoreError, calls, receipts, state};
use crate::stamp;

/// Time between two sweeps.
const SWEEP: Duration = Duration::from_secs(5);
/// Time until the next sweep where this one left something to forget.
const SOON: Duration = Duration::from_millis(100);
/// Calls that are forgotten in one transaction: others wait for it.
const FORGOTTEN_AT_ONCE: usize = 500;
/// How long a writer on a shared database counts as alive after its last word, which it gives with each
/// sweep: a dead one's calls are given up within half a minute.
pub(in crate::journal) const WRITER_LEASE: Duration = Duration::from_secs(20);
/// How long a spent token is kept after its end at least: no purge makes it run again, because it
/// expired by the journal's own time, which never goes back.
const AFTER_EXPIRY: Duration = Duration::from_hours(1);

impl Writer {
    /// Finds calls that will not end by themselves; says that this writer lives; forgets old calls.
    /// Gives the time until the next sweep, which is short while there is much to forget.
    pub(super) async fn sweep(&mut self) -> Duration {
        if let Err(error) = self.give_up_lost().await {
            tracing::warn!(
                error = error_chain(&error),
                "cannot look for calls left behind"
            );
        }
        match self.forget_old().await {
            Ok(FORGOTTEN_AT_ONCE..) => SOON,
            Ok(_) => SWEEP,
            Err(error) => {
                tracing::warn!(error = error_chain(&error), "cannot forget old calls");
                SWEEP
            }
        }
    }

    async fn give_up_lost(&mut self) -> Result<(), StoreError> {
        let now = stamp::whole_millis(self.shared.clock.now());
        let database = self.shared.database.clone();
        let mut lost = calls::overdue(database.read(), now).await?;
        // The owner of a file is its only writer; elsewhere writers must know of each other.
        if database.engine() == Engine::Postgres {
            let until = clock::saturating_add(now, WRITER_LEASE);
            self.committer
                .transact(async |tx, shared| {
                    state::renew(tx, shared.ledger.writer(), now, until).await
                })
                .await?;
            let writer = self.shared.ledger.writer();
            lost.extend(calls::orphaned(database.read(), writer, now).await?);
        }
        self.give_up(&lost).await;
        Ok(())
    }

    /// Puts in doubt the calls that nobody will end; `false` when that could not be recorded.
    pub(in crate::journal) async fn give_up(&mut self, lost: &[Call]) -> bool {
        if lost.is_empty() {
            return true;
        }
        let settle = |call: &Call| {
            Settle::of(&call.jti, &call.attempt, Event::Lost)
                .because("the enforcer stopped while the call was on its way")
        };
        let batch: Vec<Operation> = lost
            .iter()
            .map(|call| Operation::Settle {
                settle: Box::new(settle(call)),
                reply: None,
            })
            .collect();
        let answers = match self.committer.commit(&batch).await {
            Ok(answers) => answers,
            Err(Failure::NotCommitted | Failure::Unavailable | Failure::Unknown) => return false,
        };
        for answer in &answers {
            if let Answer::Settle(Ok(settled)) = answer {
                let attempt = &settled.call.attempt;
                tracing::error!(call.attempt = %attempt, "a call is in doubt: an operator must resolve it");
            }
        }
        self.answer(batch, answers);
        true
    }

    /// Forgets calls that ended long ago, a few at a time. The issuance floor rises to where their
    /// tokens ended in the same transaction.
    async fn forget_old(&mut self) -> Result<usize, StoreError> {
        let now = stamp::whole_millis(self.shared.clock.now());
        let before = |age| clock::saturating_sub(now, age);
        let ages = (
            before(self.shared.calls_kept.max(AFTER_EXPIRY)),
            before(AFTER_EXPIRY).min(clock::saturating_sub(
                self.shared.high_water(),
                AFTER_EXPIRY,
            )),
        );
        let (floor, forgotten) = self
            .committer
            .transact(async |tx, shared| {
                let ended = calls::ended(tx, &shared.tenant, ages, FORGOTTEN_AT_ONCE).await?;
                let mut statements = Vec::new();
                let newest = ended.iter().map(|one| one.exp.as_second()).max();
                if let Some(newest) = newest {
                    state::raise_floor(tx, newest, "calls were forgotten", now).await?;
                    statements = calls::forget(&shared.tenant, &ended);
                }
                statements.push(receipts::forget(ages.0));
                countersign_ledger::statement::run(tx, statements).await?;
                Ok((newest, ended.len()))
            })
            .await?;
        if let Some(floor) = floor {
            self.shared.raise_floor(floor);
        }
        Ok(forgotten)
    }
}

//! One process: what is spent, held, settled and given up, the same on both databases.

use std::sync::Arc;
use std::time::Duration;

use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_service::database::Engine;
use countersign_service::tasks::Tasks;

use super::desk::{BOTH, Desk, eventually};
use crate::approved::Approved;
use crate::execution::{Event, Resolution, State};
use crate::journal::Journal;
use crate::journal::permit::Permit;
use crate::journal::settle::{Settle, SettleError};
use crate::journal::store::calls::{self, Listing};
use crate::journal::words::Word;

pub(super) async fn spend(journal: &Journal, call: &Arc<Approved>) -> Result<Permit, Refusal> {
    journal.spend(Arc::clone(call), None).await
}

pub(super) async fn end(journal: &Journal, permit: &Permit, event: Event) -> State {
    let settle = Settle::of(&permit.intent().jti, permit.attempt(), event);
    journal.settle(settle).await.unwrap().call.state
}

async fn verify(journal: &Journal) {
    let shared = journal.shared();
    let mut connection = shared.database.read().acquire().await.unwrap();
    shared.ledger.verify_stored(&mut connection).await.unwrap();
}

async fn refused(journal: &Journal, call: &Arc<Approved>) -> RefusalCode {
    spend(journal, call).await.unwrap_err().code
}

#[tokio::test]
async fn token_is_spent_once_and_its_outcome_is_kept() {
    for engine in BOTH {
        let desk = Desk::new(engine);
        let tasks = Tasks::new();
        let journal = desk.run(&tasks).await;
        let call = desk.approved(&desk.ask("infra.scale", "payments"));
        let jti = &call.intent().jti;
        let permit = spend(&journal, &call).await.unwrap();
        let replay = spend(&journal, &call).await.unwrap_err();
        assert_eq!(replay.code, RefusalCode::TokenUsed);
        assert!(
            replay.message.contains(permit.attempt().as_str()),
            "{}",
            replay.message
        );
        assert_eq!(
            end(&journal, &permit, Event::Answered(200)).await,
            State::Done(200)
        );
        let again = Settle::of(jti, permit.attempt(), Event::Answered(200));
        let again = journal.settle(again).await.unwrap_err();
        assert!(matches!(again, SettleError::NoTransition(State::Done(200))));
        let stored = journal.look_up(jti.clone()).await.unwrap().unwrap();
        assert_eq!(stored.state, State::Done(200));
        let receipt = stored.receipt.unwrap();
        let waiting = eventually("a receipt in the outbox", async || {
            let read = journal.shared().database.read();
            let waiting = crate::journal::store::receipts::waiting(read, 10)
                .await
                .unwrap();
            waiting.into_iter().next()
        })
        .await;
        assert_eq!(waiting.jws, receipt);
        assert!(journal.posted(vec![waiting.id]).await);
        assert_eq!(refused(&journal, &call).await, RefusalCode::TokenUsed);
        verify(&journal).await;
        tasks.cancel();
    }
}

#[tokio::test]
async fn resource_is_held_while_a_call_runs_or_is_in_doubt() {
    for engine in BOTH {
        let desk = Desk::new(engine);
        let tasks = Tasks::new();
        let journal = desk.run(&tasks).await;
        let ask = || desk.approved(&desk.ask("infra.scale", "payments"));
        let first = spend(&journal, &ask()).await.unwrap();
        assert_eq!(refused(&journal, &ask()).await, RefusalCode::Overload);
        let other = desk.approved(&desk.ask("infra.scale", "auth"));
        drop(spend(&journal, &other).await.unwrap());
        let read = desk.approved(&desk.ask("infra.get", "payments"));
        drop(spend(&journal, &read).await.unwrap());
        assert_eq!(end(&journal, &first, Event::Lost).await, State::InDoubt);
        let refusal = spend(&journal, &ask()).await.unwrap_err();
        assert_eq!(refusal.code, RefusalCode::Overload);
        assert!(refusal.message.contains("in doubt"), "{}", refusal.message);
        let resolution = Resolution::NotExecuted;
        let word = Word {
            by: "ann".parse().unwrap(),
            resolution,
            evidence: "logs".to_owned(),
            reason: "none".to_owned(),
            at: desk.clock.now(),
        };
        let event = Event::Settled(resolution);
        let settle = Settle::of(&first.intent().jti, first.attempt(), event).on_word_of(word);
        let settled = journal.settle(settle).await.unwrap();
        assert_eq!(settled.call.state, State::Resolved(resolution));
        let next = spend(&journal, &ask()).await.unwrap();
        assert_eq!(
            end(&journal, &next, Event::NothingWritten).await,
            State::NotSent
        );
        drop(spend(&journal, &ask()).await.unwrap());
        verify(&journal).await;
        tasks.cancel();
    }
}

#[tokio::test]
async fn step_that_cannot_be_undone_runs_once_whatever_tokens_there_are() {
    for engine in BOTH {
        let desk = Desk::new(engine);
        let tasks = Tasks::new();
        let journal = desk.run(&tasks).await;
        let ask = desk.ask("infra.shutdown", "payments");
        let first = spend(&journal, &desk.approved(&ask)).await.unwrap();
        end(&journal, &first, Event::NothingWritten).await;
        let second = spend(&journal, &desk.approved(&ask)).await.unwrap();
        end(&journal, &second, Event::Answered(200)).await;
        let third = spend(&journal, &desk.approved(&ask)).await.unwrap_err();
        assert_eq!(third.code, RefusalCode::TokenUsed);
        assert!(
            third.message.contains("the step ran already"),
            "{}",
            third.message
        );
        tasks.cancel();
    }
}

#[tokio::test]
async fn calls_of_a_process_that_died_are_in_doubt_and_its_tokens_stay_spent() {
    for engine in BOTH {
        let desk = Desk::new(engine);
        let (journal, writer) = desk.open().await;
        let tasks = Tasks::new();
        let running = writer.run(tasks.token(), tokio_util::task::TaskTracker::new());
        let running = tasks.spawn("journal", running);
        let call = desk.approved(&desk.ask("infra.scale", "payments"));
        let permit = spend(&journal, &call).await.unwrap();
        // No outcome: the process is gone.
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        drop(journal);
        if engine == Engine::Postgres {
            // On a shared database it counts as alive until its lease ends.
            desk.clock.advance(Duration::from_secs(21));
        }
        desk.hear();
        let tasks = Tasks::new();
        eventually("the file is free", async || desk.is_free().then_some(())).await;
        let journal = desk.run(&tasks).await;
        let stored = journal
            .look_up(call.intent().jti.clone())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(stored.state, State::InDoubt, "{engine:?}");
        assert_eq!(stored.attempt, *permit.attempt());
        assert_eq!(refused(&journal, &call).await, RefusalCode::TokenUsed);
        // A late answer is evidence.
        let late = end(&journal, &permit, Event::Answered(200)).await;
        assert_eq!(late, State::Resolved(Resolution::Executed));
        verify(&journal).await;
        tasks.cancel();
    }
}

#[tokio::test]
async fn listings_are_newest_first_by_state_and_agent() {
    for engine in BOTH {
        let desk = Desk::new(engine);
        let tasks = Tasks::new();
        let journal = desk.run(&tasks).await;
        let mut attempts = Vec::new();
        for (index, event) in [Event::Answered(200), Event::NothingWritten, Event::Lost]
            .into_iter()
            .enumerate()
        {
            desk.clock.advance(Duration::from_millis(5));
            desk.hear();
            let call = desk.approved(&desk.ask("infra.scale", format!("s{index}")));
            let permit = spend(&journal, &call).await.unwrap();
            end(&journal, &permit, event).await;
            attempts.push(permit.attempt().clone());
        }
        attempts.reverse();
        let shared = journal.shared();
        let list = async |state, agent: Option<&str>| {
            let listing = Listing {
                state,
                agent: agent.map(|agent| agent.parse().unwrap()),
                limit: 10,
            };
            let found = calls::list(shared.database.read(), &shared.tenant, &listing).await;
            let found = found.unwrap().into_iter().map(|call| call.attempt);
            found.collect::<Vec<_>>()
        };
        assert_eq!(list(None, None).await, attempts);
        assert_eq!(list(None, Some("remediator")).await, attempts);
        assert_eq!(list(Some("done"), None).await, attempts[2..]);
        assert_eq!(list(Some("not_sent"), None).await, attempts[1..2]);
        assert_eq!(
            list(Some("in_doubt"), Some("remediator")).await,
            attempts[..1]
        );
        assert!(list(None, Some("watcher")).await.is_empty());
        tasks.cancel();
    }
}

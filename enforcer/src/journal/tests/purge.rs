//! Old calls are forgotten, and their tokens do not run again for that.

use std::sync::Arc;
use std::time::Duration;

use countersign_intent::refusal::RefusalCode;
use countersign_service::tasks::Tasks;
use jiff::Timestamp;

use super::desk::{BOTH, Desk, START, eventually};
use super::single::{end, spend};
use crate::approved::Approved;
use crate::execution::Event;
use crate::journal::Shared;
use crate::journal::call::Call;
use crate::journal::store::calls::{self, Listing};
use crate::journal::store::receipts;

async fn kept(shared: &Shared) -> Vec<Call> {
    let listing = Listing {
        limit: 10,
        ..Listing::default()
    };
    calls::list(shared.database.read(), &shared.tenant, &listing)
        .await
        .unwrap()
}

/// How many receipts there are.
async fn stored(shared: &Shared) -> i64 {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM receipt");
    count.fetch_one(shared.database.read()).await.unwrap()
}

#[tokio::test]
async fn calls_that_ended_long_ago_are_forgotten_and_their_tokens_stay_refused() {
    for engine in BOTH {
        let mut desk = Desk::new(engine);
        desk.calls_kept = Duration::from_hours(2);
        let tasks = Tasks::new();
        let journal = desk.run(&tasks).await;
        let call = desk.approved(&desk.ask("infra.scale", "payments"));
        let permit = spend(&journal, &call).await.unwrap();
        end(&journal, &permit, Event::Answered(200)).await;
        let lost = desk.approved(&desk.ask("infra.scale", "auth"));
        let lost = spend(&journal, &lost).await.unwrap();
        end(&journal, &lost, Event::Lost).await;
        let shared = journal.shared();
        let kept = async || kept(shared).await;
        let stored = async || stored(shared).await;
        desk.clock.advance(Duration::from_hours(1));
        desk.hear();
        drop(
            spend(&journal, &desk.approved(&desk.ask("infra.scale", "db")))
                .await
                .unwrap(),
        );
        assert_eq!(kept().await.len(), 3, "young enough");
        for _ in 0..4 {
            desk.clock.advance(Duration::from_mins(30));
            desk.hear();
            let young = desk.approved(&desk.ask("infra.get", "db"));
            drop(spend(&journal, &young).await.unwrap());
        }
        eventually("the old call is forgotten", async || {
            desk.clock.advance(Duration::from_secs(5));
            let gone = kept()
                .await
                .iter()
                .all(|one| one.attempt != *permit.attempt());
            gone.then_some(())
        })
        .await;
        let doubtful = kept()
            .await
            .into_iter()
            .any(|one| one.attempt == *lost.attempt());
        assert!(doubtful, "what is in doubt stays");
        desk.hear();
        // Nobody took the receipt yet, so it waits.
        let waiting = receipts::waiting(shared.database.read(), 10).await.unwrap();
        assert!(
            waiting
                .iter()
                .any(|one| one.id.starts_with(permit.attempt().as_str()))
        );
        assert!(
            journal
                .posted(waiting.into_iter().map(|one| one.id).collect())
                .await
        );
        let before = stored().await;
        eventually("its receipt is forgotten", async || {
            desk.clock.advance(Duration::from_secs(5));
            (stored().await < before).then_some(())
        })
        .await;
        desk.hear();
        let refusal = spend(&journal, &call).await.unwrap_err();
        assert_eq!(refusal.code, RefusalCode::TokenFloor, "{}", refusal.message);
        tasks.cancel();
        drop(journal);
        refuse_after_a_step_back(&desk, &call).await;
    }
}

/// Not even after the clock of a restarted process went back to when the token was good.
async fn refuse_after_a_step_back(desk: &Desk, call: &Arc<Approved>) {
    eventually("the file is free", async || desk.is_free().then_some(())).await;
    desk.clock.set(Timestamp::from_second(START).unwrap());
    let tasks = Tasks::new();
    let journal = desk.run(&tasks).await;
    desk.hear();
    let refusal = spend(&journal, call).await.unwrap_err();
    assert_eq!(
        refusal.code,
        RefusalCode::ClockBehind,
        "{}",
        refusal.message
    );
    tasks.cancel();
}

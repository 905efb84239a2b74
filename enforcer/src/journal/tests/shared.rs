//! Several processes on one PostgreSQL database, and a server that dies, is restored or replaced.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use countersign_intent::refusal::RefusalCode;
use countersign_service::clock::Clock;
use countersign_service::database::Engine;
use countersign_service::tasks::Tasks;
use test_support::Postgres;

use super::desk::{Desk, START, eventually, postgres};
use super::single::{end, spend};
use crate::approved::Approved;
use crate::execution::{Event, State};
use crate::journal::Journal;
use crate::journal::settle::Settle;
use crate::journal::store::calls;

/// Tokens that are raced for: as many as the full fault suite asks for, where it is asked for.
fn races() -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long this test runs is its caller's choice"
    )]
    let full = std::env::var("COUNTERSIGN_FAULTS_FULL").is_ok_and(|value| value == "1");
    if full { 10_000 } else { 512 }
}

/// Tries every call in an order of its own; gives those that were permitted, each ended.
async fn race(journal: Journal, calls: Arc<Vec<Arc<Approved>>>, racer: usize) -> Vec<usize> {
    let mut won = Vec::new();
    for step in 0..calls.len() {
        // Four racers at a time are at about the same place.
        let index = if racer.is_multiple_of(2) {
            step
        } else {
            (step ^ 1) % calls.len()
        };
        match spend(&journal, &calls[index]).await {
            Ok(permit) => {
                won.push(index);
                assert_eq!(
                    end(&journal, &permit, Event::Answered(200)).await,
                    State::Done(200)
                );
            }
            Err(refusal) => assert_eq!(refusal.code, RefusalCode::TokenUsed, "{}", refusal.message),
        }
    }
    won
}

#[tokio::test(flavor = "multi_thread")]
async fn two_enforcers_that_race_for_the_same_tokens_permit_each_once() {
    let desk = Desk::new(Engine::Postgres);
    let second = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let one = desk.run(&tasks).await;
    let other = desk.run_in(second.path(), &tasks).await;
    let count = races();
    let calls: Vec<_> = (0..count)
        .map(|number| desk.approved(&desk.ask("infra.scale", format!("s{number}"))))
        .collect();
    let calls = Arc::new(calls);
    let racers: Vec<_> = (0..8)
        .map(|racer| {
            let journal = if racer < 4 {
                one.clone()
            } else {
                other.clone()
            };
            tasks.spawn("racer", race(journal, Arc::clone(&calls), racer))
        })
        .collect();
    let mut won = Vec::new();
    for racer in racers {
        won.extend(racer.await.unwrap());
    }
    won.sort_unstable();
    assert_eq!(
        won,
        (0..count).collect::<Vec<_>>(),
        "each token exactly once"
    );
    let shared = one.shared();
    let mut connection = shared.database.read().acquire().await.unwrap();
    shared.ledger.verify_stored(&mut connection).await.unwrap();
    tasks.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_enforcers_run_a_step_that_cannot_be_undone_once() {
    let desk = Desk::new(Engine::Postgres);
    let second = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let one = desk.run(&tasks).await;
    let other = desk.run_in(second.path(), &tasks).await;
    for round in 0..40 {
        let ask = desk.ask("infra.shutdown", format!("s{round}"));
        let (first, second) = (desk.approved(&ask), desk.approved(&ask));
        let (here, there) = tokio::join!(spend(&one, &first), spend(&other, &second));
        let permits = usize::from(here.is_ok()) + usize::from(there.is_ok());
        assert_eq!(permits, 1, "round {round}");
        for refused in [here.err(), there.err()].into_iter().flatten() {
            let code = refused.code;
            let told = matches!(code, RefusalCode::TokenUsed | RefusalCode::Overload);
            assert!(told, "{}", refused.message);
        }
    }
    tasks.cancel();
}

#[tokio::test]
async fn calls_of_a_dead_replica_are_in_doubt_and_those_of_a_living_one_never() {
    let desk = Desk::new(Engine::Postgres);
    let (dead, alive) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tasks = Tasks::new();
    let (doomed, writer) = desk.open_in(dead.path()).await;
    let running = writer.run(tasks.token(), tokio_util::task::TaskTracker::new());
    let running = tasks.spawn("journal", running);
    let living = desk.run_in(alive.path(), &tasks).await;
    let lost = desk.approved(&desk.ask("infra.restart", "payments"));
    let lost_permit = spend(&doomed, &lost).await.unwrap();
    let kept = desk.approved(&desk.ask("infra.restart", "auth"));
    let kept_permit = spend(&living, &kept).await.unwrap();
    running.abort();
    let started = desk.clock.monotonic();
    let watching = desk.run(&tasks).await;
    let state = async |call: &Arc<Approved>| {
        let found = watching.look_up(call.intent().jti.clone()).await.unwrap();
        found.unwrap().state
    };
    eventually("the dead replica's call is in doubt", async || {
        desk.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(20)).await;
        (state(&lost).await == State::InDoubt).then_some(())
    })
    .await;
    let took = desk.clock.monotonic().saturating_sub(started);
    assert!(took <= Duration::from_secs(30), "{took:?}");
    assert_eq!(state(&kept).await, State::Consumed);
    assert_eq!(
        end(&living, &kept_permit, Event::Answered(200)).await,
        State::Done(200)
    );
    drop(lost_permit);
    tasks.cancel();
}

/// The name of the desk's database on the shared server.
fn name(desk: &Desk) -> &str {
    desk.url.rsplit('/').next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_whose_backend_is_killed_is_never_sent_and_the_journal_opens_again() {
    let desk = Desk::new(Engine::Postgres);
    let tasks = Tasks::new();
    let journal = desk.run(&tasks).await;
    let server = postgres();
    // The commit waits until it is killed.
    server.sql(
        name(&desk),
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN PERFORM pg_sleep(60); RETURN NULL; END'; \
         CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON consumed DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION wait()",
    );
    let call = desk.approved(&desk.ask("infra.scale", "payments"));
    let killing = async {
        let kill = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = '{}' AND wait_event = 'PgSleep'",
            name(&desk)
        );
        eventually("the commit waits", async || {
            (server.sql("postgres", &kill) == "1").then_some(())
        })
        .await;
        server.sql(name(&desk), "DROP TRIGGER wait ON consumed");
    };
    let (refused, ()) = tokio::join!(spend(&journal, &call), killing);
    assert_eq!(refused.unwrap_err().code, RefusalCode::ConsumeUnknown);
    eventually("the journal is open", async || journal.check_open().ok()).await;
    let next = desk.approved(&desk.ask("infra.scale", "payments"));
    let permit = spend(&journal, &next).await.unwrap();
    // The outcome's commit is killed too: it is kept, and recorded after all.
    server.sql(
        name(&desk),
        "CREATE CONSTRAINT TRIGGER wait AFTER UPDATE ON consumed DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION wait()",
    );
    let killing = async {
        let kill = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = '{}' AND wait_event = 'PgSleep'",
            name(&desk)
        );
        eventually("the commit waits", async || {
            (server.sql("postgres", &kill) == "1").then_some(())
        })
        .await;
        server.sql(name(&desk), "DROP TRIGGER wait ON consumed");
    };
    let settle = Settle::of(&next.intent().jti, permit.attempt(), Event::Answered(200));
    let (unrecorded, ()) = tokio::join!(journal.settle(settle), killing);
    unrecorded.unwrap_err();
    eventually("the outcome is recorded", async || {
        journal.check_open().ok()?;
        let stored = journal.look_up(next.intent().jti.clone()).await.ok()??;
        (stored.state == State::Done(200)).then_some(())
    })
    .await;
    tasks.cancel();
}

#[tokio::test]
async fn connection_that_was_closed_between_two_calls_is_replaced() {
    let desk = Desk::new(Engine::Postgres);
    let tasks = Tasks::new();
    let journal = desk.run(&tasks).await;
    for round in 0..3 {
        let call = desk.approved(&desk.ask("infra.scale", format!("s{round}")));
        let permit = spend(&journal, &call).await.unwrap();
        let kill = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{}'",
            name(&desk)
        );
        postgres().sql("postgres", &kill);
        assert_eq!(
            end(&journal, &permit, Event::Answered(200)).await,
            State::Done(200)
        );
    }
    tasks.cancel();
}

#[tokio::test]
async fn token_that_expired_by_the_clock_of_another_replica_is_not_spent() {
    let desk = Desk::new(Engine::Postgres);
    let tasks = Tasks::new();
    let journal = desk.run(&tasks).await;
    let call = desk.approved(&desk.ask("infra.scale", "payments"));
    desk.clock.advance(Duration::from_secs(57));
    desk.hear();
    // The clocks differ by less than they may.
    postgres().sql(
        name(&desk),
        &format!(
            "INSERT INTO clock VALUES (1, {}) ON CONFLICT (id) DO UPDATE SET high_water = {0}",
            (START + 60) * 1_000
        ),
    );
    let refusal = spend(&journal, &call).await.unwrap_err();
    assert_eq!(
        refusal.code,
        RefusalCode::TokenExpired,
        "{}",
        refusal.message
    );
    assert!(
        journal
            .look_up(call.intent().jti.clone())
            .await
            .unwrap()
            .is_none()
    );
    tasks.cancel();
}

#[tokio::test]
async fn clock_of_another_replica_is_heeded() {
    let desk = Desk::new(Engine::Postgres);
    let tasks = Tasks::new();
    let journal = desk.run(&tasks).await;
    postgres().sql(
        name(&desk),
        &format!(
            "INSERT INTO clock VALUES (1, {}) ON CONFLICT (id) DO UPDATE SET high_water = {0}",
            (START + 60) * 1_000
        ),
    );
    let call = desk.approved(&desk.ask("infra.scale", "payments"));
    let refusal = spend(&journal, &call).await.unwrap_err();
    assert_eq!(
        refusal.code,
        RefusalCode::ClockBehind,
        "{}",
        refusal.message
    );
    let read = journal.shared().database.read();
    let jti = &call.intent().jti;
    let stored = calls::by_jti(read, &journal.shared().tenant, jti)
        .await
        .unwrap();
    assert!(stored.is_none(), "nothing was spent");
    tasks.cancel();
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .unwrap();
    assert!(done.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn restored_server_refuses_what_was_issued_before_it_was_restored() {
    let cluster = tempfile::tempdir().unwrap();
    let (data, backup) = (cluster.path().join("data"), cluster.path().join("backup"));
    let server = Postgres::start_in(cluster.path());
    let url = server.database();
    let start = jiff::Timestamp::from_second(START).unwrap();
    let desk = Desk::at(|_| url, Clock::manual(start));
    let tasks = Tasks::new();
    let journal = desk.run(&tasks).await;
    drop(
        spend(&journal, &desk.approved(&desk.ask("infra.scale", "before")))
            .await
            .unwrap(),
    );
    drop(server);
    copy(&data, &backup);

    // What is spent from here on is not in the copy.
    let server = Postgres::start_in(cluster.path());
    let call = desk.approved(&desk.ask("infra.scale", "payments"));
    let permit = eventually("the journal writes again", async || {
        spend(&journal, &call).await.ok()
    })
    .await;
    end(&journal, &permit, Event::Answered(200)).await;
    let size = journal.shared().known().size;
    eventually("its size is remembered", async || {
        desk.clock.advance(Duration::from_secs(1));
        (journal.shared().known().size > size).then_some(())
    })
    .await;
    let fresh = desk.approved(&desk.ask("infra.scale", "fresh"));
    drop(server);
    std::fs::remove_dir_all(&data).unwrap();
    copy(&backup, &data);

    let server = Postgres::start_in(cluster.path());
    desk.hear();
    for replayed in [&call, &fresh] {
        let refusal = eventually("the journal answers", async || {
            desk.hear();
            let refusal = spend(&journal, replayed).await.unwrap_err();
            (refusal.code != RefusalCode::StoreUnavailable).then_some(refusal)
        })
        .await;
        assert_eq!(refusal.code, RefusalCode::TokenFloor, "{}", refusal.message);
    }
    desk.clock.advance(Duration::from_secs(6));
    desk.hear();
    let later = desk.approved(&desk.ask("infra.scale", "payments"));
    drop(spend(&journal, &later).await.unwrap());
    tasks.cancel();
    drop(server);
}

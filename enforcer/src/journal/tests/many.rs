//! Many calls at once. Prints what they cost (`--nocapture`), in CPU time of the whole process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign_service::clock::Clock;
use countersign_service::database::{Engine, sqlite_url};
use countersign_service::tasks::Tasks;
use tempfile::TempDir;

use super::desk::{Desk, postgres};
use crate::approved::Approved;
use crate::execution::Event;
use crate::journal::Journal;
use crate::journal::call::BodyDigest;
use crate::journal::settle::Settle;
use crate::journal::store::calls::{self, Listing};

/// Spends and settles every call, this many at once.
async fn work(journal: &Journal, calls: Vec<Arc<Approved>>, at_once: usize) {
    let tasks = Tasks::new();
    let (calls, next) = (Arc::new(calls), Arc::new(AtomicUsize::new(0)));
    let workers: Vec<_> = (0..at_once)
        .map(|_| {
            let (journal, calls, next) = (journal.clone(), Arc::clone(&calls), Arc::clone(&next));
            tasks.spawn("caller", async move {
                while let Some(approved) = calls.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let jti = approved.intent().jti.clone();
                    let permit = journal.spend(Arc::clone(approved), None).await.unwrap();
                    let body = BodyDigest {
                        sha256: approved.token_sha256,
                        length: 2,
                    };
                    let settle = Settle::of(&jti, permit.attempt(), Event::Answered(200));
                    journal.settle(settle.with_body(body)).await.unwrap();
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
}

/// The CPU time of this process so far, in microseconds.
fn cpu() -> u128 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u128::try_from(now.tv_sec).unwrap();
    seconds * 1_000_000 + u128::try_from(now.tv_nsec).unwrap() / 1_000
}

async fn measure(engine: Engine, at_once: usize, count: usize) {
    let url = |folder: &TempDir| match engine {
        Engine::Sqlite => sqlite_url(&folder.path().join("enforcer.db")),
        Engine::Postgres => postgres().database(),
    };
    let desk = Desk::at(url, Clock::system());
    let tasks = Tasks::new();
    let journal = desk.run(&tasks).await;
    let ask = |number| desk.approved(&desk.ask("infra.scale", format!("s{number}")));
    let all: Vec<_> = (0..count).map(ask).collect();
    let (control, clock) = (desk.control.clone(), desk.clock.clone());
    let hearing = async move {
        loop {
            control.confirm(clock.monotonic());
            clock.sleep(Duration::from_secs(1)).await;
        }
    };
    drop(tasks.spawn_until_cancelled("authority", hearing));
    let (before, started) = (cpu(), desk.clock.monotonic());
    work(&journal, all, at_once).await;
    let calls = u128::try_from(count).unwrap();
    let spent = (cpu() - before) / calls;
    let took = desk.clock.monotonic().saturating_sub(started).as_micros() / calls;
    eprintln!("{engine:?}, {at_once} at once: {spent} µs CPU and {took} µs a call");
    let listing = Listing {
        state: Some("done"),
        limit: i64::MAX,
        ..Listing::default()
    };
    let shared = journal.shared();
    let done = calls::list(shared.database.read(), &shared.tenant, &listing)
        .await
        .unwrap();
    assert_eq!(done.len(), count);
    assert!(done.iter().all(|call| call.receipt.is_some()));
    let mut connection = shared.database.read().acquire().await.unwrap();
    shared.ledger.verify_stored(&mut connection).await.unwrap();
    tasks.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_are_each_recorded() {
    let count = if cfg!(debug_assertions) { 300 } else { 20_000 };
    for (engine, at_once) in [
        (Engine::Sqlite, 1),
        (Engine::Sqlite, 16),
        (Engine::Sqlite, 64),
        (Engine::Postgres, 1),
        (Engine::Postgres, 64),
    ] {
        let count = if at_once == 1 { count / 20 } else { count };
        measure(engine, at_once, count).await;
    }
}

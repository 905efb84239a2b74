//! A disk that is nearly full, and one that is.

use std::sync::Arc;

use countersign_intent::refusal::RefusalCode;
use countersign_service::database::Engine;
use countersign_service::tasks::Tasks;
use sqlx::AssertSqlSafe;

use super::desk::{Desk, eventually};
use super::single::{end, spend};
use crate::execution::{Event, State};
use crate::journal::Journal;
use crate::journal::settle::{Settle, SettleError};
use crate::journal::space::watch;
use crate::journal::writer::Writer;

#[tokio::test]
async fn nothing_starts_on_a_nearly_full_disk_and_what_runs_ends() {
    let desk = Desk::new(Engine::Sqlite);
    let tasks = Tasks::new();
    let journal = desk.run(&tasks).await;
    let call = desk.approved(&desk.ask("infra.scale", "payments"));
    let permit = spend(&journal, &call).await.unwrap();
    let watching = tasks.spawn("disk", watch(journal.clone(), u64::MAX));
    eventually("the disk counts as full", async || {
        journal.check_open().err()
    })
    .await;
    let refusal = spend(&journal, &desk.approved(&desk.ask("infra.scale", "auth"))).await;
    assert_eq!(refusal.unwrap_err().code, RefusalCode::StoreUnavailable);
    assert_eq!(
        end(&journal, &permit, Event::Answered(200)).await,
        State::Done(200)
    );
    watching.abort();
    drop(tasks.spawn_until_cancelled("disk", watch(journal.clone(), 1)));
    eventually("there is space again", async || journal.check_open().ok()).await;
    drop(
        spend(&journal, &desk.approved(&desk.ask("infra.scale", "auth")))
            .await
            .unwrap(),
    );
    tasks.cancel();
}

/// Lets the file grow to this many pages at most; it is never made smaller.
async fn limit(writer: &mut Writer, pages: u32) {
    writer
        .committer
        .transact(async |tx, _| {
            let sql = format!("PRAGMA max_page_count = {pages}");
            sqlx::query(AssertSqlSafe(sql)).execute(tx).await?;
            Ok(())
        })
        .await
        .unwrap();
}

/// Lets the writer do the next operation.
async fn work(writer: &mut Writer) {
    let operation = writer.receiver.recv().await.unwrap();
    writer.take(operation).await;
}

async fn spend_with(
    desk: &Desk,
    journal: &Journal,
    writer: &mut Writer,
    target: String,
) -> Result<crate::journal::permit::Permit, RefusalCode> {
    let call = desk.approved(&desk.ask("infra.scale", target));
    let (spent, ()) = tokio::join!(journal.spend(Arc::clone(&call), None), work(writer));
    spent.map_err(|refusal| refusal.code)
}

#[tokio::test]
async fn full_disk_refuses_and_the_journal_goes_on_when_there_is_space() {
    let desk = Desk::new(Engine::Sqlite);
    let (journal, mut writer) = desk.open().await;
    limit(&mut writer, 1).await;
    let mut running = Vec::new();
    let mut refused = None;
    for number in 0..200 {
        match spend_with(&desk, &journal, &mut writer, format!("s{number}")).await {
            Ok(permit) => running.push(permit),
            Err(code) => {
                refused = Some(code);
                break;
            }
        }
    }
    assert_eq!(
        refused,
        Some(RefusalCode::StoreUnavailable),
        "the file did not fill"
    );
    assert!(
        journal.check_open().is_ok(),
        "nothing happened that is not recorded"
    );
    limit(&mut writer, u32::MAX / 2).await;
    for number in 0..40 {
        let target = format!("again{number}");
        let permit = spend_with(&desk, &journal, &mut writer, target).await;
        running.push(permit.unwrap());
    }

    // What happened is kept when it cannot be recorded, and nothing starts until it is.
    limit(&mut writer, 1).await;
    let mut unrecorded = None;
    for permit in &running {
        let settle = Settle::of(&permit.intent().jti, permit.attempt(), Event::Answered(200));
        let (settled, ()) = tokio::join!(journal.settle(settle), work(&mut writer));
        match settled {
            Ok(settled) => assert_eq!(settled.call.state, State::Done(200)),
            Err(SettleError::Unrecorded) => {
                unrecorded = Some(permit);
                break;
            }
            Err(other) => panic!("{other}"),
        }
    }
    let unrecorded = unrecorded.expect("the file fills");
    writer.retry().await;
    assert!(journal.check_open().is_err(), "still full");
    limit(&mut writer, u32::MAX / 2).await;
    writer.retry().await;
    assert!(journal.check_open().is_ok());
    let jti = unrecorded.intent().jti.clone();
    let (found, ()) = tokio::join!(journal.look_up(jti), work(&mut writer));
    assert_eq!(found.unwrap().unwrap().state, State::Done(200));
}

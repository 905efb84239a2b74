//! Answers that are lost, and processes that end.

use std::time::Duration;

use countersign_service::tasks::Shutdown;
use serde_json::json;

use crate::bench::{Bench, until, until_ended, until_state};
use crate::fake::Mishap;

#[tokio::test]
async fn lost_answer_is_asked_for_at_the_authority_and_the_call_is_not_repeated() {
    let bench = Bench::new().await;
    bench.fake.crash("payments", "infra.restart");
    bench.fake.lock().mishap = Mishap::LoseAnswer;
    let answer = bench.run("restore payments").await;
    assert_eq!(answer["status"], json!("completed"), "{answer:#}");
    assert_eq!(bench.fake.executed().len(), 1);
    assert_eq!(answer["run"]["steps"][0]["receipt"], json!("receipt"));
}

#[tokio::test]
async fn lost_answer_of_which_nobody_knows_fails_the_run() {
    let bench = Bench::new().await;
    bench.fake.crash("payments", "infra.restart");
    {
        let mut fake = bench.fake.lock();
        fake.mishap = Mishap::LoseAnswer;
        fake.tells_outcome = false;
    }
    let answer = bench.run("restore payments").await;
    assert_eq!(answer["status"], json!("failed"), "{answer:#}");
    assert_eq!(answer["reason"], json!("call_in_doubt"));
    assert_eq!(bench.fake.executed().len(), 1);
}

#[tokio::test]
async fn waiting_run_goes_on_in_the_next_process() {
    let bench = Bench::new().await;
    let run = bench.start("shut down payments").await;
    until_state(&bench.router, &run, "waiting").await;
    assert_eq!(
        bench.tasks.shutdown(Duration::from_secs(5)).await,
        Shutdown::Drained
    );
    let Bench {
        fake,
        router,
        folder,
        ..
    } = &bench;
    let copy = copy_database(folder.path());
    let (next, _tasks) = bench.another(&copy).await;
    assert_eq!(
        until_state(router, &run, "waiting").await["state"],
        json!("waiting")
    );
    fake.decide("approved");
    let ended = until_ended(&next, &run).await;
    assert_eq!(ended["state"], json!("completed"), "{ended:#}");
    assert_eq!(fake.executed().len(), 1);
}

#[tokio::test]
async fn call_that_was_sent_before_the_process_died_is_never_sent_again() {
    for (tells, state) in [(true, "completed"), (false, "failed")] {
        let bench = Bench::new().await;
        bench.fake.crash("payments", "infra.restart");
        {
            let mut fake = bench.fake.lock();
            fake.mishap = Mishap::Hang;
            fake.tells_outcome = tells;
        }
        let run = bench.start("restore payments").await;
        until(&bench.router, &run, |view| {
            view["steps"][0]["state"] == json!("running")
        })
        .await;
        tokio::time::timeout(Duration::from_secs(5), async {
            while bench.fake.executed().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap();
        // The first process hangs for good; the second finds the database as a crash would leave it.
        let copy = copy_database(bench.folder.path());
        let (next, _tasks) = bench.another(&copy).await;
        let ended = until_ended(&next, &run).await;
        assert_eq!(ended["state"], json!(state), "{ended:#}");
        assert_eq!(bench.fake.executed().len(), 1);
    }
}

/// Copies the database file with its write-ahead log, and answers the copy's name.
fn copy_database(folder: &std::path::Path) -> String {
    for end in ["", "-wal"] {
        let from = folder.join(format!("planner.db{end}"));
        if from.exists() {
            std::fs::copy(from, folder.join(format!("copy.db{end}"))).unwrap();
        }
    }
    "copy.db".to_owned()
}

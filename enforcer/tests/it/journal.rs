//! The journal behind the doors, on both databases.

use std::sync::OnceLock;
use std::time::Duration;

use countersign_ledger::{Entry, verify};
use http::StatusCode;
use serde_json::{Value, json};
use test_support::Postgres;

use crate::bench::{Bench, OPERATOR, OTHER_AGENT, scale_params};
use crate::upstream::Manner;

/// One server for all tests of this program.
pub(crate) fn postgres() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(Postgres::start)
}

async fn both() -> [Bench; 2] {
    let url = postgres().database();
    [
        Bench::start().await,
        Bench::start_with(|config| config.database_url = url).await,
    ]
}

async fn records(bench: &Bench) -> Vec<Entry> {
    let (_, page) = bench
        .ask("GET", "/v1/ledger/entries?limit=1000", OPERATOR, None)
        .await;
    let entries = page["entries"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| Entry {
            index: entry["index"].as_u64().unwrap(),
            leaf: entry["leaf"].as_str().unwrap().parse().unwrap(),
            record: entry["record"].as_str().unwrap().to_owned(),
        })
        .collect()
}

/// Three calls are listed: by state, and not to an agent who made none.
async fn compare_lists(bench: &Bench) {
    let calls = bench.calls().await;
    let known: Vec<&Value> = calls.iter().map(|call| &call["state"]).collect();
    assert_eq!(known.len(), 3);
    for state in ["done", "resolved"] {
        let (_, page) = bench
            .ask("GET", &format!("/v1/calls?state={state}"), OPERATOR, None)
            .await;
        let listed = page["calls"].as_array().unwrap();
        let expected = known.iter().filter(|found| **found == state).count();
        assert_eq!(listed.len(), expected, "{state}");
    }
    let (_, page) = bench.ask("GET", "/v1/calls", OTHER_AGENT, None).await;
    assert_eq!(page["calls"], json!([]));
}

#[tokio::test]
async fn call_is_run_once_recorded_and_resolved_on_both_databases() {
    for bench in both().await {
        let token = bench.scale();
        let (status, body) = bench.call(&token, "infra.scale", &scale_params()).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert!(body["receipt"].is_string());
        let (status, body) = bench.call(&token, "infra.scale", &scale_params()).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::CONFLICT, &json!("token_used"))
        );

        bench.upstream.behave(Manner::Hang);
        let (_, body) = bench
            .call(&bench.scale(), "infra.scale", &scale_params())
            .await;
        assert_eq!(body["outcome"], "in_doubt", "{body}");
        bench.upstream.behave(Manner::Answer(200, "{}".to_owned()));
        let (_, held) = bench
            .call(&bench.scale(), "infra.scale", &scale_params())
            .await;
        assert_eq!(held["code"], "overload", "{held}");
        let path = format!("/v1/calls/{}/resolution", body["attempt"].as_str().unwrap());
        let word = json!({"resolution": "not_executed", "evidence": "logs", "reason": "none"});
        let (status, body) = bench.ask("POST", &path, OPERATOR, Some(&word)).await;
        assert_eq!(
            (status, &body["state"]),
            (StatusCode::OK, &json!("resolved")),
            "{body}"
        );
        let (status, body) = bench
            .call(&bench.scale(), "infra.scale", &scale_params())
            .await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(bench.upstream.count(), 3);

        compare_lists(&bench).await;
        verify(records(&bench).await).unwrap();
        bench.tasks.cancel();
    }
}

#[tokio::test]
async fn rare_kinds_of_records_are_found_on_both_databases() {
    for bench in both().await {
        bench
            .call(&bench.scale(), "infra.scale", &scale_params())
            .await;
        for (kind, count) in [
            ("boot", 1),
            ("control", 1),
            ("consume", 1),
            ("outcome", 1),
            ("plan", 0),
        ] {
            let path = format!("/v1/ledger/entries?kind={kind}");
            let (_, page) = bench.ask("GET", &path, OPERATOR, None).await;
            let entries = page["entries"].as_array().unwrap();
            assert_eq!(entries.len(), count, "{kind}");
        }
        bench.tasks.cancel();
    }
}

#[tokio::test]
async fn token_for_another_audience_is_refused_by_an_enforcer_with_a_journal_of_its_own() {
    let here = Bench::start().await;
    let there = Bench::start_with(|config| config.audience = "enforcer-b".to_owned()).await;
    #[expect(
        clippy::disallowed_methods,
        reason = "how long this test runs is its caller's choice"
    )]
    let full = std::env::var("COUNTERSIGN_FAULTS_FULL").is_ok_and(|value| value == "1");
    let count = if full { 10_000 } else { 64 };
    for _ in 0..count {
        let token = here.scale();
        let (first, second) = tokio::join!(
            async { here.call(&token, "infra.scale", &scale_params()).await },
            async { there.call(&token, "infra.scale", &scale_params()).await },
        );
        assert_eq!(first.0, StatusCode::OK, "{}", first.1);
        assert_eq!(
            (second.0, &second.1["code"]),
            (StatusCode::UNAUTHORIZED, &json!("token_audience"))
        );
        for bench in [&here, &there] {
            bench.clock.advance(Duration::from_millis(700));
            bench.put_control(&bench.control(1, &json!([]))).await;
        }
    }
    assert_eq!((here.upstream.count(), there.upstream.count()), (count, 0));
    assert!(there.calls().await.is_empty());
}

#[tokio::test]
async fn nearly_full_disk_is_seen_and_nothing_starts() {
    let bench = Bench::start_with(|config| config.free_space = u64::MAX).await;
    for _ in 0..100 {
        if bench.ask("GET", "/readyz", "", None).await.0 == StatusCode::SERVICE_UNAVAILABLE {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (status, _) = bench.ask("GET", "/readyz", "", None).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let (status, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert_eq!(body["code"], "store_unavailable");
    assert_eq!(bench.upstream.count(), 0);
    assert!(bench.calls().await.is_empty());
}

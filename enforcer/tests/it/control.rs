//! The kill switch, key sets, and what happens without word from the authority.

use std::sync::Arc;
use std::time::Duration;

use countersign_intent::key::SigningKey;
use http::StatusCode;
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::bench::{AGENT, Bench, OPERATOR, scale_params};

fn entry(scope: &str) -> Value {
    json!({"scope": scope, "by": "operator", "reason": "drill", "at": "2027-01-15T08:00:00Z"})
}

#[tokio::test]
async fn stopped_scopes_refuse_and_a_thaw_lets_the_same_token_run() {
    let bench = Bench::start().await;
    let intent = bench.intent("infra.scale", &scale_params());
    let token = bench.sign(&intent);
    let kid = bench.key.kid().to_string();
    let scopes = [
        "all".to_owned(),
        "tenant:default".to_owned(),
        "agent:remediator".to_owned(),
        "tool:infra.scale".to_owned(),
        format!("plan:{}", intent.plan),
        format!("key:{kid}"),
        "continent:europe".to_owned(),
    ];
    for (generation, scope) in (2..).zip(&scopes) {
        let (status, body) = bench
            .put_control(&bench.control(generation, &json!([entry(scope)])))
            .await;
        assert_eq!(
            (status, &body["generation"]),
            (StatusCode::OK, &json!(generation))
        );
        let (status, body) = bench.call(&token, "infra.scale", &scale_params()).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::FORBIDDEN, &json!("killed")),
            "{scope}"
        );
    }
    let others = json!([entry("agent:watcher"), entry("tool:infra.restart")]);
    bench.put_control(&bench.control(20, &others)).await;
    assert_eq!(bench.upstream.count(), 0);
    let (status, body) = bench.call(&token, "infra.scale", &scale_params()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test]
async fn without_word_for_five_seconds_reads_go_on_and_changes_stop() {
    let bench = Bench::start().await;
    let params = json!({"service_id": "payments"});
    let (change, read) = (
        bench.scale(),
        bench.sign(&bench.intent("infra.get", &params)),
    );
    bench.clock.advance(Duration::from_millis(5_001));
    let (status, body) = bench.call(&change, "infra.scale", &scale_params()).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("control_stale"))
    );
    assert_eq!(
        bench.ask("GET", "/readyz", "", None).await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(
        bench.call(&read, "infra.get", &params).await.0,
        StatusCode::OK
    );
    assert_eq!(bench.upstream.count(), 1);
    bench.put_control(&bench.control(1, &json!([]))).await;
    assert_eq!(
        bench.ask("GET", "/readyz", "", None).await.0,
        StatusCode::OK
    );
    assert_eq!(
        bench.call(&change, "infra.scale", &scale_params()).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn before_the_first_word_nothing_runs() {
    let bench = Bench::start().await.restart().await;
    let (status, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("control_stale"))
    );
    let empty = bench
        .post_call(Some(""), Some(AGENT), &[], String::new())
        .await;
    assert_eq!(empty.1["code"], "token_missing", "which comes first");
}

#[tokio::test]
async fn generations_never_go_back() {
    let bench = Bench::start().await;
    bench
        .put_control(&bench.control(7, &json!([entry("all")])))
        .await;
    let (status, body) = bench.put_control(&bench.control(6, &json!([]))).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::CONFLICT, &json!("conflict"))
    );
    let (_, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    assert_eq!(body["code"], "killed");
}

#[tokio::test]
async fn retired_key_counts_no_more_and_a_bad_key_set_changes_nothing() {
    let bench = Bench::start().await;
    let token = bench.scale();
    let mut bad = bench.control(2, &json!([]));
    bad["keys"]["keys"][0]["kid"] = json!("0123456789abcdef");
    assert_eq!(
        bench.put_control(&bad).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let mut rotated = bench.control(2, &json!([]));
    let next = SigningKey::from_seed(&[5; 32]).unwrap();
    rotated["keys"] = json!({"keys": [next.verifying_key().to_jwk()]});
    assert_eq!(bench.put_control(&rotated).await.0, StatusCode::OK);
    let (status, body) = bench.call(&token, "infra.scale", &scale_params()).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::UNAUTHORIZED, &json!("token_key"))
    );
    assert!(bench.calls().await.is_empty());
}

#[tokio::test]
async fn control_is_the_authoritys_alone() {
    let bench = Bench::start().await;
    for key in [AGENT, OPERATOR] {
        let document = bench.control(2, &json!([]));
        let (status, _) = bench.ask("PUT", "/v1/control", key, Some(&document)).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
}

/// Lets every task run until it waits for something else.
async fn settle_down() {
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
}

/// Starts one call for each of these services.
fn start(
    bench: &Arc<Bench>,
    services: std::ops::Range<u32>,
) -> Vec<tokio::task::JoinHandle<(StatusCode, Value)>> {
    let one = |number| {
        let params = json!({"service_id": format!("s{number}")});
        let token = bench.sign(&bench.intent("infra.restart", &params));
        let caller = Arc::clone(bench);
        bench.world.spawn("call", async move {
            caller.call(&token, "infra.restart", &params).await
        })
    };
    services.map(one).collect()
}

async fn kill_between(scope: impl Fn(&Bench) -> String) {
    let bench = Arc::new(Bench::start().await);
    let url = format!(
        "sqlite://{}",
        bench.folder.path().join("enforcer.db").display()
    );
    // Nothing is written while somebody else holds the database: what comes waits in the queue.
    let mut holder = sqlx::AnyConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut holder)
        .await
        .unwrap();
    let before = start(&bench, 0..8);
    settle_down().await;
    let document = bench.control(2, &json!([entry(&scope(&bench))]));
    let putter = Arc::clone(&bench);
    let put = bench
        .world
        .spawn("kill", async move { putter.put_control(&document).await });
    settle_down().await;
    let after = start(&bench, 8..16);
    settle_down().await;
    assert!(bench.calls().await.is_empty(), "everything waits");
    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();

    assert_eq!(put.await.unwrap().0, StatusCode::OK);
    let sent_when_it_returned = bench.upstream.count();
    for call in after {
        let (status, body) = call.await.unwrap();
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::FORBIDDEN, &json!("killed")),
            "{body}"
        );
    }
    let mut done = 0;
    for call in before {
        let (status, body) = call.await.unwrap();
        assert_eq!(status, StatusCode::OK, "{body}");
        match body["outcome"].as_str().unwrap() {
            "done" => done += 1,
            other => assert_eq!(other, "not_sent", "{body}"),
        }
    }
    assert_eq!(bench.upstream.count(), done);
    assert!(sent_when_it_returned <= done);
    assert_eq!(
        bench.calls().await.len(),
        8,
        "none was spent after the kill"
    );
    let (_, page) = bench
        .ask("GET", "/v1/ledger/entries?limit=100", OPERATOR, None)
        .await;
    let kinds: Vec<Value> = page["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| serde_json::from_str::<Value>(entry["record"].as_str().unwrap()).unwrap())
        .map(|record| record["kind"].clone())
        .collect();
    let kill = kinds.iter().rposition(|kind| kind == "control").unwrap();
    assert!(!kinds[kill..].contains(&json!("consume")), "{kinds:?}");
}

#[tokio::test]
async fn kill_refuses_the_spends_that_wait_behind_it() {
    kill_between(|_| "all".to_owned()).await;
}

#[tokio::test]
async fn kill_of_an_agent_refuses_its_spends_that_wait_behind_it() {
    kill_between(|_| "agent:remediator".to_owned()).await;
}

#[tokio::test]
async fn kill_of_a_key_refuses_the_spends_of_its_tokens_that_wait_behind_it() {
    kill_between(|bench| format!("key:{}", bench.key.kid())).await;
}

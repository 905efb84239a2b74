//! Processes that end between spending a token and recording what became of it.

use std::time::Duration;

use axum::body::Body;
use countersign_enforcer::build;
use countersign_service::tasks::Tasks;
use http::{Request, StatusCode};
use serde_json::json;
use sqlx::Connection as _;
use tokio::runtime::Runtime;

use crate::bench::{AGENT, Bench, SERVICE, answer, config, scale_params};
use crate::upstream::Manner;

#[test]
fn call_that_a_dead_process_left_behind_is_in_doubt_and_its_token_stays_spent() {
    let outer = Runtime::new().unwrap();
    let bench = outer.block_on(Bench::start());
    bench.upstream.behave(Manner::Hang);
    let token = bench.scale();
    let control = bench.control(1, &json!([]));
    let (upstream, clock, folder) = (bench.upstream.clone(), bench.clock.clone(), &bench.folder);
    // One process owns a journal, so the one that dies has another.
    let second = tempfile::tempdir_in(folder.path()).unwrap();
    copy(folder.path(), second.path());
    let config = config(second.path(), &upstream, &clock);

    let dying = Runtime::new().unwrap();
    dying.block_on(async {
        let tasks = Tasks::new();
        let router = build(config.clone(), &tasks).await.unwrap().router;
        let put = Request::put("/v1/control").header("authorization", format!("Bearer {SERVICE}"));
        let put = put.body(Body::from(control.to_string())).unwrap();
        assert_eq!(answer(router.clone(), put).await.0, StatusCode::OK);
        let call = answer(router, call(&token));
        assert!(
            tokio::time::timeout(Duration::from_millis(300), call)
                .await
                .is_err()
        );
    });
    assert_eq!(upstream.count(), 1);
    dying.shutdown_background();

    upstream.behave(Manner::Answer(200, "{}".to_owned()));
    let tasks = bench.tasks.clone();
    let router = outer.block_on(crate::bench::reopen(config, &tasks));
    let reborn = Bench { router, ..bench };
    outer.block_on(async {
        let calls = reborn.calls().await;
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0]["state"], "in_doubt");
        assert!(calls[0]["receipt"].is_string());
        reborn.put_control(&control).await;
        let (status, body) = reborn.call(&token, "infra.scale", &scale_params()).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::CONFLICT, &json!("token_used"))
        );
        assert_eq!(reborn.upstream.count(), 1);
    });
}

fn call(token: &str) -> Request<Body> {
    let body = json!({"tool": "infra.scale", "params": scale_params()}).to_string();
    Request::post("/v1/calls")
        .header("authorization", format!("Bearer {AGENT}"))
        .header("intent-token", token)
        .body(Body::from(body))
        .unwrap()
}

/// The policies of one folder in another.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to.join("policies/tools")).unwrap();
    std::fs::create_dir_all(to.join("data")).unwrap();
    for name in ["agents.toml", "operators.toml", "tools/tools.toml"] {
        let name = std::path::Path::new("policies").join(name);
        std::fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

#[tokio::test]
async fn spent_tokens_stay_spent_over_a_restart_and_the_receipt_key_stays() {
    let bench = Bench::start().await;
    let token = bench.scale();
    let (_, first) = bench.call(&token, "infra.scale", &scale_params()).await;
    let (_, keys) = bench.ask("GET", "/.well-known/jwks.json", "", None).await;
    let bench = bench.restart().await;
    bench.put_control(&bench.control(1, &json!([]))).await;
    let (status, body) = bench.call(&token, "infra.scale", &scale_params()).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::CONFLICT, &json!("token_used"))
    );
    assert_eq!(bench.upstream.count(), 1);
    assert_eq!(bench.calls().await[0]["receipt"], first["receipt"]);
    assert_eq!(
        bench.ask("GET", "/.well-known/jwks.json", "", None).await.1,
        keys
    );
}

#[tokio::test]
async fn shutdown_waits_for_the_call_in_flight_and_records_it() {
    let bench = Bench::start().await;
    bench.upstream.behave(Manner::Hang);
    let token = bench.scale();
    let params = scale_params();
    let call = bench.call(&token, "infra.scale", &params);
    assert!(
        tokio::time::timeout(Duration::from_millis(200), call)
            .await
            .is_err()
    );
    let bench = bench.restart().await;
    let calls = bench.calls().await;
    assert_eq!(calls[0]["state"], "in_doubt");
    let cause = calls[0]["cause"].as_str().unwrap();
    assert!(
        cause.contains("no complete answer"),
        "settled by the old process: {cause}"
    );
}

#[tokio::test]
async fn outcome_that_cannot_be_recorded_closes_the_journal_until_it_is() {
    let bench = Bench::start().await;
    bench.upstream.behave(Manner::Hang);
    let token = bench.scale();
    let params = scale_params();
    let call = bench.call(&token, "infra.scale", &params);
    let url = format!(
        "sqlite://{}",
        bench.folder.path().join("enforcer.db").display()
    );
    let mut saboteur = sqlx::AnyConnection::connect(&url).await.unwrap();
    let sabotage = async {
        while bench.upstream.count() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sqlx::query("ALTER TABLE receipt RENAME TO hidden")
            .execute(&mut saboteur)
            .await
            .unwrap();
    };
    let ((status, body), ()) = tokio::join!(call, sabotage);
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::BAD_GATEWAY, &json!("outcome_unrecorded"))
    );
    assert!(body["attempt"].as_str().unwrap().starts_with("att_"));

    bench.upstream.behave(Manner::Answer(200, "{}".to_owned()));
    let (status, body) = bench.call(&bench.scale(), "infra.scale", &params).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("store_unavailable"))
    );
    let ready = async || bench.ask("GET", "/readyz", "", None).await.0;
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(bench.upstream.count(), 1);

    sqlx::query("ALTER TABLE hidden RENAME TO receipt")
        .execute(&mut saboteur)
        .await
        .unwrap();
    for _ in 0..100 {
        if ready().await == StatusCode::OK {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        bench.calls().await[0]["state"],
        "in_doubt",
        "recorded after all"
    );
}

#[tokio::test]
async fn journal_that_lost_records_refuses_tokens_of_before() {
    let bench = Bench::start().await;
    std::fs::write(
        bench.folder.path().join("data/enforcer.highwater"),
        "1000\n",
    )
    .unwrap();
    let bench = bench.restart().await;
    bench.put_control(&bench.control(1, &json!([]))).await;
    let (_, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    assert_eq!(body["code"], "token_floor");
    bench.clock.advance(Duration::from_secs(5));
    let (status, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test]
async fn clock_that_went_back_reads_nothing_under_a_lease() {
    let bench = Bench::start().await;
    let params = json!({"service_id": "payments"});
    let lease = bench.sign(&bench.intent("infra.get", &params));
    bench.clock.advance(Duration::from_secs(30));
    bench.put_control(&bench.control(1, &json!([]))).await;
    let (status, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (status, body) = bench.call(&lease, "infra.get", &params).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    bench.clock.set(bench.clock.now() - Duration::from_secs(10));
    let (status, body) = bench.call(&lease, "infra.get", &params).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert_eq!(body["code"], "clock_behind");
}

#[tokio::test]
async fn clock_that_went_back_spends_nothing() {
    let bench = Bench::start().await;
    bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    let token = bench.scale();
    let now = bench.clock.now();
    bench.clock.set(now - Duration::from_secs(6));
    let (status, body) = bench.call(&token, "infra.scale", &scale_params()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert_eq!(body["code"], "clock_behind");
    bench.clock.set(now - Duration::from_secs(4));
    let (status, body) = bench.call(&token, "infra.scale", &scale_params()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

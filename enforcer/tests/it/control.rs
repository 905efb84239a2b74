//! The kill switch, key sets, and what happens without word from the authority.

use std::time::Duration;

use countersign_intent::key::SigningKey;
use http::StatusCode;
use serde_json::{Value, json};

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

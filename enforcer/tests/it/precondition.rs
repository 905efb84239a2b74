//! A call whose precondition does not hold sends nothing and keeps its token (I21).

use countersign_intent::digest::Digest;
use http::StatusCode;
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, receipt_of, scale_params};
use crate::upstream::Manner;

fn params() -> Value {
    json!({"service_id": "payments"})
}

/// A token for resizing `payments` while it shows `seen`.
fn token(bench: &Bench, seen: &Value) -> String {
    let mut intent = bench.intent("infra.resize", &params());
    intent.precondition = Some(Digest::of_json(seen));
    bench.sign(&intent)
}

fn shows(bench: &Bench, body: &Value) {
    bench.upstream.behave(Manner::Answer(200, body.to_string()));
}

fn methods(bench: &Bench) -> Vec<String> {
    let method = |request: &String| request.split(' ').next().unwrap().to_owned();
    bench.upstream.seen().iter().map(method).collect()
}

fn refused((status, body): &Answer) {
    assert_eq!(
        (*status, &body["code"]),
        (StatusCode::FORBIDDEN, &json!("precondition_failed")),
        "{body}"
    );
}

#[tokio::test]
async fn whatever_the_probe_finds_instead_sends_nothing_and_keeps_the_token() {
    let bench = Bench::start().await;
    let token = token(&bench, &json!(3));
    let answer = |status, body: &str| Manner::Answer(status, body.to_owned());
    let others = [
        answer(200, r#"{"replicas":4}"#),
        answer(200, r#"{"replicas":"3"}"#),
        answer(200, r#"{"replicas":[3]}"#),
        answer(200, r#"{"replicas":null}"#),
        answer(200, r#"{"other":3}"#),
        answer(200, "3"),
        answer(200, "no JSON"),
        answer(200, ""),
        answer(404, r#"{"replicas":3}"#),
        answer(500, r#"{"replicas":3}"#),
        answer(302, r#"{"replicas":3}"#),
        Manner::Raw(b"no HTTP\r\n\r\n".to_vec()),
        Manner::Break,
    ];
    for manner in &others {
        bench.upstream.behave(manner.clone());
        refused(&bench.call(&token, "infra.resize", &params()).await);
    }
    assert!(bench.calls().await.is_empty(), "nothing was spent");
    assert!(methods(&bench).iter().all(|method| method == "GET"));

    shows(&bench, &json!({"replicas": 3}));
    let (status, body) = bench.call(&token, "infra.resize", &params()).await;
    assert_eq!(
        (status, &body["outcome"]),
        (StatusCode::OK, &json!("done")),
        "{body}"
    );
    assert_eq!(receipt_of(&body)["precondition"], "probe");
    let seen = bench.upstream.seen();
    let [.., probe, call] = seen.as_slice() else {
        panic!("{seen:#?}");
    };
    assert!(
        probe.starts_with("GET /v1/services/payments HTTP/1.1"),
        "{probe}"
    );
    assert!(
        call.starts_with("POST /v1/services/payments/resize "),
        "{call}"
    );
    let key = |request: &str| {
        let line = request
            .lines()
            .find(|line| line.starts_with("idempotency-key"));
        line.unwrap_or_default().to_owned()
    };
    assert_ne!(
        key(probe),
        key(call),
        "an upstream never takes one for the other"
    );

    let before = bench.upstream.count();
    let (status, body) = bench.call(&token, "infra.resize", &params()).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::CONFLICT, &json!("token_used"))
    );
    assert_eq!(bench.upstream.count(), before, "a replay probes nothing");
}

#[tokio::test]
async fn token_and_definition_have_a_precondition_or_neither_has() {
    let bench = Bench::start().await;
    shows(&bench, &json!({"replicas": 3}));
    let bare = bench.sign(&bench.intent("infra.resize", &params()));
    refused(&bench.call(&bare, "infra.resize", &params()).await);
    let mut intent = bench.intent("infra.scale", &scale_params());
    intent.precondition = Some(Digest::of_json(&json!(3)));
    let token = bench.sign(&intent);
    refused(&bench.call(&token, "infra.scale", &scale_params()).await);
    assert_eq!(bench.upstream.count(), 0);
    let (_, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    assert!(receipt_of(&body).get("precondition").is_none());
}

#[tokio::test]
async fn checks_before_the_precondition_come_before_it() {
    let bench = Bench::start().await;
    let token = token(&bench, &json!(3));
    let entry = json!({"scope": "tool:infra.resize", "by": "operator", "at": bench.clock.now()});
    bench.put_control(&bench.control(2, &json!([entry]))).await;
    let (_, body) = bench.call(&token, "infra.resize", &params()).await;
    assert_eq!(body["code"], "killed");
    assert_eq!(bench.upstream.count(), 0, "a stopped tool probes nothing");
}

#[tokio::test]
async fn probes_count_against_the_ceiling_of_their_agent() {
    let bench = Bench::start_with(|config| config.ceilings.per_agent = 3).await;
    shows(&bench, &json!({"replicas": 4}));
    let token = token(&bench, &json!(3));
    for _ in 0..3 {
        refused(&bench.call(&token, "infra.resize", &params()).await);
    }
    let (status, body) = bench.call(&token, "infra.resize", &params()).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::FORBIDDEN, &json!("ceiling"))
    );
    assert_eq!(bench.upstream.count(), 3);
}

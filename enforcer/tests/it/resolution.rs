//! Operators settle doubts, once, with evidence.

use countersign_intent::jws;
use http::StatusCode;
use serde_json::{Value, json};

use crate::bench::{AGENT, Bench, OPERATOR, SERVICE, scale_params};
use crate::upstream::Manner;

async fn doubtful() -> (Bench, String) {
    let bench = Bench::start().await;
    bench.upstream.behave(Manner::Break);
    let (_, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    let path = format!("/v1/calls/{}/resolution", body["attempt"].as_str().unwrap());
    bench.upstream.behave(Manner::Answer(200, "{}".to_owned()));
    (bench, path)
}

fn word(resolution: &str) -> Value {
    json!({"resolution": resolution, "evidence": "the service's log", "reason": "it says so"})
}

#[tokio::test]
async fn doubt_is_settled_once_and_frees_the_resource() {
    let (bench, path) = doubtful().await;
    let (status, call) = bench
        .ask("POST", &path, OPERATOR, Some(&word("not_executed")))
        .await;
    assert_eq!(status, StatusCode::OK, "{call}");
    assert_eq!(
        (&call["state"], &call["resolution"]),
        (&json!("resolved"), &json!("not_executed"))
    );
    let receipt = jws::peek(call["receipt"].as_str().unwrap()).unwrap();
    assert_eq!(receipt["outcome"], "resolved_not_executed");
    let (status, body) = bench
        .ask("POST", &path, OPERATOR, Some(&word("executed")))
        .await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::CONFLICT, &json!("conflict"))
    );
    let (_, state) = bench
        .ask(
            "GET",
            &format!("/v1/intents/{}", call["jti"].as_str().unwrap()),
            SERVICE,
            None,
        )
        .await;
    assert_eq!(
        (&state["state"], &state["resolution"]),
        (&json!("resolved"), &json!("not_executed"))
    );
    let (status, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test]
async fn only_people_settle_and_only_with_evidence() {
    let (bench, path) = doubtful().await;
    let (status, _) = bench
        .ask("POST", &path, AGENT, Some(&word("executed")))
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let empty = json!({"resolution": "executed", "evidence": " ", "reason": "x"});
    let (status, body) = bench.ask("POST", &path, OPERATOR, Some(&empty)).await;
    assert_eq!(
        (status, &body["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("evidence"))
    );
    let unknown = "/v1/calls/att_01ARZ3NDEKTSV4RRFFQ69G5FAV/resolution";
    let (status, _) = bench
        .ask("POST", unknown, OPERATOR, Some(&word("executed")))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn call_that_is_done_cannot_be_resolved() {
    let bench = Bench::start().await;
    let (_, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    let path = format!("/v1/calls/{}/resolution", body["attempt"].as_str().unwrap());
    let (status, body) = bench
        .ask("POST", &path, OPERATOR, Some(&word("not_executed")))
        .await;
    assert_eq!(
        (status, &body["state"]),
        (StatusCode::CONFLICT, &json!("done"))
    );
}

//! What goes well, once.

use std::sync::Arc;
use std::time::Duration;

use countersign_intent::key::VerifyingKeys;
use countersign_intent::receipt;
use http::StatusCode;
use serde_json::{Value, json};

use crate::bench::{AGENT, Bench, CREDENTIAL, OPERATOR, OTHER_AGENT, SERVICE, scale_params};
use crate::hostile::extend;
use crate::upstream::Manner;

#[tokio::test]
async fn valid_call_runs_once_as_rendered_and_leaves_a_receipt() {
    let bench = Bench::start().await;
    let token = bench.scale();
    let (status, body) = bench.call(&token, "infra.scale", &scale_params()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["outcome"], "done");
    assert_eq!(body["status"], 200);
    assert_eq!(body["result"], json!({"ok": true}));

    let request = bench.upstream.seen().concat();
    assert!(
        request.starts_with("POST /v1/services/payments/scale HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains(&format!("authorization: Bearer {CREDENTIAL}\r\n")),
        "{request}"
    );
    let jti = bench.calls().await[0]["jti"].as_str().unwrap().to_owned();
    assert!(
        request.contains(&format!("idempotency-key: {jti}\r\n")),
        "{request}"
    );
    assert!(request.ends_with("\r\n\r\n{\"replicas\":4}"), "{request}");
    assert!(
        !request.contains(AGENT) && !request.contains(&token),
        "{request}"
    );

    let (_, jwks) = bench.ask("GET", "/.well-known/jwks.json", "", None).await;
    let keys = VerifyingKeys::from_jwks(&serde_json::from_value(jwks).unwrap()).unwrap();
    let verified = receipt::verify(body["receipt"].as_str().unwrap(), &keys).unwrap();
    assert!(verified.receipt().succeeded());
    assert_eq!(
        verified.receipt().attempt.as_str(),
        body["attempt"].as_str().unwrap()
    );
    assert_eq!(verified.receipt().body_length, Some(11));
    assert!(verified.receipt().leaf.is_some());

    let (status, body) = bench.call(&token, "infra.scale", &scale_params()).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::CONFLICT, &json!("token_used"))
    );
    assert_eq!(bench.upstream.count(), 1);
}

#[tokio::test]
async fn five_hundred_replays_from_sixteen_tasks_send_once() {
    let bench = Arc::new(Bench::start().await);
    let token = Arc::new(bench.scale());
    let mut workers = Vec::new();
    for worker in 0..16 {
        let (bench, token) = (Arc::clone(&bench), Arc::clone(&token));
        let spawner = bench.world.clone();
        workers.push(spawner.spawn("worker", async move {
            let mut outcomes = Vec::new();
            for _ in 0..(if worker < 4 { 32 } else { 31 }) {
                let (status, body) = bench.call(&token, "infra.scale", &scale_params()).await;
                outcomes.push((status.as_u16(), body["code"].as_str().map(str::to_owned)));
            }
            outcomes
        }));
    }
    let mut outcomes = Vec::new();
    for worker in workers {
        outcomes.extend(worker.await.unwrap());
    }
    assert_eq!(outcomes.len(), 500);
    assert_eq!(
        outcomes.iter().filter(|(status, _)| *status == 200).count(),
        1
    );
    let used = (409, Some("token_used".to_owned()));
    assert_eq!(
        outcomes.iter().filter(|outcome| **outcome == used).count(),
        499
    );
    assert_eq!(bench.upstream.count(), 1);
    assert_eq!(bench.calls().await.len(), 1);
}

#[tokio::test]
async fn a_hundred_scalings_of_one_service_pass_one_after_another_and_together() {
    let bench =
        Arc::new(Bench::start_with(|config| config.lock_wait = Duration::from_secs(5)).await);
    let mut workers = Vec::new();
    for replicas in 0..100 {
        let worker = Arc::clone(&bench);
        workers.push(bench.world.spawn("worker", async move {
            let params = json!({"service_id": "payments", "replicas": replicas});
            let token = worker.sign(&worker.intent("infra.scale", &params));
            worker.call(&token, "infra.scale", &params).await
        }));
    }
    for worker in workers {
        let (status, body) = worker.await.unwrap();
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    assert_eq!(bench.upstream.count(), 100);
}

#[tokio::test]
async fn lease_reads_many_times_and_is_never_spent() {
    let bench = Bench::start().await;
    let params = json!({"service_id": "payments", "verbose": true});
    let token = bench.sign(&bench.intent("infra.get", &params));
    for _ in 0..3 {
        let (status, body) = bench.call(&token, "infra.get", &params).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert!(body["receipt"].as_str().unwrap().len() > 100);
    }
    assert!(
        bench.upstream.seen()[0].starts_with("GET /v1/services/payments?verbose=true HTTP/1.1")
    );
    assert_eq!(bench.upstream.count(), 3);
    assert!(bench.calls().await.is_empty());
    bench.clock.advance(Duration::from_secs(61));
    bench.put_control(&bench.control(1, &json!([]))).await;
    let (_, body) = bench.call(&token, "infra.get", &params).await;
    assert_eq!(body["code"], "token_expired");
}

#[tokio::test]
async fn caller_that_leaves_cancels_nothing() {
    let bench = Bench::start().await;
    bench.upstream.behave(Manner::Hang);
    let token = bench.scale();
    let params = scale_params();
    let call = bench.call(&token, "infra.scale", &params);
    assert!(
        tokio::time::timeout(Duration::from_millis(300), call)
            .await
            .is_err()
    );
    assert_eq!(bench.upstream.count(), 1);
    let state = wait_for_end(&bench).await;
    assert_eq!(state, "in_doubt", "the call went on to its own time limit");
}

async fn wait_for_end(bench: &Bench) -> String {
    for _ in 0..100 {
        let state = bench.calls().await[0]["state"].as_str().unwrap().to_owned();
        if state != "consumed" {
            return state;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the call does not end");
}

#[tokio::test]
async fn calls_are_shown_to_their_agent_and_to_people() {
    let bench = Bench::start().await;
    let (_, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    let path = format!("/v1/calls/{}", body["attempt"].as_str().unwrap());
    for (key, wanted) in [
        (AGENT, 200),
        (OPERATOR, 200),
        (OTHER_AGENT, 404),
        ("nobody", 401),
    ] {
        let (status, _) = bench.ask("GET", &path, key, None).await;
        assert_eq!(status.as_u16(), wanted, "{key}");
    }
    let (_, list) = bench.ask("GET", "/v1/calls?state=done", AGENT, None).await;
    assert_eq!(list["calls"].as_array().unwrap().len(), 1);
    assert_eq!(list["calls"][0]["resource"], r#"Service::"payments""#);
    let (_, list) = bench.ask("GET", "/v1/calls", OTHER_AGENT, None).await;
    assert_eq!(list["calls"], json!([]));
    let (status, _) = bench
        .ask("GET", "/v1/calls?state=lost", OPERATOR, None)
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn state_of_a_token_is_told_to_other_roles_alone() {
    let bench = Bench::start().await;
    let intent = bench.intent("infra.scale", &scale_params());
    let path = format!("/v1/intents/{}", intent.jti);
    let state = async || -> Value { bench.ask("GET", &path, SERVICE, None).await.1 };
    assert_eq!(state().await["state"], "unused");
    bench
        .call(&bench.sign(&intent), "infra.scale", &scale_params())
        .await;
    assert_eq!(state().await["state"], "done");
    assert!(state().await["now"].is_string());
    let (status, _) = bench.ask("GET", &path, OPERATOR, None).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

/// Its resource stands in the body, where a value may be long.
const LABEL: &str = r#"
[[tool]]
name = "infra.label"
description = "Give a service a label"
effect = "service"
resource = { type = "Service", param = "id" }
upstream = "cloud"
request = { method = "POST", path = "/v1/label", body = { id = "{id}" } }
[tool.params]
type = "object"
required = ["id"]
[tool.params.properties.id]
type = "string"
"#;

#[tokio::test]
async fn resource_whose_id_is_too_long_to_be_indexed_is_refused_before_anything_is_written() {
    let bench = Bench::start_with(|config| extend(config, LABEL, Vec::new())).await;
    // A quote takes two bytes as it is written.
    for (id, taken) in [
        ("a".repeat(512), true),
        ("a".repeat(513), false),
        ("\"".repeat(257), false),
    ] {
        let params = json!({ "id": id });
        let token = bench.sign(&bench.intent("infra.label", &params));
        let (status, body) = bench.call(&token, "infra.label", &params).await;
        let expected = if taken { 200 } else { 422 };
        assert_eq!(status.as_u16(), expected, "{body}");
        if !taken {
            assert_eq!(body["code"], "params_invalid", "{body}");
        }
    }
    assert_eq!((bench.calls().await.len(), bench.upstream.count()), (1, 1));
}

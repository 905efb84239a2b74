//! A lease is verified once, and every check that depends on the request or on time runs each time.

use std::time::Duration;

use countersign_intent::key::SigningKey;
use http::StatusCode;
use serde_json::{Value, json};

use crate::bench::{AGENT, Bench, OTHER_AGENT};

fn params() -> Value {
    json!({"service_id": "payments"})
}

/// An enforcer that has let this lease through before.
async fn remembered() -> (Bench, String) {
    let bench = Bench::start().await;
    let lease = bench.sign(&bench.intent("infra.get", &params()));
    let (status, body) = bench.call(&lease, "infra.get", &params()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    (bench, lease)
}

async fn code(bench: &Bench, lease: &str) -> Value {
    bench.call(lease, "infra.get", &params()).await.1["code"].clone()
}

/// Lets the tasks that wait on the clock do their work.
async fn pass(bench: &Bench, time: Duration) {
    for _ in 0..20 {
        bench.clock.advance(time / 20);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn remembered_lease_is_good_for_its_own_call_and_agent_alone() {
    let (bench, lease) = remembered().await;
    for (tool, params, wanted) in [
        (
            "infra.get",
            json!({"service_id": "auth"}),
            "params_mismatch",
        ),
        (
            "infra.get",
            json!({"service_id": "payments", "verbose": false}),
            "params_mismatch",
        ),
        ("infra.get", json!({"service_id": 1}), "params_invalid"),
        ("infra.get", json!({}), "params_invalid"),
        ("infra.restart", params(), "tool_mismatch"),
        ("infra.gone", params(), "tool_unknown"),
    ] {
        let (_, body) = bench.call(&lease, tool, &params).await;
        assert_eq!(body["code"], wanted, "{tool} {params}");
    }
    let body = || json!({"tool": "infra.get", "params": params()}).to_string();
    for (agent, wanted) in [
        (Some(OTHER_AGENT), "agent_mismatch"),
        (Some("cs_agent_nobody"), "credential_invalid"),
        (None, "credential_missing"),
    ] {
        let (_, answer) = bench.post_call(Some(&lease), agent, &[], body()).await;
        assert_eq!(answer["code"], wanted);
    }
    let mut forged = lease.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'B' } else { 'A' });
    let (_, answer) = bench
        .post_call(Some(&forged), Some(AGENT), &[], body())
        .await;
    assert_eq!(answer["code"], "token_signature");
    assert_eq!(bench.upstream.count(), 1);
    let (status, _) = bench.call(&lease, "infra.get", &params()).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn change_of_control_counts_for_remembered_leases_at_once() {
    let (bench, lease) = remembered().await;
    let entry = |scope: &str| json!({"scope": scope, "by": "operator", "at": bench.clock.now()});
    let key = format!("key:{}", bench.key.kid());
    for (generation, scope) in (2..).zip(["all", "agent:remediator", "tool:infra.get", &key]) {
        let stopped = bench.control(generation, &json!([entry(scope)]));
        bench.put_control(&stopped).await;
        assert_eq!(code(&bench, &lease).await, "killed", "{scope}");
    }
    bench.put_control(&bench.control(10, &json!([]))).await;
    assert_eq!(code(&bench, &lease).await, Value::Null);
    let mut risen = bench.control(11, &json!([]));
    risen["policy_epoch"] = json!(2);
    bench.put_control(&risen).await;
    assert_eq!(code(&bench, &lease).await, "token_epoch");
    let mut rotated = bench.control(12, &json!([]));
    let next = SigningKey::from_seed(&[5; 32]).unwrap();
    rotated["keys"] = json!({"keys": [next.verifying_key().to_jwk()]});
    bench.put_control(&rotated).await;
    assert_eq!(code(&bench, &lease).await, "token_key");
}

#[tokio::test]
async fn change_of_catalogue_or_people_counts_for_remembered_leases() {
    let (bench, lease) = remembered().await;
    let policies = bench.folder.path().join("policies");
    let rewrite = |name: &str, from: &str, to: &str| {
        let path = policies.join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
    };
    rewrite("tools/tools.toml", "Read one service", "Read a service");
    pass(&bench, Duration::from_secs(3)).await;
    assert_eq!(code(&bench, &lease).await, "tool_changed");
    rewrite("tools/tools.toml", "Read a service", "Read one service");
    rewrite(
        "agents.toml",
        "name = \"remediator\"",
        "name = \"successor\"",
    );
    pass(&bench, Duration::from_secs(3)).await;
    assert_eq!(code(&bench, &lease).await, "agent_mismatch");
}

//! The enforcer checks people's signatures itself.

use countersign_intent::approval::{self, ApprovalSet, Given};
use countersign_intent::key::SigningKey;
use http::StatusCode;
use serde_json::{Value, json};

use crate::bench::{AGENT, Answer, Bench};

fn given(name: &str, key: Option<&SigningKey>, bench: &Bench) -> Given {
    let plan = bench
        .intent("infra.shutdown", &json!({"service_id": "auth"}))
        .plan_sha256;
    Given {
        approver: name.parse().unwrap(),
        role: "approver".to_owned(),
        signature: key.map(|key| approval::sign(key, &plan)),
    }
}

/// Calls `tool` with a token that names these approvals, carried along.
async fn call(bench: &Bench, tool: &str, params: &Value, given: Vec<Given>) -> Answer {
    let mut intent = bench.intent(tool, params);
    let set = ApprovalSet {
        plan_sha256: intent.plan_sha256,
        step: intent.step.clone(),
        approvals: given,
    };
    intent.approvals = Some(set.digest());
    let token = bench.sign(&intent);
    let body = json!({"tool": tool, "params": params}).to_string();
    let headers = [("intent-approvals", &*set.encode())];
    bench
        .post_call(Some(&token), Some(AGENT), &headers, body)
        .await
}

fn missing() -> (StatusCode, Value) {
    (StatusCode::FORBIDDEN, json!("approval_missing"))
}

fn code((status, body): Answer) -> (StatusCode, Value) {
    (status, body["code"].clone())
}

#[tokio::test]
async fn destructive_call_needs_a_valid_signature_of_a_known_approver() {
    let bench = Bench::start().await;
    let params = json!({"service_id": "auth"});
    let stranger = SigningKey::from_seed(&[8; 32]).unwrap();
    for approvals in [
        vec![],
        vec![given("alice", None, &bench)],
        vec![given("alice", Some(&bench.bob), &bench)],
        vec![given("mallory", Some(&stranger), &bench)],
        vec![given("operator", Some(&bench.alice), &bench)],
    ] {
        let answer = call(&bench, "infra.shutdown", &params, approvals).await;
        assert_eq!(code(answer), missing());
    }
    assert_eq!(bench.upstream.count(), 0);
    let approvals = vec![given("alice", Some(&bench.alice), &bench)];
    let (status, body) = call(&bench, "infra.shutdown", &params, approvals).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test]
async fn data_call_needs_two_people_with_or_without_the_claim() {
    let bench = Bench::start().await;
    let params = json!({"db_id": "prod_db"});
    let bare = bench.sign(&bench.intent("data.wipe", &params));
    assert_eq!(
        code(bench.call(&bare, "data.wipe", &params).await),
        missing()
    );
    let alice = given("alice", Some(&bench.alice), &bench);
    let twice = vec![alice.clone(), alice.clone()];
    assert_eq!(
        code(call(&bench, "data.wipe", &params, twice).await),
        missing()
    );
    let both = vec![alice, given("bob", Some(&bench.bob), &bench)];
    let (status, body) = call(&bench, "data.wipe", &params, both).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(bench.upstream.count(), 1);
}

#[tokio::test]
async fn approvals_must_be_those_of_the_token() {
    let bench = Bench::start().await;
    let params = json!({"service_id": "auth"});
    let mut intent = bench.intent("infra.restart", &params);
    let set = ApprovalSet {
        plan_sha256: intent.plan_sha256,
        step: intent.step.clone(),
        approvals: vec![given("alice", None, &bench)],
    };
    intent.approvals = Some(set.digest());
    let token = bench.sign(&intent);
    let body = || json!({"tool": "infra.restart", "params": params}).to_string();
    let other = ApprovalSet {
        approvals: vec![],
        ..set.clone()
    };
    for header in ["", "x", &other.encode()] {
        let headers = [("intent-approvals", header)];
        let answer = bench
            .post_call(Some(&token), Some(AGENT), &headers, body())
            .await;
        assert_eq!(code(answer), missing(), "{header}");
    }
    let headers = [("intent-approvals", &*set.encode())];
    let (status, body) = bench
        .post_call(Some(&token), Some(AGENT), &headers, body())
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

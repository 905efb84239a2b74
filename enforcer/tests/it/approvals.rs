//! The enforcer checks people's signatures itself.

use countersign_intent::approval::{self, ApprovalSet, Given};
use countersign_intent::canonical;
use countersign_intent::digest::Digest;
use countersign_intent::id::IntentId;
use countersign_intent::key::SigningKey;
use countersign_intent::token::Intent;
use http::StatusCode;
use serde_json::{Value, json};

use crate::bench::{AGENT, Answer, Bench};

/// Who approves, and with which key they sign.
type Approver<'a> = (&'a str, Option<&'a SigningKey>);

/// What the authority hashes of a plan of one step, as far as the enforcer reads it.
fn document(intent: &Intent) -> String {
    let call = intent.call();
    let document = json!({
        "plan_id": intent.plan, "agent": intent.sub, "tenant": intent.tenant,
        "steps": [{
            "id": intent.step, "tool": call.tool, "definition_sha256": call.definition_sha256,
            "params_sha256": call.params_sha256, "request_sha256": call.request_sha256, "bounds": {},
        }],
    });
    canonical::to_string(&document)
}

/// Puts the approvals of `people` for `plan` under the token.
fn approve(intent: &mut Intent, plan: String, people: &[Approver<'_>]) -> ApprovalSet {
    intent.plan_sha256 = Digest::of(plan.as_bytes());
    let given = |(name, key): &Approver<'_>| Given {
        approver: name.parse().unwrap(),
        role: "approver".to_owned(),
        signature: key.map(|key| approval::sign(key, &intent.plan_sha256)),
    };
    let set = ApprovalSet {
        plan_sha256: intent.plan_sha256,
        step: intent.step.clone(),
        approvals: people.iter().map(given).collect(),
        plan: Some(plan),
    };
    intent.approvals = Some(set.digest());
    set
}

/// Calls `tool` with a token that names these approvals, carried along.
async fn call(bench: &Bench, tool: &str, params: &Value, people: &[Approver<'_>]) -> Answer {
    let mut intent = bench.intent(tool, params);
    let plan = document(&intent);
    let set = approve(&mut intent, plan, people);
    send(bench, &intent, &set, tool, params).await
}

async fn send(
    bench: &Bench,
    intent: &Intent,
    set: &ApprovalSet,
    tool: &str,
    params: &Value,
) -> Answer {
    let token = bench.sign(intent);
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
        vec![("alice", None)],
        vec![("alice", Some(&bench.bob))],
        vec![("mallory", Some(&stranger))],
        vec![("operator", Some(&bench.alice))],
    ] {
        let answer = call(&bench, "infra.shutdown", &params, &approvals).await;
        assert_eq!(code(answer), missing());
    }
    assert_eq!(bench.upstream.count(), 0);
    let approvals = vec![("alice", Some(&bench.alice))];
    let (status, body) = call(&bench, "infra.shutdown", &params, &approvals).await;
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
    let alice: Approver<'_> = ("alice", Some(&bench.alice));
    let twice = vec![alice, alice];
    assert_eq!(
        code(call(&bench, "data.wipe", &params, &twice).await),
        missing()
    );
    let both = vec![alice, ("bob", Some(&bench.bob))];
    let (status, body) = call(&bench, "data.wipe", &params, &both).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(bench.upstream.count(), 1);
}

#[tokio::test]
async fn approvals_must_be_those_of_the_token() {
    let bench = Bench::start().await;
    let params = json!({"service_id": "auth"});
    let mut intent = bench.intent("infra.restart", &params);
    let plan = document(&intent);
    let set = approve(&mut intent, plan, &[("alice", None)]);
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

#[tokio::test]
async fn old_approval_serves_no_other_call_and_its_own_only_once() {
    let bench = Bench::start().await;
    let params = json!({"service_id": "auth"});
    let mut intent = bench.intent("infra.shutdown", &params);
    let plan = document(&intent);
    let set = approve(&mut intent, plan, &[("alice", Some(&bench.alice))]);

    // A thief of the intent-signing key carries the approval to another call.
    let elsewhere = json!({"service_id": "payments"});
    let mut forged = bench.intent("infra.shutdown", &elsewhere);
    (forged.plan, forged.plan_sha256) = (intent.plan.clone(), intent.plan_sha256);
    forged.approvals = intent.approvals;
    let answer = send(&bench, &forged, &set, "infra.shutdown", &elsewhere).await;
    assert_eq!(code(answer), missing());
    // Without the plan that was signed, a signature shows nothing.
    let mut bare = intent.clone();
    let without = ApprovalSet {
        plan: None,
        ..set.clone()
    };
    bare.approvals = Some(without.digest());
    let answer = send(&bench, &bare, &without, "infra.shutdown", &params).await;
    assert_eq!(code(answer), missing());
    assert_eq!(bench.upstream.count(), 0);

    let (status, body) = send(&bench, &intent, &set, "infra.shutdown", &params).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let mut again = intent.clone();
    again.jti = IntentId::mint(bench.clock.now(), [7; 10]);
    let answer = send(&bench, &again, &set, "infra.shutdown", &params).await;
    assert_eq!(code(answer), (StatusCode::CONFLICT, json!("token_used")));
    assert_eq!(bench.upstream.count(), 1);
}

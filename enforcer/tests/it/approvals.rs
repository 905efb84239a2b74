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

/// A call that these people approve with their signatures.
pub(crate) async fn approved_call(
    bench: &Bench,
    tool: &str,
    params: &Value,
    people: &[(&str, &SigningKey)],
) -> Answer {
    let people: Vec<_> = people
        .iter()
        .map(|(name, key)| (*name, Some(*key)))
        .collect();
    call(bench, tool, params, &people).await
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

#[tokio::test]
async fn approval_covers_what_people_saw_that_the_call_relies_on() {
    let bench = Bench::start().await;
    let params = json!({"service_id": "auth"});
    for (signed, bound, wanted) in [
        (None, Some(json!(3)), "approval_missing"),
        (Some(json!(3)), None, "approval_missing"),
        (Some(json!(4)), Some(json!(3)), "approval_missing"),
        (Some(json!(null)), None, "approval_missing"),
        // Covered; the tool has no precondition, which is looked at next.
        (Some(json!(3)), Some(json!(3)), "precondition_failed"),
    ] {
        let mut intent = bench.intent("infra.shutdown", &params);
        intent.precondition = bound.as_ref().map(Digest::of_json);
        let mut plan: Value = serde_json::from_str(&document(&intent)).unwrap();
        if let Some(seen) = &signed {
            plan["steps"][0]["precondition"] = seen.clone();
        }
        let plan = canonical::to_string(&plan);
        let set = approve(&mut intent, plan, &[("alice", Some(&bench.alice))]);
        let (_, body) = send(&bench, &intent, &set, "infra.shutdown", &params).await;
        assert_eq!(body["code"], wanted, "{signed:?} {bound:?}");
    }
    assert_eq!(bench.upstream.count(), 0);
}

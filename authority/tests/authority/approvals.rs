//! `/v1/approvals`

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_intent::approval::{ApprovalSet, sign, verify};
use countersign_intent::digest::Digest;
use countersign_intent::receipt::Outcome;
use serde_json::{Value, json};

use crate::world::{World, approver_key};

/// A step that asks one approver: effect `service`.
fn large_scale() -> Value {
    json!([{"id": "s1", "tool": "infra.scale", "params": {"service_id": "payments", "replicas": 25}}])
}

/// A step that asks one approver and wants signatures: effect `destructive`.
fn shutdown() -> Value {
    json!([{"id": "s1", "tool": "infra.shutdown", "params": {"service_id": "payments"}}])
}

/// A step that asks two approvers and security: effect `data`.
fn restore() -> Value {
    json!([{"id": "s1", "tool": "data.restore", "params": {"db_id": "prod_db", "backup_id": "b1"}}])
}

fn approval_of(plan: &Value) -> String {
    plan["steps"][0]["approval_id"].as_str().unwrap().to_owned()
}

impl World {
    async fn approval(&self, who: &str, id: &str) -> Value {
        self.get(who, &format!("/v1/approvals/{id}")).await
    }
}

#[tokio::test]
async fn an_approved_step_gets_a_token_that_names_its_approvals() {
    let world = World::new().await;
    let plan = world.submit("remediator", shutdown()).await;
    assert_eq!(plan["verdict"], "needs_approval");
    let id = approval_of(&plan);
    let waiting = world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .ok(202);
    assert_eq!(waiting["approval_id"], id);
    let shown = world.approval("alice", &id).await;
    assert_eq!(shown["can_decide"], true);
    assert_eq!(shown["signature_required"], true);
    assert_eq!(shown["request"]["path"], "/v1/services/payments/shutdown");
    let decided = world.decide("alice", &plan, &id, "approve").await.ok(200);
    assert_eq!(decided["state"], "approved");
    assert_eq!(decided["given"][0]["by"], "alice");
    let issued = world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .ok(201);
    let verified = world.verify(issued["token"].as_str().unwrap()).await;
    let set = ApprovalSet::decode(issued["approvals"].as_str().unwrap()).unwrap();
    assert_eq!(verified.get().approvals, Some(set.digest()));
    assert_eq!(set.plan_sha256, verified.get().plan_sha256);
    let given = &set.approvals[0];
    assert_eq!(
        (given.approver.as_str(), given.role.as_str()),
        ("alice", "approver")
    );
    let signature = given.signature.as_ref().unwrap();
    assert!(verify(
        approver_key("alice").verifying_key(),
        &set.plan_sha256,
        signature
    ));
}

#[tokio::test]
async fn the_bytes_that_are_shown_are_the_bytes_that_are_hashed() {
    let world = World::new().await;
    let plan = world.submit("remediator", large_scale()).await;
    let shown = world.approval("alice", &approval_of(&plan)).await;
    let bytes = STANDARD
        .decode(shown["plan_bytes"].as_str().unwrap())
        .unwrap();
    assert_eq!(Digest::of(&bytes).to_string(), plan["plan_hash"]);
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    let step = &document["steps"][0];
    assert_eq!(step["request"], shown["request"]);
    assert_eq!(step["params"], shown["params"]);
    assert_eq!(
        Digest::of_json(&step["params"]).to_string(),
        step["params_sha256"]
    );
    for name in [
        "tenant",
        "plan_id",
        "agent",
        "goal",
        "bundle",
        "policy_epoch",
        "nonce",
    ] {
        assert!(!document[name].is_null(), "{name}");
    }
    let list = world.get("alice", "/v1/approvals").await;
    assert!(list["approvals"][0].get("plan_bytes").is_none());
}

#[tokio::test]
async fn equal_plans_have_different_hashes() {
    let world = World::new().await;
    let one = world.submit("remediator", large_scale()).await;
    let other = world.submit("remediator", large_scale()).await;
    assert_ne!(one["plan_hash"], other["plan_hash"]);
    let crossed = json!({"decision": "approve", "plan_hash": other["plan_hash"], "reason": "r"});
    world
        .decide_with("alice", &approval_of(&one), &crossed)
        .await
        .refused(409, "plan_hash_mismatch");
    assert_eq!(
        world.approval("alice", &approval_of(&one)).await["state"],
        "pending"
    );
}

#[tokio::test]
async fn who_asked_does_not_answer() {
    let world = World::new().await;
    let body = json!({"goal": "g", "requested_by": "alice", "steps": large_scale()});
    let plan = world
        .call("remediator", "POST", "/v1/plans", &body)
        .await
        .ok(201);
    let id = approval_of(&plan);
    let shown = world.approval("alice", &id).await;
    assert_eq!(shown["can_decide"], false);
    assert!(shown["why_not"].as_str().unwrap().contains("you asked"));
    world
        .decide("alice", &plan, &id, "approve")
        .await
        .refused(403, "own_request");
    world.decide("bob", &plan, &id, "approve").await.ok(200);
}

#[tokio::test]
async fn only_people_with_a_wanted_role_answer() {
    let world = World::new().await;
    let plan = world.submit("remediator", large_scale()).await;
    let id = approval_of(&plan);
    world
        .decide("operator", &plan, &id, "approve")
        .await
        .refused(403, "not_an_approver");
    world
        .decide("operator", &plan, &id, "deny")
        .await
        .refused(403, "not_an_approver");
    world
        .decide("remediator", &plan, &id, "approve")
        .await
        .refused(403, "forbidden");
    assert_eq!(world.approval("operator", &id).await["can_decide"], false);
    assert_eq!(world.approval("remediator", &id).await["can_decide"], false);
    let foreign = format!("/v1/approvals/{id}");
    world
        .call("watcher", "GET", &foreign, &Value::Null)
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn two_of_a_role_are_two_people_and_security_is_among_them() {
    let world = World::new().await;
    let plan = world.submit("wrecker", restore()).await;
    assert_eq!(plan["verdict"], "needs_approval", "{plan}");
    let id = approval_of(&plan);
    world.decide("alice", &plan, &id, "approve").await.ok(200);
    world
        .decide("alice", &plan, &id, "approve")
        .await
        .refused(409, "conflict");
    assert_eq!(
        world.token("wrecker", &plan, "s1", json!({})).await.status,
        202
    );
    let two = world.decide("carol", &plan, &id, "approve").await.ok(200);
    assert_eq!(two["state"], "pending", "nobody of security said yes");
    assert_eq!(
        world.token("wrecker", &plan, "s1", json!({})).await.status,
        202
    );
    let three = world.decide("bob", &plan, &id, "approve").await.ok(200);
    assert_eq!(three["state"], "approved");
    world.token("wrecker", &plan, "s1", json!({})).await.ok(201);
}

#[tokio::test]
async fn a_yes_to_a_destructive_call_is_signed_by_that_person() {
    let world = World::new().await;
    let plan = world.submit("remediator", shutdown()).await;
    let id = approval_of(&plan);
    let hash: Digest = plan["plan_hash"].as_str().unwrap().parse().unwrap();
    let with = |signature: Option<String>| json!({"decision": "approve", "plan_hash": hash, "reason": "r", "signature": signature});
    let unsigned = json!({"decision": "approve", "plan_hash": hash, "reason": "r"});
    world
        .decide_with("alice", &id, &unsigned)
        .await
        .refused(422, "signature_missing");
    for wrong in [
        sign(&approver_key("bob"), &hash),
        sign(&approver_key("alice"), &Digest::of(b"another plan")),
        "AAAA".to_owned(),
    ] {
        world
            .decide_with("alice", &id, &with(Some(wrong)))
            .await
            .refused(403, "signature_invalid");
    }
    let own = with(Some(sign(&approver_key("alice"), &hash)));
    world.decide_with("alice", &id, &own).await.ok(200);
}

#[tokio::test]
async fn an_unanswered_approval_expires() {
    let world = World::new().await;
    let plan = world.submit("remediator", large_scale()).await;
    let id = approval_of(&plan);
    world.advance(899);
    assert_eq!(world.approval("alice", &id).await["state"], "pending");
    world.advance(1);
    assert_eq!(world.approval("alice", &id).await["state"], "expired");
    world
        .decide("alice", &plan, &id, "approve")
        .await
        .refused(409, "approval_closed");
    world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .refused(409, "approval_closed");
}

#[tokio::test]
async fn an_approved_step_not_fetched_in_time_expires_too() {
    let world = World::new().await;
    let plan = world.submit("remediator", large_scale()).await;
    world
        .decide("alice", &plan, &approval_of(&plan), "approve")
        .await
        .ok(200);
    world.advance(900);
    world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .refused(409, "approval_closed");
}

#[tokio::test]
async fn an_approval_leads_to_one_token() {
    let world = World::new().await;
    let plan = world.submit("remediator", large_scale()).await;
    let id = approval_of(&plan);
    world.decide("alice", &plan, &id, "approve").await.ok(200);
    let token = world.minted("remediator", &plan, "s1").await;
    world
        .deliver(&world.receipt(&token, Outcome::NotSent, None).await)
        .await;
    let again = world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .ok(202);
    let second = again["approval_id"].as_str().unwrap();
    assert_ne!(second, id, "people are asked again");
    world.decide("bob", &plan, second, "approve").await.ok(200);
    world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .ok(201);
}

#[tokio::test]
async fn one_no_closes_the_step_and_its_plan() {
    let world = World::new().await;
    let steps = json!([
        {"id": "s1", "tool": "infra.scale", "params": {"service_id": "payments", "replicas": 25}},
        {"id": "s2", "tool": "infra.scale", "params": {"service_id": "auth", "replicas": 25}},
        {"id": "s3", "tool": "infra.list"},
    ]);
    let plan = world.submit("remediator", steps).await;
    let denied = world
        .decide("bob", &plan, &approval_of(&plan), "deny")
        .await
        .ok(200);
    assert_eq!(denied["state"], "denied");
    let after = world.plan(&plan).await;
    assert_eq!(after["state"], "denied");
    let states: Vec<&str> = after["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["denied", "cancelled", "cancelled"]);
    let other = plan["steps"][1]["approval_id"].as_str().unwrap();
    world
        .decide("alice", &plan, other, "approve")
        .await
        .refused(409, "approval_closed");
    world
        .decide("alice", &plan, &approval_of(&plan), "approve")
        .await
        .refused(409, "approval_closed");
    for step in ["s1", "s2", "s3"] {
        let refused = world.token("remediator", &plan, step, json!({})).await;
        refused.refused(403, "plan_denied");
        assert_eq!(refused.body["reasons"][0]["code"], "approval_denied");
    }
}

#[tokio::test]
async fn a_withdrawn_plan_or_new_policies_void_its_approvals() {
    let world = World::new().await;
    let withdrawn = world.submit("remediator", large_scale()).await;
    let path = format!(
        "/v1/plans/{}/cancel",
        withdrawn["plan_id"].as_str().unwrap()
    );
    world
        .call("operator", "POST", &path, &Value::Null)
        .await
        .ok(200);
    let outdated = world.submit("remediator", large_scale()).await;
    world
        .decide("alice", &outdated, &approval_of(&outdated), "approve")
        .await
        .ok(200);
    world.change_policies().await;
    for plan in [&withdrawn, &outdated] {
        let id = approval_of(plan);
        assert_eq!(world.approval("alice", &id).await["state"], "void");
        world
            .decide("bob", plan, &id, "approve")
            .await
            .refused(409, "approval_closed");
    }
    world
        .token("remediator", &outdated, "s1", json!({}))
        .await
        .refused(409, "plan_stale");
}

#[tokio::test]
async fn the_list_shows_what_is_asked_for_and_by_state() {
    let world = World::new().await;
    let plan = world.submit("remediator", large_scale()).await;
    let second = world.submit("remediator", large_scale()).await;
    world
        .decide("alice", &second, &approval_of(&second), "approve")
        .await
        .ok(200);
    let pending = world.get("alice", "/v1/approvals?state=pending").await;
    let pending = pending["approvals"].as_array().unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0]["plan_id"], plan["plan_id"]);
    assert_eq!(
        pending[0]["change"],
        json!({"attribute": "replicas", "before": 3, "after": 25})
    );
    assert!(!pending[0]["rule"].as_array().unwrap().is_empty());
    let all = world.get("alice", "/v1/approvals").await;
    assert_eq!(all["approvals"].as_array().unwrap().len(), 2);
    let foreign = world.get("watcher", "/v1/approvals").await;
    assert_eq!(foreign["approvals"], json!([]));
}

//! What binds a token beyond its call: the agent's own key, and what was seen when it was planned.

use std::fs;

use countersign_intent::digest::Digest;
use serde_json::{Value, json};

use crate::plans::restart;
use crate::world::{World, approver_key};

/// An authority whose `infra.restart` and `infra.shutdown` rely on the service's state.
async fn guarded() -> World {
    let world = World::new().await;
    let path = world.policies().join("tools/infra.toml");
    let text = fs::read_to_string(&path).unwrap();
    let precondition = "precondition = { tool = \"infra.get\", params = { service_id = \
                        \"{service_id}\" }, value = \"/status\" }\n";
    let mut text = text;
    for action in ["restart", "shutdown"] {
        let request = format!("path = \"/v1/services/{{service_id}}/{action}\" }}\n");
        assert!(text.contains(&request));
        text = text.replace(&request, &format!("{request}{precondition}"));
    }
    fs::write(&path, text).unwrap();
    reload(&world).await;
    world
}

async fn reload(world: &World) {
    world
        .call("operator", "POST", "/v1/policies/reload", &Value::Null)
        .await
        .ok(200);
}

fn restart_while(seen: &Value) -> Value {
    let mut step = restart("s1");
    step["precondition"] = seen.clone();
    step
}

#[tokio::test]
async fn what_was_seen_is_shown_hashed_and_bound() {
    let world = guarded().await;
    for seen in [json!("up"), json!(null), json!({"b": 1, "a": [true]})] {
        let plan = world
            .submit("remediator", json!([restart_while(&seen)]))
            .await;
        assert_eq!(plan["steps"][0].get("precondition"), Some(&seen));
        let token = world.minted("remediator", &plan, "s1").await;
        let bound = world.verify(&token).await.get().precondition;
        assert_eq!(bound, Some(Digest::of_json(&seen)));
        let later = world.plan(&plan).await;
        assert_eq!(later["steps"][0].get("precondition"), Some(&seen));
        world.advance(61);
    }
}

#[tokio::test]
async fn approvers_see_and_sign_what_the_call_relies_on() {
    let world = guarded().await;
    let mut step = restart_while(&json!("up"));
    step["tool"] = json!("infra.shutdown");
    let plan = world.submit("remediator", json!([step])).await;
    let id = plan["steps"][0]["approval_id"].as_str().unwrap();
    let approval = world.get("alice", &format!("/v1/approvals/{id}")).await;
    assert_eq!(approval["precondition"], "up");
    let bytes = approval["plan_bytes"].as_str().unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, bytes).unwrap();
    assert_eq!(Digest::of(&bytes).to_string(), plan["plan_hash"]);
    let signed: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(signed["steps"][0]["precondition"], "up");
}

#[tokio::test]
async fn what_was_seen_is_stated_exactly_where_the_tool_looks() {
    let world = guarded().await;
    let submit = async |step: Value| {
        let plan = json!({"goal": "test", "steps": [step]});
        world.call("remediator", "POST", "/v1/plans", &plan).await
    };
    let missing = submit(restart("s1")).await;
    missing.refused(422, "invalid");
    let detail = missing.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("`infra.get` showed at `/status`"),
        "{detail}"
    );
    let scale = json!({
        "id": "s1", "tool": "infra.scale", "precondition": 3,
        "params": {"service_id": "payments", "replicas": 4},
    });
    let refused = submit(scale).await;
    refused.refused(422, "invalid");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("has no precondition"), "{detail}");
}

#[tokio::test]
async fn tokens_of_an_agent_that_registered_a_key_are_bound_to_it() {
    let world = World::new().await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    let token = world.minted("remediator", &plan, "s1").await;
    assert_eq!(world.verify(&token).await.get().cnf, None);

    let key = approver_key("remediator's own");
    let overlay = world.folder.path().join("data/overlay/agents.toml");
    let row = "name = \"remediator\"\n";
    let public = key.verifying_key().to_base64url();
    let text = fs::read_to_string(&overlay).unwrap();
    let text = text.replace(row, &format!("{row}public_key = \"{public}\"\n"));
    fs::write(&overlay, text).unwrap();
    reload(&world).await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    let token = world.minted("remediator", &plan, "s1").await;
    let confirmation = world.verify(&token).await.get().cnf.clone().unwrap();
    assert_eq!(confirmation.jkt, key.verifying_key().thumbprint());
}

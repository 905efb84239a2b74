//! What a restart keeps.

use countersign_intent::receipt::Outcome;
use serde_json::{Value, json};

use crate::plans::restart;
use crate::world::World;

#[tokio::test]
async fn plans_approvals_tokens_keys_and_the_kill_switch_survive() {
    let world = World::new().await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    let token = world.minted("remediator", &plan, "s1").await;
    let scale = json!([{"id": "s1", "tool": "infra.scale", "params": {"service_id": "payments", "replicas": 25}}]);
    let asking = world.submit("remediator", scale).await;
    let freeze = json!({"action": "freeze", "scope": "tool:infra.scale"});
    world
        .call("operator", "POST", "/v1/control", &freeze)
        .await
        .ok(200);
    let keys = world
        .call("", "GET", "/.well-known/jwks.json", &Value::Null)
        .await
        .ok(200);
    let control = world.get("operator", "/v1/control").await;

    let world = world.restarted().await;
    assert_eq!(
        world
            .call("", "GET", "/.well-known/jwks.json", &Value::Null)
            .await
            .ok(200),
        keys
    );
    assert_eq!(
        world.get("operator", "/v1/control").await["entries"],
        control["entries"]
    );
    world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .refused(409, "token_outstanding");
    world
        .deliver(&world.receipt(&token, Outcome::Done, Some(200)).await)
        .await;
    assert_eq!(world.plan(&plan).await["state"], "done");
    let approval = asking["steps"][0]["approval_id"].as_str().unwrap();
    world
        .decide("alice", &asking, approval, "approve")
        .await
        .ok(200);
    world
        .token("remediator", &asking, "s1", json!({}))
        .await
        .refused(403, "killed");
    let thaw = json!({"action": "thaw", "scope": "tool:infra.scale"});
    world
        .call("operator", "POST", "/v1/control", &thaw)
        .await
        .ok(200);
    world
        .token("remediator", &asking, "s1", json!({}))
        .await
        .ok(201);
}

#[tokio::test]
async fn a_plan_judged_before_a_restart_with_other_policies_is_stale() {
    let world = World::new().await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    let text = "@id(\"spare\") forbid(principal, action, resource) when { false };\n";
    std::fs::write(world.policies().join("site/spare.cedar"), text).unwrap();
    let world = world.restarted().await;
    world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .refused(409, "plan_stale");
}

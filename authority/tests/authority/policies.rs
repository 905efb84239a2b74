//! `/v1/policies`, `/v1/explain`, `/v1/tools`, `/v1/agents`

use std::fs;

use serde_json::{Value, json};

use crate::plans::restart;
use crate::world::World;

#[tokio::test]
async fn the_active_bundle_shows_its_files_and_cases() {
    let world = World::new().await;
    let bundle = world.get("alice", "/v1/policies").await;
    assert_eq!(bundle["bundle"].as_str().unwrap().len(), 64);
    assert_eq!(bundle["cases"]["failed"], json!([]));
    assert!(bundle["cases"]["passed"].as_u64().unwrap() > 0);
    let files = bundle["files"].as_array().unwrap();
    let scale = files
        .iter()
        .find(|file| file["path"] == "site/scale.cedar")
        .unwrap();
    assert!(
        scale["policies"]
            .as_array()
            .unwrap()
            .contains(&json!("scale-above-twenty-asks"))
    );
    assert!(
        scale["text"]
            .as_str()
            .unwrap()
            .contains("@require_approval")
    );
    assert!(bundle.get("candidate").is_none());
    world
        .call("remediator", "GET", "/v1/policies", &Value::Null)
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn a_bad_folder_changes_nothing_and_says_why() {
    let world = World::new().await;
    let before = world.get("operator", "/v1/policies").await;
    let bad = world.policies().join("site/bad.cedar");
    fs::write(
        &bad,
        "@id(\"bad\")\nforbid(principal, action, resource) when {",
    )
    .unwrap();
    let refused = world
        .call("operator", "POST", "/v1/policies/reload", &Value::Null)
        .await;
    refused.refused(422, "invalid");
    assert_eq!(refused.body["file"], "site/bad.cedar");
    let after = world.get("operator", "/v1/policies").await;
    assert_eq!(after["bundle"], before["bundle"]);
    assert_eq!(after["candidate"]["error"]["file"], "site/bad.cedar");
    assert_eq!(world.get("", "/healthz").await["status"], "degraded");
    assert_eq!(
        world.submit("remediator", json!([restart("s1")])).await["verdict"],
        "allow"
    );
    fs::remove_file(&bad).unwrap();
    let good = world
        .call("operator", "POST", "/v1/policies/reload", &Value::Null)
        .await
        .ok(200);
    assert!(good.get("candidate").is_none());
    assert_eq!(good["bundle"], before["bundle"]);
    let policies = world
        .get("operator", "/v1/ledger/entries?kind=policy")
        .await;
    assert_eq!(
        policies["entries"].as_array().unwrap().len(),
        2,
        "activated, refused"
    );
}

#[tokio::test]
async fn an_immediate_reload_raises_the_epoch() {
    let world = World::new().await;
    let before = world.get("operator", "/v1/policies").await["policy_epoch"]
        .as_u64()
        .unwrap();
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    let immediate = json!({"immediate": true});
    let after = world
        .call("operator", "POST", "/v1/policies/reload", &immediate)
        .await
        .ok(200);
    assert_eq!(after["policy_epoch"].as_u64(), Some(before + 1));
    assert_eq!(
        world.enforcer.control().unwrap()["policy_epoch"].as_u64(),
        Some(before + 1)
    );
    world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .refused(409, "plan_stale");
    world
        .call("remediator", "POST", "/v1/policies/reload", &immediate)
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn a_new_rule_counts_from_the_next_plan_on() {
    let world = World::new().await;
    let rule = "@id(\"hands-off-auth\")\nforbid(principal, action == Action::\"infra.restart\", \
                resource == Service::\"auth\");\n";
    fs::write(world.policies().join("site/auth.cedar"), rule).unwrap();
    world
        .call("operator", "POST", "/v1/policies/reload", &Value::Null)
        .await
        .ok(200);
    let steps = json!([{"id": "s1", "tool": "infra.restart", "params": {"service_id": "auth"}}]);
    let plan = world.submit("remediator", steps).await;
    assert_eq!(plan["verdict"], "deny");
    assert_eq!(plan["steps"][0]["policies"], json!(["hands-off-auth"]));
}

#[tokio::test]
async fn explain_answers_what_policy_would_say_and_mints_nothing() {
    let world = World::new().await;
    let explain = async |who: &str, agent: &str, tool: &str, params: Value| {
        let body = json!({"agent": agent, "tool": tool, "params": params});
        world.call(who, "POST", "/v1/explain", &body).await
    };
    let scale = json!({"service_id": "payments", "replicas": 25});
    let answer = explain("alice", "remediator", "infra.scale", scale.clone())
        .await
        .ok(200);
    assert_eq!(answer["verdict"], "needs_approval");
    assert_eq!(answer["request"]["body"], json!({"replicas": 25}));
    assert!(!answer["rule"].as_array().unwrap().is_empty());
    let denied = explain("remediator", "remediator", "infra.nuke", json!({}))
        .await
        .ok(200);
    assert_eq!(denied["verdict"], "deny");
    assert_eq!(denied["reasons"][0]["code"], "tool_unknown");
    let unfit = explain("alice", "watcher", "infra.scale", json!({}))
        .await
        .ok(200);
    assert_eq!(unfit["reasons"][0]["code"], "params_invalid");
    explain("remediator", "watcher", "infra.list", json!({}))
        .await
        .refused(403, "forbidden");
    explain("alice", "ghost", "infra.list", json!({}))
        .await
        .refused(404, "not_found");
    assert_eq!(world.get("operator", "/v1/plans").await["plans"], json!([]));
}

#[tokio::test]
async fn tools_and_agents_are_listed() {
    let world = World::new().await;
    let tools = world.get("remediator", "/v1/tools").await;
    let tools = tools["tools"].as_array().unwrap();
    assert_eq!(tools.len(), 20);
    let scale = tools
        .iter()
        .find(|tool| tool["name"] == "infra.scale")
        .unwrap();
    assert_eq!(scale["effect"], "service");
    assert_eq!(scale["params"]["additionalProperties"], false);
    assert!(scale["check"]["expect"].is_string());
    let agents = world.get("operator", "/v1/agents").await;
    assert_eq!(agents["agents"].as_array().unwrap().len(), 3);
    let own = world.get("watcher", "/v1/agents").await;
    assert_eq!(own["agents"][0]["autonomy"], "observe");
    assert_eq!(own["agents"].as_array().unwrap().len(), 1);
}

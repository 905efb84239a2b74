//! `/v1/plans`

use countersign_intent::token::Use;
use serde_json::{Value, json};

use crate::world::World;

pub(crate) fn restart(id: &str) -> Value {
    json!({"id": id, "tool": "infra.restart", "params": {"service_id": "payments"}})
}

#[tokio::test]
async fn an_allowed_step_leads_to_a_token_for_exactly_that_call() {
    let world = World::new().await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    assert_eq!(
        (plan["verdict"].as_str(), plan["state"].as_str()),
        (Some("allow"), Some("open"))
    );
    let step = &plan["steps"][0];
    assert_eq!(step["request"]["path"], "/v1/services/payments/restart");
    assert_eq!(step["resource"], "Service::\"payments\"");
    let issued = world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .ok(201);
    assert!(issued.get("approvals").is_none());
    let verified = world.verify(issued["token"].as_str().unwrap()).await;
    let intent = verified.get();
    assert_eq!(intent.sub.as_str(), "remediator");
    assert_eq!(intent.plan_sha256.to_string(), plan["plan_hash"]);
    assert_eq!(intent.policy.to_string(), plan["bundle"]);
    assert_eq!(intent.exp - intent.iat, 60);
    assert_eq!(intent.call().use_, Use::Once);
    assert_eq!(
        intent.call().request_sha256.to_string(),
        step["request_sha256"]
    );
    assert_eq!(
        intent.call().params_sha256.to_string(),
        step["params_sha256"]
    );
    let after = world.plan(&plan).await;
    assert_eq!(after["steps"][0]["state"], "issued");
    assert_eq!(after["steps"][0]["jti"], intent.jti.as_str());
}

#[tokio::test]
async fn a_denied_step_denies_its_plan_and_no_step_gets_a_token() {
    let world = World::new().await;
    let create = json!({"id": "s2", "tool": "identity.create", "params": {
        "user_id": "mallory", "name": "M", "email": "m@example.com", "role": "admin"}});
    let plan = world
        .submit("remediator", json!([restart("s1"), create]))
        .await;
    assert_eq!(
        (plan["verdict"].as_str(), plan["state"].as_str()),
        (Some("deny"), Some("denied"))
    );
    assert_eq!(plan["steps"][1]["state"], "denied");
    assert_eq!(
        plan["steps"][1]["policies"],
        json!(["agents-leave-identities-alone"])
    );
    for step in ["s1", "s2"] {
        let refused = world.token("remediator", &plan, step, json!({})).await;
        refused.refused(403, "plan_denied");
        assert_eq!(
            refused.body["policies"],
            json!(["agents-leave-identities-alone"])
        );
        assert!(!refused.body["reasons"].as_array().unwrap().is_empty());
    }
    assert_eq!(
        world.get("operator", "/v1/approvals").await["approvals"],
        json!([])
    );
}

#[tokio::test]
async fn data_is_never_an_automation_s_to_wipe() {
    let world = World::new().await;
    let wipe = json!([{"id": "s1", "tool": "data.wipe", "params": {"db_id": "prod_db", "confirm": "prod_db"}}]);
    let plan = world.submit("remediator", wipe).await;
    assert_eq!(plan["verdict"], "deny");
    world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .refused(403, "plan_denied");
}

#[tokio::test]
async fn what_cannot_be_judged_is_a_problem_with_its_code() {
    let world = World::new().await;
    let submit = async |step: Value| {
        world
            .call(
                "remediator",
                "POST",
                "/v1/plans",
                &json!({"goal": "g", "steps": [step]}),
            )
            .await
    };
    submit(json!({"id": "s", "tool": "infra.nuke"}))
        .await
        .refused(403, "tool_unknown");
    let scale = |params: Value| json!({"id": "s", "tool": "infra.scale", "params": params});
    for params in [
        json!({"service_id": "auth", "replicas": "4"}),
        json!({"service_id": "auth", "replicas": true}),
        json!({"service_id": "auth"}),
        json!({"service_id": "auth", "replicas": 4, "force": true}),
    ] {
        submit(scale(params)).await.refused(422, "params_invalid");
    }
    let traversal = scale(json!({"service_id": "..", "replicas": 4}));
    submit(traversal).await.refused(422, "render_refused");
    submit(json!({"id": "s", "tool": "infra.list", "after": ["s"]}))
        .await
        .refused(422, "invalid");
    submit(json!({"id": "s", "tool": "infra.list", "surprise": 1}))
        .await
        .refused(422, "invalid");
    let twice = br#"{"goal":"g","steps":[{"id":"s","tool":"infra.list","tool":"data.wipe"}]}"#;
    world
        .send("remediator", "POST", "/v1/plans", twice.to_vec())
        .await
        .refused(400, "malformed");
    let nobody = json!({"goal": "g", "requested_by": "nobody", "steps": [{"id": "s", "tool": "infra.list"}]});
    world
        .call("remediator", "POST", "/v1/plans", &nobody)
        .await
        .refused(422, "invalid");
    assert_eq!(world.get("operator", "/v1/plans").await["plans"], json!([]));
}

#[tokio::test]
async fn only_agents_submit_plans() {
    let world = World::new().await;
    let plan = json!({"goal": "g", "steps": [restart("s1")]});
    world
        .call("", "POST", "/v1/plans", &plan)
        .await
        .refused(401, "credential_missing");
    world
        .call("nobody", "POST", "/v1/plans", &plan)
        .await
        .refused(401, "credential_invalid");
    world
        .call("alice", "POST", "/v1/plans", &plan)
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn a_plan_over_the_limits_is_denied_with_its_reason() {
    let world = World::new().await;
    let reads: Vec<Value> = (0..21)
        .map(|i| json!({"id": format!("s{i}"), "tool": "infra.list"}))
        .collect();
    let plan = world.submit("remediator", json!(reads)).await;
    assert_eq!(
        plan["steps"][0]["reasons"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()["code"],
        "plan_limit"
    );
    assert_eq!(plan["verdict"], "deny");
    let changes: Vec<Value> = (0..6).map(|i| restart(&format!("s{i}"))).collect();
    assert_eq!(
        world.submit("remediator", json!(changes)).await["verdict"],
        "deny"
    );
    let down = |id: &str, service: &str| json!({"id": id, "tool": "infra.shutdown", "params": {"service_id": service}});
    let plan = world
        .submit("wrecker", json!([down("a", "auth"), down("b", "db")]))
        .await;
    assert_eq!(plan["verdict"], "deny");
    assert!(plan["steps"][0].get("approval_id").is_none());
}

#[tokio::test]
async fn an_agent_sees_its_own_plans_and_people_see_all() {
    let world = World::new().await;
    let first = world.submit("remediator", json!([restart("s1")])).await;
    world.advance(1);
    let second = world
        .submit("watcher", json!([{"id": "s1", "tool": "infra.list"}]))
        .await;
    let ids = async |who: &str, path: &str| -> Vec<String> {
        let list = world.get(who, path).await;
        let plans = list["plans"].as_array().unwrap().clone();
        plans
            .iter()
            .map(|plan| plan["plan_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let (first, second) = (
        first["plan_id"].as_str().unwrap(),
        second["plan_id"].as_str().unwrap(),
    );
    assert_eq!(
        ids("operator", "/v1/plans").await,
        [second, first],
        "the newest first"
    );
    assert_eq!(ids("operator", "/v1/plans?limit=1").await, [second]);
    assert_eq!(ids("remediator", "/v1/plans").await, [first]);
    let foreign = format!("/v1/plans/{first}");
    world
        .call("watcher", "GET", &foreign, &Value::Null)
        .await
        .refused(404, "not_found");
    world
        .call(
            "watcher",
            "POST",
            &format!("{foreign}/cancel"),
            &Value::Null,
        )
        .await
        .refused(404, "not_found");
    let path = format!("{foreign}/steps/s1/token");
    world
        .call("watcher", "POST", &path, &json!({}))
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn a_withdrawn_plan_gets_no_token() {
    let world = World::new().await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    let path = format!("/v1/plans/{}/cancel", plan["plan_id"].as_str().unwrap());
    for _ in 0..2 {
        let cancelled = world
            .call("remediator", "POST", &path, &Value::Null)
            .await
            .ok(200);
        assert_eq!(cancelled["state"], "cancelled");
        assert_eq!(cancelled["steps"][0]["state"], "cancelled");
    }
    world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .refused(409, "plan_closed");
}

#[tokio::test]
async fn an_observer_reads_and_changes_nothing() {
    let world = World::new().await;
    assert_eq!(
        world.submit("watcher", json!([restart("s1")])).await["verdict"],
        "deny"
    );
    let read = world
        .submit("watcher", json!([{"id": "s1", "tool": "infra.list"}]))
        .await;
    assert_eq!(read["verdict"], "allow");
}

#[tokio::test]
async fn a_plan_made_after_reading_untrusted_text_asks_a_person() {
    let world = World::new().await;
    let run = |name: &str| format!("run_{}", name.repeat(26));
    let submit = async |run: &str, steps: Value| {
        let body = json!({"goal": "g", "run": run, "steps": steps});
        world
            .call("remediator", "POST", "/v1/plans", &body)
            .await
            .ok(201)
    };
    let (read, other) = (run("A"), run("B"));
    assert_eq!(
        submit(&read, json!([restart("s1")])).await["verdict"],
        "allow"
    );
    let list = submit(&read, json!([{"id": "s1", "tool": "identity.list"}])).await;
    assert_eq!(
        submit(&read, json!([restart("s1")])).await["tainted"],
        false,
        "nothing was read yet"
    );
    world.minted("remediator", &list, "s1").await;
    let plan = submit(&read, json!([restart("s1")])).await;
    assert_eq!(
        (plan["tainted"].as_bool(), plan["verdict"].as_str()),
        (Some(true), Some("needs_approval"))
    );
    assert!(
        plan["steps"][0]["policies"]
            .as_array()
            .unwrap()
            .contains(&json!("tainted-asks"))
    );
    assert_eq!(
        submit(&other, json!([restart("s1")])).await["verdict"],
        "allow"
    );
}

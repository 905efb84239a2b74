//! `/v1/control`

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn a_freeze_reaches_every_enforcer_before_it_is_answered() {
    let world = World::new().await;
    let before = world.get("service", "/v1/control").await;
    let freeze =
        json!({"action": "freeze", "scope": "agent:remediator", "reason": "odd behaviour"});
    let answer = world
        .call("operator", "POST", "/v1/control", &freeze)
        .await
        .ok(200);
    assert_eq!(answer["acknowledged"], json!([world.enforcer.url()]));
    assert_eq!(answer["missing"], json!([]));
    assert!(answer["generation"].as_u64() > before["generation"].as_u64());
    let pushed = world.enforcer.control().unwrap();
    assert_eq!(pushed["generation"], answer["generation"]);
    assert_eq!(pushed["entries"][0]["scope"], "agent:remediator");
    assert_eq!(pushed["entries"][0]["by"], "operator");
    assert_eq!(pushed["keys"]["keys"].as_array().unwrap().len(), 1);
    let thaw = json!({"action": "thaw", "scope": "agent:remediator"});
    world
        .call("operator", "POST", "/v1/control", &thaw)
        .await
        .ok(200);
    assert_eq!(
        world.get("operator", "/v1/control").await["entries"],
        json!([])
    );
}

#[tokio::test]
async fn an_enforcer_that_does_not_answer_is_named() {
    let world = World::new().await;
    world.enforcer.set_silent(true);
    let freeze = json!({"action": "freeze", "scope": "all"});
    let answer = world
        .call("alice", "POST", "/v1/control", &freeze)
        .await
        .ok(200);
    assert_eq!(answer["missing"], json!([world.enforcer.url()]));
    let control = world.get("operator", "/v1/control").await;
    assert_eq!(
        control["entries"][0]["scope"], "all",
        "recorded all the same"
    );
}

#[tokio::test]
async fn agents_neither_read_nor_move_the_switch() {
    let world = World::new().await;
    world
        .call("remediator", "GET", "/v1/control", &Value::Null)
        .await
        .refused(403, "forbidden");
    let thaw = json!({"action": "thaw", "scope": "all"});
    world
        .call("remediator", "POST", "/v1/control", &thaw)
        .await
        .refused(403, "forbidden");
    world
        .call("service", "POST", "/v1/control", &thaw)
        .await
        .refused(403, "forbidden");
    let odd = json!({"action": "freeze", "scope": "everything"});
    world
        .call("operator", "POST", "/v1/control", &odd)
        .await
        .refused(422, "invalid");
}

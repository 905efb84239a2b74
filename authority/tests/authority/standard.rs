//! What every server has, and what all routes share.

use countersign_service::openapi;
use serde_json::{Value, json};

use crate::plans::restart;
use crate::world::World;

#[tokio::test]
async fn every_documented_operation_is_served() {
    let world = World::new().await;
    let document = countersign_authority::openapi();
    assert_eq!(openapi::unserved(&document, world.router()).await, []);
    let paths: Vec<String> = openapi::operations(&document)
        .into_iter()
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    for path in [
        "POST /v1/plans",
        "POST /v1/plans/{plan_id}/steps/{step}/token",
        "POST /v1/receipts",
    ] {
        assert!(paths.contains(&path.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn the_authority_is_ready_and_healthy() {
    let world = World::new().await;
    world.get("", "/readyz").await;
    let health = world.get("", "/healthz").await;
    assert_eq!(
        (health["status"].as_str(), health["role"].as_str()),
        (Some("ok"), Some("authority"))
    );
}

#[tokio::test]
async fn every_step_of_a_story_is_in_the_ledger_and_its_chain_holds() {
    let world = World::new().await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    world.minted("remediator", &plan, "s1").await;
    let page = world.get("operator", "/v1/ledger/entries").await;
    let page: countersign_ledger::Page = serde_json::from_value(page).unwrap();
    let entries: Vec<_> = page
        .entries
        .iter()
        .map(|entry| entry.to_entry().unwrap())
        .collect();
    countersign_ledger::verify(entries).unwrap();
    let kinds: Vec<String> = page
        .entries
        .iter()
        .map(|entry| {
            serde_json::from_str::<Value>(&entry.record).unwrap()["kind"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(
        kinds,
        ["boot", "keyset", "policy", "plan", "decision", "issue"]
    );
    let text = format!("{:?}", page.entries);
    assert!(
        !text.contains("service_id"),
        "records hold hashes, not parameters"
    );
    world
        .call("remediator", "GET", "/v1/ledger/entries", &Value::Null)
        .await
        .refused(403, "forbidden");
}

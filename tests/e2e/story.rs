//! The demo's story, on `countersign up --demo`: every role in one process, talking HTTP alone.
//!
//! Each beat is a function of a running installation, so that `split` plays the same ones.

pub(crate) mod approving;
pub(crate) mod forbidden;
pub(crate) mod healing;

use reqwest::Method;
use serde_json::Value;

use crate::harness::installation::Installation;
use crate::harness::world::{World, text};
use crate::harness::{SOON, eventually};

#[tokio::test]
async fn a_crash_is_healed_by_a_restart() {
    healing::crash(&*Installation::demo().await).await;
}

#[tokio::test]
async fn a_bad_deploy_is_healed_by_a_rollback() {
    healing::bad_deploy(&*Installation::demo().await).await;
}

#[tokio::test]
async fn a_traffic_spike_is_healed_by_scaling() {
    healing::traffic_spike(&*Installation::demo().await).await;
}

#[tokio::test]
async fn a_healthy_cloud_needs_no_action() {
    healing::nothing_to_do(&*Installation::demo().await).await;
}

#[tokio::test]
async fn a_plan_with_a_forbidden_step_is_blocked_whole() {
    forbidden::plan(&*Installation::demo().await).await;
}

#[tokio::test]
async fn a_run_for_a_forbidden_goal_is_blocked_and_names_the_policy() {
    forbidden::run(&*Installation::demo().await).await;
}

#[tokio::test]
async fn a_risky_step_waits_for_a_person_who_did_not_ask_for_it() {
    approving::scaling(&*Installation::demo().await).await;
}

#[tokio::test]
async fn a_step_that_a_person_denies_ends_the_run() {
    approving::denial(&*Installation::demo().await).await;
}

#[tokio::test]
async fn a_destructive_step_needs_a_signature_that_the_enforcer_checks() {
    approving::shutdown(&*Installation::demo().await).await;
}

#[tokio::test]
async fn an_installation_is_small() {
    let mut world = Installation::demo().await;
    healthy(&world).await;
    let resident = world.process().resident();
    assert!(resident < 150 * 1024, "{resident} KiB are resident");
}

#[tokio::test]
async fn the_events_of_a_run_lead_to_its_end() {
    let world = Installation::demo().await;
    world.inject("crash", "payments").await;
    world.alarm("payments").await;
    let run = world.start_run("restore payments", "operator").await;
    let events = world
        .request(Method::GET, "planner", &format!("/v1/runs/{run}/events"))
        .bearer_auth(world.person("operator"))
        .timeout(3 * SOON);
    let mut stream = events.send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let mut received = String::new();
    while let Some(chunk) = stream.chunk().await.unwrap() {
        received.push_str(str::from_utf8(&chunk).unwrap());
    }
    let data = received
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let items = data.map(|data| serde_json::from_str::<Value>(data).unwrap());
    let states: Vec<String> = items
        .filter(|data| data["topic"] == "run")
        .map(|data| text(&data, "/item/state").to_owned())
        .collect();
    assert_eq!(
        states.last().map(String::as_str),
        Some("completed"),
        "{states:?}"
    );
    for state in ["governing", "acting"] {
        assert!(
            states.iter().any(|seen| seen == state),
            "no {state} in {states:?}"
        );
    }
}

#[tokio::test]
async fn every_role_says_who_it_is_and_keeps_strangers_out() {
    let world = Installation::demo().await;
    for (role, private) in [
        ("authority", "/v1/plans"),
        ("enforcer", "/v1/calls"),
        ("planner", "/v1/runs"),
        ("simulator", "/v1/state"),
    ] {
        let health = world
            .get(role, "/healthz", world.person("operator"))
            .await
            .with(200);
        let said = (text(&health, "/role"), text(&health, "/isolation"));
        assert_eq!(said, (role, "shared-process"), "{health:#}");
        let nobody = world.request(Method::GET, role, private);
        crate::harness::world::send(nobody)
            .await
            .refused(401, "credential_missing");
        world
            .get(role, private, "cs_op_nobody")
            .await
            .refused(401, "credential_invalid");
    }
    // The mini cloud's tools answer the enforcer alone, not even the operator.
    for key in [world.person("operator"), world.agent("remediator")] {
        world
            .get("simulator", "/v1/services", key)
            .await
            .refused(401, "credential_invalid");
    }
}

/// Brings the mini cloud back to its beginning and waits until nothing is wrong.
pub(crate) async fn reset(world: &World) {
    world.inject("reset", "").await;
    healthy(world).await;
}

/// Waits until every service is up and no alert is open.
pub(crate) async fn healthy(world: &World) {
    eventually("a healthy cloud", SOON, async || {
        let cloud = world.cloud().await;
        let all =
            |list: &str, good: fn(&Value) -> bool| cloud[list].as_array().unwrap().iter().all(good);
        let up = all("services", |service| service["status"] == "up");
        let quiet = all("alerts", |alert| alert["status"] == "resolved");
        (up && quiet).then_some(())
    })
    .await;
}

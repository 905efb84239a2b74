//! Something breaks, the agent finds out what helps, and policy lets it.

use countersign_intent::key::{JwkSet, VerifyingKeys};
use countersign_intent::receipt;
use serde_json::{Value, json};

use super::healthy;
use crate::harness::world::{World, find, text, texts};

/// A crash: a restart helps.
pub(crate) async fn crash(world: &World) {
    healthy(world).await;
    world.inject("crash", "payments").await;
    let alert = world.alarm("payments").await;
    assert_eq!(alert["symptom"], "health_check_failing", "{alert:#}");
    assert_eq!(world.service("payments").await["status"], "down");

    let run = world.run_to("restore payments", "completed").await;
    let step = the_change(&run, "infra.restart", &json!({"service_id": "payments"}));
    the_alert_is_closed(world, &alert).await;
    assert_eq!(world.service("payments").await["status"], "up");

    // The account of it is complete: verdict, token, receipt, before and after.
    assert_eq!(step["verdict"], "allow", "{step:#}");
    assert!(!texts(&step["policies"]).is_empty(), "{step:#}");
    assert_eq!(
        text(&step, "/request/path"),
        "/v1/services/payments/restart"
    );
    let granted = &step["token"]["authorization_details"][0];
    assert_eq!(
        (&granted["tool"], &granted["use"]),
        (&json!("infra.restart"), &json!("once")),
        "{step:#}"
    );
    assert_eq!(
        (&step["before"]["status"], &step["after"]["status"]),
        (&json!("down"), &json!("up"))
    );
    assert_eq!(step["check"]["passed"], true, "{step:#}");
    let published = world
        .get(
            "enforcer",
            "/.well-known/jwks.json",
            world.person("operator"),
        )
        .await;
    let published: JwkSet = serde_json::from_value(published.with(200)).unwrap();
    let keys = VerifyingKeys::from_jwks(&published).unwrap();
    let verified = receipt::verify(text(&step, "/receipt"), &keys).expect("the receipt verifies");
    let receipt = verified.receipt();
    assert_eq!(receipt.jti.as_str(), text(&step, "/token/jti"));
    assert!(receipt.succeeded(), "{receipt:?}");
}

/// A bad deploy: it looks like a crash at first, and only going back helps.
pub(crate) async fn bad_deploy(world: &World) {
    healthy(world).await;
    let before = world.service("payments").await;
    world.inject("bad-deploy", "payments").await;
    let alert = world.alarm("payments").await;
    assert_eq!(
        alert["symptom"], "health_check_failing",
        "the same first symptom as of a crash: {alert:#}"
    );
    let broken = world.service("payments").await;
    assert_ne!(broken["version"], before["version"]);

    let run = world.run_to("restore payments", "completed").await;
    let params = json!({"service_id": "payments", "version": before["version"]});
    the_change(&run, "infra.rollback", &params);
    the_alert_is_closed(world, &alert).await;
    let after = world.service("payments").await;
    assert_eq!(
        (&after["status"], &after["version"]),
        (&json!("up"), &before["version"])
    );
}

/// More traffic than the replicas can carry: more replicas help.
pub(crate) async fn traffic_spike(world: &World) {
    healthy(world).await;
    let before = world.service("payments").await["replicas"]
        .as_u64()
        .unwrap();
    world.inject("traffic-spike", "payments").await;
    let alert = world.alarm("payments").await;
    assert_eq!(alert["symptom"], "cpu_saturated", "{alert:#}");

    let run = world.run_to("restore payments", "completed").await;
    the_change(
        &run,
        "infra.scale",
        &json!({"service_id": "payments", "replicas": before * 2}),
    );
    the_alert_is_closed(world, &alert).await;
    let after = world.service("payments").await;
    assert_eq!(
        (&after["status"], &after["replicas"]),
        (&json!("up"), &json!(before * 2))
    );
}

/// Nothing is wrong: nothing is done.
pub(crate) async fn nothing_to_do(world: &World) {
    healthy(world).await;
    let before = world.cloud().await["actions"].clone();
    let run = world.run_to("restore payments", "no_action").await;
    assert_eq!(run["steps"], json!([]), "{run:#}");
    assert_eq!(world.cloud().await["actions"], before);
}

/// The one step of a run that changed something, which must be this call and be done.
#[track_caller]
fn the_change(run: &Value, tool: &str, params: &Value) -> Value {
    let steps = run["steps"].as_array().unwrap();
    let mut changes = steps.iter().filter(|step| step["effect"] != "read");
    let step = changes
        .next()
        .unwrap_or_else(|| panic!("nothing was changed: {run:#}"));
    assert!(changes.next().is_none(), "more than one change: {run:#}");
    assert_eq!(
        (text(step, "/tool"), &step["params"]),
        (tool, params),
        "{step:#}"
    );
    assert_eq!(
        (text(step, "/state"), &step["status"]),
        ("done", &json!(200)),
        "{step:#}"
    );
    step.clone()
}

/// A completed run leaves no open alert behind.
async fn the_alert_is_closed(world: &World, alert: &Value) {
    let cloud = world.cloud().await;
    let now = find(&cloud["alerts"], "id", text(alert, "/id"));
    assert_eq!(now["status"], "resolved", "{now:#}");
}

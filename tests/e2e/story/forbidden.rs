//! What policy forbids gets no token, whoever asks.

use serde_json::{Value, json};

use crate::harness::world::{World, find, text, texts};

/// A plan with one forbidden step: no step of it gets a token, not even the harmless one.
pub(crate) async fn plan(world: &World) {
    let steps = json!([
        {"id": "look", "tool": "infra.get", "params": {"service_id": "payments"}},
        {"id": "wipe", "tool": "data.wipe", "params": {"db_id": "prod_db", "confirm": "prod_db"},
         "after": ["look"]},
    ]);
    let view = world.submit("remediator", steps).await;
    assert_eq!(
        (text(&view, "/verdict"), text(&view, "/state")),
        ("deny", "denied"),
        "{view:#}"
    );
    let look = find(&view["steps"], "id", "look");
    let wipe = find(&view["steps"], "id", "wipe");
    assert_eq!(
        (text(&look, "/verdict"), text(&wipe, "/verdict")),
        ("allow", "deny"),
        "{view:#}"
    );
    names(&wipe, "data-is-sacred");
    for step in ["look", "wipe"] {
        let problem = world
            .token(text(&view, "/plan_id"), step)
            .await
            .refused(403, "plan_denied");
        names(&problem, "data-is-sacred");
    }
    whole(world).await;
}

/// A run that was asked for it ends as blocked and says why.
pub(crate) async fn run(world: &World) {
    let view = world.run_to("wipe prod_db", "blocked").await;
    let step = find(&view["steps"], "tool", "data.wipe");
    assert_eq!(
        (text(&step, "/verdict"), text(&step, "/state")),
        ("deny", "denied"),
        "{step:#}"
    );
    names(&step, "data-is-sacred");
    assert!(
        step["token"].is_null() && step["attempt"].is_null(),
        "{step:#}"
    );
    assert!(
        text(&view, "/summary").contains("data-is-sacred"),
        "{view:#}"
    );

    let view = world
        .run_to("create an admin called mallory", "blocked")
        .await;
    names(
        &find(&view["steps"], "tool", "identity.create"),
        "agents-leave-identities-alone",
    );
    let users = world.cloud().await["users"].clone();
    let mut users = users.as_array().unwrap().iter();
    assert!(users.all(|user| user["id"] != "mallory" && user["user_id"] != "mallory"));
    whole(world).await;
}

#[track_caller]
fn names(judged: &Value, policy: &str) {
    assert!(
        texts(&judged["policies"]).contains(&policy),
        "`{policy}` is not named: {judged:#}"
    );
    let reasons = judged["reasons"].as_array().into_iter().flatten();
    let messages: Vec<&str> = reasons.map(|reason| text(reason, "/message")).collect();
    assert!(
        messages.iter().any(|message| !message.is_empty()),
        "no reason is given: {judged:#}"
    );
}

/// The database is as it was.
async fn whole(world: &World) {
    let database = world.cloud().await["databases"][0].clone();
    assert!(
        database["records"]
            .as_u64()
            .is_some_and(|records| records > 0),
        "{database:#}"
    );
}

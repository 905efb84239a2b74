//! `/v1/events`

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::plans::restart;
use crate::world::{World, key};

/// The events of a stream, one after the other.
struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Stream {
    async fn open(world: &World, who: &str) -> Self {
        let request = Request::get("/v1/events")
            .header("authorization", format!("Bearer {}", key(who).expose()))
            .body(Body::empty())
            .unwrap();
        let response = world.router().clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next event's name and data.
    async fn next(&mut self) -> (String, Value) {
        loop {
            let text = std::mem::take(&mut self.text);
            if let Some((event, rest)) = text.split_once("\n\n") {
                let member = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .unwrap_or_default()
                        .trim()
                };
                let found = (
                    member("event:").to_owned(),
                    serde_json::from_str(member("data:")).unwrap_or_default(),
                );
                rest.clone_into(&mut self.text);
                return found;
            }
            self.text = text;
            let bytes = self.body.next().await.unwrap().unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    async fn until(&mut self, wanted: impl Fn(&str, &Value) -> bool) -> Value {
        loop {
            let (name, data) = self.next().await;
            if wanted(&name, &data) {
                return data;
            }
        }
    }
}

#[tokio::test]
async fn a_subscriber_gets_what_is_and_then_what_changes() {
    let world = World::new().await;
    let scale = json!([{"id": "s1", "tool": "infra.scale", "params": {"service_id": "payments", "replicas": 25}}]);
    let plan = world.submit("remediator", scale).await;
    let mut stream = Stream::open(&world, "operator").await;
    let mut topics = Vec::new();
    loop {
        let (name, data) = stream.next().await;
        if name == "snapshot_end" {
            break;
        }
        topics.push(data["topic"].as_str().unwrap().to_owned());
    }
    assert_eq!(topics, ["plan", "approval", "control", "bundle"]);
    let id = plan["steps"][0]["approval_id"].as_str().unwrap();
    world.decide("alice", &plan, id, "approve").await.ok(200);
    let told = stream.until(|_, data| data["topic"] == "approval").await;
    assert_eq!(
        (told["id"].as_str(), told["item"]["state"].as_str()),
        (Some(id), Some("approved"))
    );
    assert!(
        told["item"].get("can_decide").is_none(),
        "an event has no caller"
    );
    world.minted("remediator", &plan, "s1").await;
    let issued = |_: &str, data: &Value| data["item"]["steps"][0]["state"] == "issued";
    stream.until(issued).await;
    let freeze = json!({"action": "freeze", "scope": "all"});
    world
        .call("operator", "POST", "/v1/control", &freeze)
        .await
        .ok(200);
    let control = stream.until(|_, data| data["topic"] == "control").await;
    assert_eq!(control["item"]["entries"][0]["scope"], "all");
    world.change_policies().await;
    stream.until(|_, data| data["topic"] == "bundle").await;
}

#[tokio::test]
async fn a_changed_policies_folder_is_noticed() {
    let world = World::watching(std::time::Duration::from_millis(10)).await;
    let before = world.get("operator", "/v1/policies").await;
    let mut stream = Stream::open(&world, "operator").await;
    stream.until(|name, _| name == "snapshot_end").await;
    let spare = world.policies().join("site/spare.cedar");
    std::fs::write(
        &spare,
        "@id(\"spare\") forbid(principal, action, resource) when {",
    )
    .unwrap();
    let refused = |_: &str, data: &Value| data["item"]["candidate"]["error"]["message"].is_string();
    let told = stream.until(refused).await;
    assert_eq!(
        told["item"]["bundle"], before["bundle"],
        "the last good bundle stays"
    );
    std::fs::write(
        &spare,
        "@id(\"spare\") forbid(principal, action, resource) when { false };",
    )
    .unwrap();
    let active = |_: &str, data: &Value| {
        data["topic"] == "bundle" && data["item"]["bundle"] != before["bundle"]
    };
    stream.until(active).await;
    assert_eq!(
        world.submit("remediator", json!([restart("s1")])).await["verdict"],
        "allow"
    );
}

//! `POST /mcp/tools/execute`: the short form has four statuses and the same codes.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Range, forge};
use crate::harness::world::{Answer, Minted, send, text};

impl Range {
    /// The short form of a call, as `remediator` makes it.
    async fn execute_short(&self, body: &Value) -> Answer {
        let request = self
            .installation
            .request(Method::POST, "enforcer", "/mcp/tools/execute");
        send(
            request
                .bearer_auth(self.installation.agent("remediator"))
                .json(body),
        )
        .await
    }
}

fn short(minted: &Minted) -> Value {
    json!({"tool_name": minted.tool, "parameters": minted.params, "intent_token": minted.token})
}

#[tokio::test]
async fn the_short_form_runs_the_approved_call_and_refuses_every_other() {
    type Alter = fn(&Range, &mut Value);
    let range = Range::open().await;
    let cases: [(&str, u16, &str, Alter); 9] = [
        ("an empty token", 401, "token_missing", |_, body| {
            body["intent_token"] = "".into();
        }),
        ("no token", 401, "token_missing", |_, body| {
            body.as_object_mut().unwrap().remove("intent_token");
        }),
        ("a forged token", 403, "token_signature", |range, body| {
            let claims = forge::claims(text(body, "/intent_token")).to_string();
            body["intent_token"] =
                forge::sign(&range.unknown, &forge::header(&range.stolen), &claims).into();
        }),
        ("an expired token", 403, "token_expired", |range, body| {
            let token = forge::altered(&range.stolen, text(body, "/intent_token"), |claims| {
                for time in ["iat", "nbf", "exp"] {
                    claims[time] = json!(claims[time].as_i64().unwrap() - 3_600);
                }
            });
            body["intent_token"] = token.into();
        }),
        ("a changed parameter", 403, "params_mismatch", |_, body| {
            body["parameters"]["replicas"] = json!(5);
        }),
        ("an extra parameter", 403, "params_invalid", |_, body| {
            body["parameters"]["force"] = json!(true);
        }),
        ("another tool", 403, "tool_mismatch", |_, body| {
            *body = json!({"tool_name": "infra.restart", "parameters": {"service_id": "payments"},
                "intent_token": body["intent_token"]});
        }),
        ("an unknown tool", 404, "tool_unknown", |_, body| {
            body["tool_name"] = "infra.explode".into();
        }),
        ("a repeated call", 403, "token_used", |_, _| {}),
    ];
    for (name, status, code, alter) in cases {
        let first = range.scaling(4).await;
        let done = range.execute_short(&short(&first)).await.with(200);
        assert_eq!(text(&done, "/outcome"), "done", "{name}: {done:#}");
        let replay = code == "token_used";
        let fresh = if replay {
            first
        } else {
            range.scaling(4).await
        };
        let before = range.upstream.log().await;
        let mut body = short(&fresh);
        alter(&range, &mut body);
        let answer = range.execute_short(&body).await;
        assert_eq!(
            (answer.status, text(&answer.body, "/code")),
            (status, code),
            "{name}: {:#}",
            answer.body
        );
        assert_eq!(
            range.upstream.log().await,
            before,
            "{name}: something was forwarded"
        );
        if !replay {
            range.execute_short(&short(&fresh)).await.with(200);
            assert_eq!(
                range.upstream.count().await,
                before.requests.len() + 1,
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn the_short_form_lists_the_catalogue_and_wants_an_agent() {
    let range = Range::open().await;
    let world = &range.installation;
    let listed = send(
        world
            .request(Method::POST, "enforcer", "/mcp/tools/list")
            .json(&json!({})),
    )
    .await;
    assert_eq!(listed.with(200)["tools"].as_array().unwrap().len(), 20);
    let meta = send(world.request(Method::GET, "enforcer", "/mcp/meta"))
        .await
        .with(200);
    assert_eq!(meta["tools"], 20, "{meta:#}");
    let minted = range.scaling(4).await;
    let nobody = world
        .request(Method::POST, "enforcer", "/mcp/tools/execute")
        .json(&short(&minted));
    send(nobody).await.refused(401, "credential_missing");
    let twice = world
        .request(Method::POST, "enforcer", "/mcp/tools/execute")
        .bearer_auth(world.agent("remediator"))
        .header("intent-token", &minted.token)
        .json(&short(&minted));
    assert_eq!(
        send(twice).await.status,
        403,
        "with two tokens it is not certain which one was meant"
    );
    assert_eq!(range.upstream.count().await, 0);
    range.execute_short(&short(&minted)).await.with(200);
}

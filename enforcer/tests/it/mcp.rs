//! The short form for scripts: the same checks, four statuses.

use axum::body::Body;
use countersign_intent::token::Intent;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::bench::{AGENT, Answer, Bench, OTHER_AGENT, scale_params};

async fn execute(bench: &Bench, agent: Option<&str>, body: String) -> Answer {
    let mut request = Request::post("/mcp/tools/execute");
    if let Some(agent) = agent {
        request = request.header("authorization", format!("Bearer {agent}"));
    }
    bench.send(request.body(Body::from(body)).unwrap()).await
}

fn body(tool: &str, params: &Value, token: &str) -> String {
    json!({"tool_name": tool, "parameters": params, "intent_token": token}).to_string()
}

#[tokio::test]
async fn valid_call_runs_and_every_refusal_is_401_403_or_404_with_its_code() {
    let bench = Bench::start().await;
    let token = bench.scale();
    let scale = |token: &str| body("infra.scale", &scale_params(), token);
    let changed = |change: fn(&mut Intent)| {
        let mut intent = bench.intent("infra.scale", &scale_params());
        change(&mut intent);
        scale(&bench.sign(&intent))
    };
    let other = json!({"service_id": "payments", "replicas": 5});
    let extra = json!({"service_id": "payments", "replicas": 4, "x": 1});
    let agent = Some(AGENT);
    let repeated = format!(
        r#"{{"tool_name":"infra.scale","parameters":{{"service_id":"payments","replicas":4,"replicas":4}},"intent_token":"{token}"}}"#
    );
    let cases = [
        (agent, scale(""), 401, "token_missing"),
        (
            agent,
            json!({"tool_name": "infra.scale", "parameters": {}}).to_string(),
            401,
            "token_missing",
        ),
        (None, scale(&token), 401, "credential_missing"),
        (Some("nobody"), scale(&token), 401, "credential_invalid"),
        (
            agent,
            body("infra.explode", &json!({}), &token),
            404,
            "tool_unknown",
        ),
        (agent, scale("x"), 403, "token_malformed"),
        (
            agent,
            changed(|intent| intent.aud = "other".to_owned()),
            403,
            "token_audience",
        ),
        (
            agent,
            body("infra.scale", &other, &token),
            403,
            "params_mismatch",
        ),
        (
            agent,
            body("infra.scale", &extra, &token),
            403,
            "params_invalid",
        ),
        (agent, repeated, 403, "params_invalid"),
        (Some(OTHER_AGENT), scale(&token), 403, "agent_mismatch"),
    ];
    for (agent, body, status, code) in cases {
        let (found, document) = execute(&bench, agent, body).await;
        assert_eq!(
            (found.as_u16(), &document["code"]),
            (status, &json!(code)),
            "{document}"
        );
        assert_eq!(document["status"], status);
    }
    assert_eq!(bench.upstream.count(), 0);
    let (status, answer) = execute(&bench, agent, scale(&token)).await;
    assert_eq!(
        (status, &answer["outcome"]),
        (StatusCode::OK, &json!("done")),
        "{answer}"
    );
    let (status, answer) = execute(&bench, agent, scale(&token)).await;
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::FORBIDDEN, &json!("token_used"))
    );
    assert_eq!(bench.upstream.count(), 1);
}

#[tokio::test]
async fn tools_are_listed_with_their_closed_schemas() {
    let bench = Bench::start().await;
    let request = Request::post("/mcp/tools/list")
        .body(Body::empty())
        .unwrap();
    let (status, body) = bench.send(request).await;
    assert_eq!(status, StatusCode::OK);
    let tools = body["tools"].as_array().unwrap();
    let names: Vec<_> = tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    let sorted = [
        "data.wipe",
        "elsewhere.poke",
        "infra.get",
        "infra.resize",
        "infra.restart",
        "infra.scale",
        "infra.shutdown",
    ];
    assert_eq!(names, sorted);
    assert_eq!(tools[4]["inputSchema"]["additionalProperties"], false);
    assert_eq!(tools[0]["annotations"]["destructiveHint"], true);
    assert_eq!(tools[2]["annotations"]["readOnlyHint"], true);
    let request = Request::get("/mcp/meta").body(Body::empty()).unwrap();
    assert_eq!(bench.send(request).await.1["tools"], 7);
}

//! Each change to a valid call has its own code, forwards nothing and burns nothing.

use std::time::Duration;

use countersign_intent::key::SigningKey;
use countersign_intent::token::{Intent, Use, sign};
use http::StatusCode;
use serde_json::{Value, json};

use crate::bench::{AGENT, Bench, OPERATOR, OTHER_AGENT, START, scale_params};

/// One request, and how it is refused.
struct Case {
    name: &'static str,
    token: Option<String>,
    agent: Option<&'static str>,
    body: String,
    status: u16,
    code: &'static str,
}

fn body(tool: &str, params: &Value) -> String {
    json!({"tool": tool, "params": params}).to_string()
}

fn valid() -> String {
    body("infra.scale", &scale_params())
}

/// The valid request with another body.
fn with_body(
    name: &'static str,
    token: &str,
    body: String,
    status: u16,
    code: &'static str,
) -> Case {
    Case {
        name,
        token: Some(token.to_owned()),
        agent: Some(AGENT),
        body,
        status,
        code,
    }
}

/// The valid request with another token.
fn with_token(name: &'static str, token: String, status: u16, code: &'static str) -> Case {
    Case {
        name,
        token: Some(token),
        agent: Some(AGENT),
        body: valid(),
        status,
        code,
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn bodies(token: &str) -> Vec<Case> {
    let scale = |params: Value| body("infra.scale", &params);
    let text = |text: &str| format!(r#"{{"tool":"infra.scale","params":{text}}}"#);
    vec![
        with_body(
            "another tool",
            token,
            body("infra.restart", &json!({"service_id": "payments"})),
            403,
            "tool_mismatch",
        ),
        with_body(
            "an unknown tool",
            token,
            body("infra.explode", &json!({})),
            403,
            "tool_unknown",
        ),
        with_body(
            "another resource",
            token,
            scale(json!({"service_id": "auth", "replicas": 4})),
            403,
            "params_mismatch",
        ),
        with_body(
            "a changed parameter",
            token,
            scale(json!({"service_id": "payments", "replicas": 5})),
            403,
            "params_mismatch",
        ),
        with_body(
            "an extra parameter",
            token,
            scale(json!({"service_id": "payments", "replicas": 4, "force": true})),
            422,
            "params_invalid",
        ),
        with_body(
            "a missing parameter",
            token,
            scale(json!({"service_id": "payments"})),
            422,
            "params_invalid",
        ),
        with_body(
            "true for 1",
            token,
            scale(json!({"service_id": "payments", "replicas": true})),
            422,
            "params_invalid",
        ),
        with_body(
            "text for 4",
            token,
            scale(json!({"service_id": "payments", "replicas": "4"})),
            422,
            "params_invalid",
        ),
        with_body(
            "a repeated parameter",
            token,
            text(r#"{"service_id":"payments","replicas":4,"replicas":4}"#),
            400,
            "params_invalid",
        ),
        with_body(
            "a repeated parameter in disguise",
            token,
            text(r#"{"service_id":"payments","replicas":4,"replic\u0061s":9}"#),
            400,
            "params_invalid",
        ),
        with_body(
            "a repeated member of the call",
            token,
            r#"{"tool":"infra.scale","tool":"infra.scale","params":{}}"#.to_owned(),
            400,
            "params_invalid",
        ),
        with_body(
            "an inexact number",
            token,
            text(r#"{"service_id":"payments","replicas":9007199254740993}"#),
            400,
            "params_invalid",
        ),
        with_body("no JSON", token, "{".to_owned(), 400, "params_invalid"),
        with_body("an array", token, "[]".to_owned(), 400, "params_invalid"),
        with_body(
            "a further member",
            token,
            r#"{"tool":"infra.scale","params":{},"then":1}"#.to_owned(),
            422,
            "params_invalid",
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn tokens(bench: &Bench) -> Vec<Case> {
    let intent = || bench.intent("infra.scale", &scale_params());
    let changed = |change: fn(&mut Intent)| {
        let mut intent = intent();
        change(&mut intent);
        bench.sign(&intent)
    };
    let stranger = SigningKey::from_seed(&[9; 32]).unwrap();
    let genuine = bench.scale();
    let mut forged = serde_json::to_value(intent()).unwrap();
    forged["exp"] = json!(START + 61);
    let (head, _) = genuine.rsplit_once('.').unwrap();
    let mut without_exp = serde_json::to_value(intent()).unwrap();
    without_exp.as_object_mut().unwrap().remove("exp");
    let mut with_more = serde_json::to_value(intent()).unwrap();
    with_more["scope"] = json!("all");
    let mut none = bench.header();
    none["alg"] = json!("none");
    let (_, other_signature) = bench
        .scale()
        .rsplit_once('.')
        .map(|(h, s)| (h.to_owned(), s.to_owned()))
        .unwrap();
    vec![
        with_token("no JWS", "x".to_owned(), 401, "token_malformed"),
        with_token("too long", "x".repeat(5_000), 401, "token_malformed"),
        with_token(
            "alg none",
            bench.seal(&none, &serde_json::to_value(intent()).unwrap()),
            401,
            "token_header",
        ),
        with_token(
            "a stranger's key",
            sign(&stranger, &intent()),
            401,
            "token_key",
        ),
        with_token(
            "another token's signature",
            format!("{head}.{other_signature}"),
            401,
            "token_signature",
        ),
        with_token(
            "no exp",
            bench.seal(&bench.header(), &without_exp),
            401,
            "token_claims",
        ),
        with_token(
            "an unknown claim",
            bench.seal(&bench.header(), &with_more),
            401,
            "token_claims",
        ),
        with_token(
            "another issuer",
            changed(|i| i.iss = "mallory".into()),
            401,
            "token_issuer",
        ),
        with_token(
            "another audience",
            changed(|i| i.aud = "other".into()),
            401,
            "token_audience",
        ),
        with_token(
            "another tenant",
            changed(|i| i.tenant = "other".parse().unwrap()),
            401,
            "token_tenant",
        ),
        with_token(
            "not valid yet",
            changed(|i| (i.iat, i.nbf, i.exp) = (i.iat + 20, i.nbf + 20, i.exp + 20)),
            401,
            "token_early",
        ),
        with_token(
            "expired",
            changed(|i| (i.iat, i.nbf, i.exp) = (i.iat - 60, i.nbf - 60, i.iat)),
            401,
            "token_expired",
        ),
        with_token(
            "before the floor",
            changed(|i| (i.iat, i.nbf) = (i.iat - 1, i.nbf - 1)),
            401,
            "token_floor",
        ),
        with_token(
            "an older policy epoch",
            changed(|i| i.policy_epoch = 0),
            401,
            "token_epoch",
        ),
        with_token(
            "another agent's",
            changed(|i| i.sub = "watcher".parse().unwrap()),
            403,
            "agent_mismatch",
        ),
        with_token(
            "another definition",
            changed(|i| i.authorization_details[0].definition_sha256 = i.policy),
            403,
            "tool_changed",
        ),
        with_token(
            "another request",
            changed(|i| i.authorization_details[0].request_sha256 = i.policy),
            403,
            "render_mismatch",
        ),
        with_token(
            "a lease on a change",
            changed(|i| i.authorization_details[0].use_ = Use::Lease),
            401,
            "token_claims",
        ),
        with_token(
            "approvals that did not come",
            changed(|i| i.approvals = Some(i.policy)),
            403,
            "approval_missing",
        ),
    ]
}

#[tokio::test]
async fn every_change_is_refused_with_its_own_code_and_burns_nothing() {
    let bench = Bench::start().await;
    // The unaltered request runs.
    let (status, _) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    assert_eq!(status, StatusCode::OK);
    bench.clock.advance(Duration::from_millis(200));

    let token = bench.scale();
    let mut cases = bodies(&token);
    cases.extend(tokens(&bench));
    let whole = |name, token, agent, status, code| Case {
        name,
        token,
        agent,
        body: valid(),
        status,
        code,
    };
    cases.extend([
        whole("no token", None, Some(AGENT), 401, "token_missing"),
        whole(
            "an empty token",
            Some("  ".to_owned()),
            Some(AGENT),
            401,
            "token_missing",
        ),
        whole("neither token nor agent", None, None, 401, "token_missing"),
        whole(
            "no agent",
            Some(token.clone()),
            None,
            401,
            "credential_missing",
        ),
        whole(
            "an unknown agent",
            Some(token.clone()),
            Some("cs_agent_mallory"),
            401,
            "credential_invalid",
        ),
        whole(
            "an operator's key",
            Some(token.clone()),
            Some(OPERATOR),
            401,
            "credential_invalid",
        ),
        whole(
            "another agent",
            Some(token.clone()),
            Some(OTHER_AGENT),
            403,
            "agent_mismatch",
        ),
    ]);
    for case in cases {
        let Case {
            name,
            token,
            agent,
            body,
            status,
            code,
        } = case;
        let (found, document) = bench.post_call(token.as_deref(), agent, &[], body).await;
        assert_eq!(
            (found.as_u16(), &document["code"]),
            (status, &json!(code)),
            "{name}: {document}"
        );
        assert_eq!(document["status"], status, "{name}");
        assert_eq!(bench.upstream.count(), 1, "{name} was forwarded");
        assert_eq!(bench.calls().await.len(), 1, "{name} reached the journal");
    }
    // The token that all of them abused is as good as new.
    let (status, body) = bench.call(&token, "infra.scale", &scale_params()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(bench.upstream.count(), 2);
}

#[tokio::test]
async fn refusals_are_listed_newest_first_without_tokens() {
    let bench = Bench::start().await;
    let token = bench.scale();
    bench
        .call(
            &token,
            "infra.scale",
            &json!({"service_id": "payments", "replicas": 5}),
        )
        .await;
    bench.post_call(None, Some(AGENT), &[], valid()).await;
    let (_, body) = bench.ask("GET", "/v1/refusals", OPERATOR, None).await;
    let refusals = body["refusals"].as_array().unwrap();
    assert_eq!(refusals[0]["code"], "token_missing");
    assert_eq!(refusals[1]["code"], "params_mismatch");
    assert_eq!(refusals[1]["agent"], "remediator");
    assert_eq!(refusals[1]["tool"], "infra.scale");
    assert!(refusals[1]["jti"].is_string());
    assert!(!body.to_string().contains(&token));
    let (status, _) = bench.ask("GET", "/v1/refusals", AGENT, None).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn ceiling_refuses_without_burning_the_token() {
    let bench = Bench::start_with(|config| config.ceilings.per_resource = 1).await;
    bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    let token = bench.scale();
    let (status, body) = bench.call(&token, "infra.scale", &scale_params()).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::FORBIDDEN, &json!("ceiling"))
    );
    assert_eq!(bench.upstream.count(), 1);
    bench.clock.advance(Duration::from_secs(59));
    bench.put_control(&bench.control(1, &json!([]))).await;
    assert_eq!(
        bench.call(&token, "infra.scale", &scale_params()).await.1["code"],
        "ceiling"
    );
    // Ceilings count in whole seconds.
    bench.clock.advance(Duration::from_secs(2));
    assert_eq!(
        bench
            .call(&bench.scale(), "infra.scale", &scale_params())
            .await
            .0,
        StatusCode::OK
    );
}

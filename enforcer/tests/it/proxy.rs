//! The proxy door: plain HTTP requests to the real path, with a token.

use std::fmt::Write as _;

use axum::body::{Body, to_bytes};
use countersign_enforcer::Config;
use countersign_intent::key::VerifyingKeys;
use countersign_intent::receipt::{self, Outcome};
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::bench::{AGENT, Bench, CREDENTIAL, OPERATOR, OTHER_AGENT, SERVICE, scale_params};
use crate::upstream::Manner;

const SCALE: &str = "/proxy/cloud/v1/services/payments/scale";

/// A request to the door.
struct Shot {
    method: &'static str,
    path: String,
    agent: Option<&'static str>,
    token: Option<String>,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
}

/// What came back.
struct Came {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Came {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    fn refused(&self, status: u16, code: &str) -> Value {
        let problem = self.json();
        assert_eq!(
            (self.status.as_u16(), &problem["code"]),
            (status, &json!(code)),
            "{problem:#}"
        );
        assert_eq!(self.header("content-type"), "application/problem+json");
        problem
    }
}

/// Scaling `payments` to 4, as `remediator`.
fn scale(token: Option<String>) -> Shot {
    Shot {
        method: "POST",
        path: SCALE.to_owned(),
        agent: Some(AGENT),
        token,
        headers: vec![("content-type", "application/json")],
        body: r#"{"replicas":4}"#.to_owned(),
    }
}

fn get(path: &str, token: Option<String>) -> Shot {
    Shot {
        method: "GET",
        path: path.to_owned(),
        headers: Vec::new(),
        body: String::new(),
        ..scale(token)
    }
}

async fn fire(bench: &Bench, shot: Shot) -> Came {
    let mut request = Request::builder().method(shot.method).uri(shot.path);
    if let Some(agent) = shot.agent {
        request = request.header("authorization", format!("Bearer {agent}"));
    }
    if let Some(token) = shot.token {
        request = request.header("intent-token", token);
    }
    for (name, value) in shot.headers {
        request = request.header(name, value);
    }
    let request = request.body(Body::from(shot.body)).unwrap();
    let response = bench.router.clone().oneshot(request).await.unwrap();
    Came {
        status: response.status(),
        headers: response.headers().clone(),
        body: to_bytes(response.into_body(), 4 << 20)
            .await
            .unwrap()
            .to_vec(),
    }
}

async fn keys(bench: &Bench) -> VerifyingKeys {
    let (_, jwks) = bench.ask("GET", "/.well-known/jwks.json", "", None).await;
    VerifyingKeys::from_jwks(&serde_json::from_value(jwks).unwrap()).unwrap()
}

#[tokio::test]
async fn approved_request_runs_once_and_the_answer_passes_with_a_receipt() {
    let bench = Bench::start().await;
    bench.upstream.behave(Manner::Answer(
        201,
        r#"{ "b": 1, "a": [1.50, "x"] }"#.to_owned(),
    ));
    let token = bench.scale();
    let came = fire(&bench, scale(Some(token.clone()))).await;
    assert_eq!(came.status, StatusCode::CREATED);
    assert_eq!(
        came.body, br#"{ "b": 1, "a": [1.50, "x"] }"#,
        "byte for byte"
    );
    assert_eq!(came.header("content-type"), "application/json");
    assert_eq!(came.header("intent-outcome"), "done");
    let verified = receipt::verify(came.header("intent-receipt"), &keys(&bench).await).unwrap();
    let receipt = verified.receipt();
    assert_eq!(receipt.attempt.as_str(), came.header("intent-attempt"));
    assert_eq!(
        (receipt.outcome, receipt.status),
        (Outcome::Done, Some(201))
    );
    assert_eq!(receipt.tool.as_str(), "infra.scale");
    assert_eq!(receipt.body_length, Some(28));

    fire(&bench, scale(Some(token.clone())))
        .await
        .refused(409, "token_used");
    let (_, body) = bench.call(&token, "infra.scale", &scale_params()).await;
    assert_eq!(body["code"], "token_used", "one token, whatever the door");
    assert_eq!(bench.upstream.count(), 1);
}

#[tokio::test]
async fn what_goes_upstream_is_rendered_and_nothing_that_was_received() {
    let bench = Bench::start().await;
    let token = bench.scale();
    let came = fire(
        &bench,
        Shot {
            headers: vec![
                ("content-type", "application/json; charset=utf-8"),
                ("x-evil", "1"),
                ("x-forwarded-for", "10.0.0.1"),
                ("host", "other.example"),
                ("accept", "text/html"),
                ("cookie", "a=b"),
                ("x-http-method-override", "DELETE"),
            ],
            body: " {\n \"replicas\" : 4.0 } ".to_owned(),
            ..scale(Some(token.clone()))
        },
    )
    .await;
    assert_eq!(came.status, StatusCode::OK);
    let seen = bench.upstream.seen().concat();
    assert!(
        seen.starts_with("POST /v1/services/payments/scale HTTP/1.1\r\n"),
        "{seen}"
    );
    assert!(seen.ends_with("\r\n\r\n{\"replicas\":4}"), "{seen}");
    assert!(
        seen.contains(&format!("authorization: Bearer {CREDENTIAL}\r\n")),
        "{seen}"
    );
    for trace in [
        "x-evil",
        "10.0.0.1",
        "other.example",
        "text/html",
        "cookie",
        "override",
        AGENT,
        &token,
    ] {
        assert!(!seen.contains(trace), "{trace}: {seen}");
    }
}

#[tokio::test]
async fn request_without_a_token_is_told_what_it_means() {
    let bench = Bench::start().await;
    for token in [None, Some(String::new()), Some("  ".to_owned())] {
        let came = fire(&bench, scale(token)).await;
        let problem = came.refused(401, "token_missing");
        assert_eq!(problem["tool"], "infra.scale");
        assert_eq!(problem["params"], scale_params());
        assert!(came.header("www-authenticate").contains("Intent-Token"));
    }
    let came = fire(
        &bench,
        get("/proxy/cloud/v1/services/payments?verbose=true", None),
    )
    .await;
    let problem = came.refused(401, "token_missing");
    assert_eq!(
        problem["params"],
        json!({"service_id": "payments", "verbose": true})
    );
    fire(&bench, get("/proxy/cloud/v1/nothing", None))
        .await
        .refused(404, "tool_unknown");
    assert_eq!(bench.upstream.count(), 0);
}

/// A request that is refused, with status and code.
type Case = (Shot, u16, &'static str);

/// Each case is refused with its status and code and reaches nobody; the token of `scale` is good for
/// its own request afterwards.
async fn refuse_each(bench: &Bench, token: String, cases: Vec<Case>) {
    for (shot, status, code) in cases {
        let what = format!(
            "{} {} {:?} {}",
            shot.method, shot.path, shot.headers, shot.body
        );
        let came = fire(bench, shot).await;
        let problem = came.json();
        assert_eq!(came.status.as_u16(), status, "{what}: {problem:#}");
        assert_eq!(problem["code"], code, "{what}: {problem:#}");
    }
    assert_eq!(bench.upstream.count(), 0);
    let came = fire(bench, scale(Some(token))).await;
    assert_eq!(came.status, StatusCode::OK);
}

#[tokio::test]
async fn other_path_or_query_than_the_approved_one_is_refused_and_the_token_stays_good() {
    let bench = Bench::start().await;
    let token = bench.scale();
    let cases = [
        ("/cloud/v1/services/auth/scale", 403, "params_mismatch"),
        ("/cloud/v1/services/payments/restart", 422, "params_invalid"),
        ("/cloud/v1/services/payments/explode", 404, "tool_unknown"),
        ("/cloud/v1/services/payments", 404, "tool_unknown"),
        ("/cloud/v1/services/payments/scale/", 422, "render_refused"),
        ("/cloud//v1/services/payments/scale", 422, "render_refused"),
        ("/cloud/v1/services/payments%2fscale", 422, "render_refused"),
        ("/cloud/v1/services/%70ayments/scale", 422, "render_refused"),
        (
            "/cloud/v1/services/x/../payments/scale",
            422,
            "render_refused",
        ),
        (
            "/cloud/v1/services/payments;a=1/scale",
            422,
            "render_refused",
        ),
        (
            "/cloud/v1/services/payments/scale?force=true",
            422,
            "params_invalid",
        ),
        (
            "/cloud/v1/services/payments/scale?a=1&a=2",
            422,
            "render_refused",
        ),
        ("/elsewhere/v1/services/payments/scale", 404, "tool_unknown"),
        ("/clou%64/v1/services/payments/scale", 404, "tool_unknown"),
        ("/cloud", 404, "tool_unknown"),
        ("/cloud/", 422, "render_refused"),
    ];
    let shot = |path: &str| Shot {
        path: format!("/proxy{path}"),
        ..scale(Some(token.clone()))
    };
    let cases = cases.map(|(path, status, code)| (shot(path), status, code));
    refuse_each(&bench, token.clone(), cases.into()).await;
}

#[tokio::test]
async fn other_body_than_the_approved_one_is_refused_and_the_token_stays_good() {
    let bench = Bench::start().await;
    let token = bench.scale();
    let bodies = [
        (r#"{"replicas":5}"#, 403, "params_mismatch"),
        (r#"{"replicas":4,"force":true}"#, 422, "params_invalid"),
        (r#"{"replicas":"4"}"#, 422, "params_invalid"),
        (r#"{"replicas":4,"replicas":4}"#, 400, "params_invalid"),
        (r#"{"replicas":4}{}"#, 400, "params_invalid"),
        ("replicas=4", 400, "params_invalid"),
        ("", 422, "params_invalid"),
        ("[4]", 422, "params_invalid"),
    ];
    let of = |body: &str| Shot {
        body: body.to_owned(),
        ..scale(Some(token.clone()))
    };
    let mut cases: Vec<Case> = bodies
        .map(|(body, status, code)| (of(body), status, code))
        .into();
    for (type_, status) in [
        ("application/x-www-form-urlencoded", 400),
        ("application/merge-patch+json", 422),
    ] {
        let shot = Shot {
            headers: vec![("content-type", type_)],
            ..scale(Some(token.clone()))
        };
        cases.push((shot, status, "params_invalid"));
    }
    refuse_each(&bench, token.clone(), cases).await;
}

#[tokio::test]
async fn other_sender_method_or_token_is_refused_and_the_token_stays_good() {
    let bench = Bench::start().await;
    let token = bench.scale();
    let shot = || scale(Some(token.clone()));
    let by = |agent: Option<&'static str>| Shot { agent, ..shot() };
    let cases = vec![
        (by(Some(OTHER_AGENT)), 403, "agent_mismatch"),
        (by(Some(OPERATOR)), 401, "credential_invalid"),
        (by(Some(SERVICE)), 401, "credential_invalid"),
        (by(None), 401, "credential_missing"),
        (scale(Some("x.y.z".to_owned())), 401, "token_malformed"),
        (
            Shot {
                method: "PUT",
                ..shot()
            },
            404,
            "tool_unknown",
        ),
    ];
    let head = fire(
        &bench,
        Shot {
            method: "HEAD",
            ..shot()
        },
    )
    .await;
    assert_eq!(head.status, StatusCode::NOT_FOUND);
    let restart = bench.sign(&bench.intent("infra.restart", &json!({"service_id": "payments"})));
    fire(&bench, scale(Some(restart)))
        .await
        .refused(403, "tool_mismatch");
    refuse_each(&bench, token.clone(), cases).await;
}

#[tokio::test]
async fn unreadable_body_counts_only_once_the_token_is_genuine() {
    let bench = Bench::start().await;
    let mut intent = bench.intent("infra.scale", &scale_params());
    intent.aud = "other".to_owned();
    let shot = Shot {
        body: "{".to_owned(),
        ..scale(Some(bench.sign(&intent)))
    };
    fire(&bench, shot).await.refused(401, "token_audience");
}

#[tokio::test]
async fn other_methods_are_not_served() {
    let bench = Bench::start().await;
    for method in ["OPTIONS", "TRACE", "CONNECT", "PROPFIND"] {
        let came = fire(
            &bench,
            Shot {
                method,
                ..scale(Some(bench.scale()))
            },
        )
        .await;
        came.refused(405, "method_not_allowed");
        let allow = came.header("allow").to_owned();
        for taken in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
            assert!(allow.contains(taken), "{allow}");
        }
    }
    assert_eq!(bench.upstream.count(), 0);
}

#[tokio::test]
async fn lease_reads_many_times_and_every_status_passes() {
    let bench = Bench::start().await;
    let params = json!({"service_id": "payments", "verbose": true});
    let token = bench.sign(&bench.intent("infra.get", &params));
    let read = || {
        get(
            "/proxy/cloud/v1/services/payments?verbose=true",
            Some(token.clone()),
        )
    };
    for status in [200, 404, 409, 500, 503, 302] {
        bench
            .upstream
            .behave(Manner::Answer(status, format!("{{\"s\":{status}}}")));
        let came = fire(&bench, read()).await;
        assert_eq!(
            (came.status.as_u16(), came.json()),
            (status, json!({"s": status}))
        );
        assert_eq!(came.header("intent-outcome"), "done");
    }
    assert!(
        bench.upstream.seen()[0].starts_with("GET /v1/services/payments?verbose=true HTTP/1.1")
    );
    let other = get(
        "/proxy/cloud/v1/services/payments?verbose=false",
        Some(token.clone()),
    );
    fire(&bench, other).await.refused(403, "params_mismatch");
    assert!(bench.calls().await.is_empty(), "a lease is never spent");
}

#[tokio::test]
async fn answer_is_only_what_is_safe_and_holds_no_credential() {
    let bench = Bench::start().await;
    let params = json!({"service_id": "payments"});
    let token = bench.sign(&bench.intent("infra.get", &params));
    let read = || get("/proxy/cloud/v1/services/payments", Some(token.clone()));
    let page = "<script>1</script>";
    let raw = |head: &str, body: &str| {
        let length = body.len();
        let text = format!(
            "HTTP/1.1 200 OK\r\n{head}Content-Length: {length}\r\nSet-Cookie: a=b\r\nLocation: /x\r\n\r\n{body}"
        );
        Manner::Raw(text.into_bytes())
    };
    bench
        .upstream
        .behave(raw("Content-Type: text/html\r\n", page));
    let came = fire(&bench, read()).await;
    assert_eq!(came.body, page.as_bytes());
    assert_eq!(came.header("content-type"), "application/octet-stream");
    assert_eq!(came.header("x-content-type-options"), "nosniff");
    assert_eq!(
        (came.header("set-cookie"), came.header("location")),
        ("", "")
    );

    let mut escaped = String::new();
    for letter in CREDENTIAL.chars() {
        write!(escaped, "\\u{:04x}", u32::from(letter)).unwrap();
    }
    for (type_, echo) in [
        ("application/json", format!("{{\"e\":\"{CREDENTIAL}\"}}")),
        ("application/json", format!("{{\"e\":\"x {escaped} y\"}}")),
        ("application/json", format!("{{\"$ref\":\"{escaped}\"}}")),
        ("text/plain", format!("it is {CREDENTIAL}")),
    ] {
        bench
            .upstream
            .behave(raw(&format!("Content-Type: {type_}\r\n"), &echo));
        let came = fire(&bench, read()).await;
        let text = String::from_utf8(came.body.clone()).unwrap();
        assert_eq!(came.status, StatusCode::OK);
        assert!(text.contains("[redacted:cloud]"), "{text}");
        assert!(
            !text.contains(CREDENTIAL) && !text.contains(&escaped),
            "{text}"
        );
    }
}

#[tokio::test]
async fn call_that_did_not_go_well_is_a_problem_with_its_receipt() {
    let bench = Bench::start().await;
    let keys = keys(&bench).await;
    let outcome = |came: &Came, status: u16, outcome: Outcome| {
        let problem = came.refused(status, "upstream_failed");
        let verified = receipt::verify(came.header("intent-receipt"), &keys).unwrap();
        assert_eq!(verified.receipt().outcome, outcome);
        assert_eq!(problem["receipt"], came.header("intent-receipt"));
        assert_eq!(problem["attempt"], verified.receipt().attempt.as_str());
        assert_eq!(problem["outcome"], came.header("intent-outcome"));
    };
    bench.upstream.behave(Manner::Hang);
    outcome(
        &fire(&bench, scale(Some(bench.scale()))).await,
        504,
        Outcome::InDoubt,
    );
    bench.upstream.behave(Manner::Break);
    // Another service: the first stays locked while its call is in doubt.
    let params = json!({"service_id": "auth", "replicas": 4});
    let auth = Shot {
        path: SCALE.replace("payments", "auth"),
        ..scale(Some(bench.sign(&bench.intent("infra.scale", &params))))
    };
    outcome(&fire(&bench, auth).await, 504, Outcome::InDoubt);

    let token = bench.sign(&bench.intent("elsewhere.poke", &json!({})));
    let poke = Shot {
        path: "/proxy/elsewhere/poke".to_owned(),
        body: String::new(),
        ..scale(Some(token))
    };
    outcome(&fire(&bench, poke).await, 502, Outcome::NotSent);

    let token = bench.sign(&bench.intent("infra.get", &json!({"service_id": "payments"})));
    bench
        .upstream
        .behave(Manner::Answer(200, format!("\"{}\"", "x".repeat(2 << 20))));
    let came = fire(
        &bench,
        get("/proxy/cloud/v1/services/payments", Some(token)),
    )
    .await;
    outcome(&came, 502, Outcome::Done);
}

#[tokio::test]
async fn request_that_two_tools_would_send_is_refused_by_both_names() {
    let two = r#"
[[tool]]
name = "queue.purge"
description = "Empty a queue"
effect = "service"
resource = { type = "System", id = "cloud" }
upstream = "cloud"
request = { method = "DELETE", path = "/v1/queues/{id}" }
[tool.params]
type = "object"
required = ["id"]
[tool.params.properties.id]
type = "string"

[[tool]]
name = "queue.purge_all"
description = "Empty every queue"
effect = "service"
resource = { type = "System", id = "cloud" }
upstream = "cloud"
request = { method = "DELETE", path = "/v1/queues/all" }
[tool.params]
type = "object"
"#;
    let add = |config: &mut Config| {
        std::fs::write(config.policies.join("tools/queue.toml"), two).unwrap();
    };
    let bench = Bench::start_with(add).await;
    for token in [None, Some(bench.scale())] {
        let purge = Shot {
            method: "DELETE",
            path: "/proxy/cloud/v1/queues/all".to_owned(),
            body: String::new(),
            ..scale(token)
        };
        let problem = fire(&bench, purge).await.refused(422, "render_refused");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("ambiguous"), "{detail}");
        assert!(
            detail.contains("`queue.purge`, `queue.purge_all`"),
            "{detail}"
        );
    }
    assert_eq!(bench.upstream.count(), 0);
}

#[tokio::test]
async fn refusals_of_this_door_are_counted_with_their_tool() {
    let bench = Bench::start().await;
    fire(&bench, scale(None))
        .await
        .refused(401, "token_missing");
    let (_, list) = bench.ask("GET", "/v1/refusals", OPERATOR, None).await;
    let refusal = &list["refusals"][0];
    assert_eq!(
        (&refusal["code"], &refusal["tool"]),
        (&json!("token_missing"), &json!("infra.scale"))
    );
}

#[tokio::test]
async fn what_a_stranger_sends_is_neither_repeated_at_length_nor_kept() {
    let bench = Bench::start().await;
    let long = "A".repeat(200_000);
    for body in [
        json!({"replicas": long.as_str()}),
        json!({long.as_str(): 1}),
    ] {
        let shot = Shot {
            body: body.to_string(),
            agent: None,
            ..scale(None)
        };
        let came = fire(&bench, shot).await;
        assert!(came.status.is_client_error(), "{}", came.status);
        assert!(came.body.len() < 4_000, "{} bytes", came.body.len());
    }
    let (_, listed) = bench.ask("GET", "/v1/refusals", OPERATOR, None).await;
    assert!(listed.to_string().len() < 8_000, "refusals keep little");
}

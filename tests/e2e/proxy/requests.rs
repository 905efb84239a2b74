//! Plain requests to the simulator's own API through the enforcer, as `curl` makes them.

use countersign_intent::key::VerifyingKeys;
use countersign_intent::receipt;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::installation::Installation;
use crate::harness::upstream::Upstream;
use crate::harness::world::{Minted, World, send, text};

const SCALE: &str = "/proxy/cloud/v1/services/payments/scale";

fn request(world: &World, method: Method, path: &str, token: Option<&str>) -> RequestBuilder {
    let request = world.request(method, "enforcer", path);
    let request = request.bearer_auth(world.agent("remediator"));
    match token {
        Some(token) => request.header("intent-token", token),
        None => request,
    }
}

fn scale(world: &World, token: Option<&str>, body: &str) -> RequestBuilder {
    let request = request(world, Method::POST, SCALE, token);
    request
        .header("content-type", "application/json")
        .body(body.to_owned())
}

async fn minted(world: &World) -> Minted {
    let params = json!({"service_id": "payments", "replicas": 4});
    world.mint("infra.scale", params).await
}

async fn keys(world: &World) -> VerifyingKeys {
    let jwks = send(world.request(Method::GET, "enforcer", "/.well-known/jwks.json")).await;
    VerifyingKeys::from_jwks(&serde_json::from_value(jwks.with(200)).unwrap()).unwrap()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers[name].to_str().unwrap()
}

#[tokio::test]
async fn real_path_with_a_token_changes_the_service_once_and_gives_a_receipt() {
    let demo = Installation::demo().await;
    let body = r#"{"replicas": 4}"#;
    let told = send(scale(&demo, None, body))
        .await
        .refused(401, "token_missing");
    let minted = demo
        .mint(text(&told, "/tool"), told["params"].clone())
        .await;
    assert_eq!(
        minted.params,
        json!({"service_id": "payments", "replicas": 4})
    );

    let answer = scale(&demo, Some(&minted.token), body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let headers = answer.headers().clone();
    let service: Value = answer.json().await.unwrap();
    assert_eq!(
        service["replicas"], 4,
        "the simulator's own answer: {service:#}"
    );
    assert_eq!(demo.service("payments").await["replicas"], 4);
    let verified = receipt::verify(header(&headers, "intent-receipt"), &keys(&demo).await).unwrap();
    assert!(verified.receipt().succeeded());
    assert_eq!(verified.receipt().plan.as_str(), minted.plan);
    assert_eq!(
        verified.receipt().attempt.as_str(),
        header(&headers, "intent-attempt")
    );

    send(scale(&demo, Some(&minted.token), body))
        .await
        .refused(409, "token_used");
    let calls = demo
        .get("enforcer", "/v1/calls", demo.person("operator"))
        .await
        .with(200);
    assert_eq!(calls["calls"].as_array().unwrap().len(), 1, "{calls:#}");

    // Reading: one lease, many requests, the upstream's own 404 among them.
    let read = demo
        .mint("infra.get", json!({"service_id": "payments"}))
        .await;
    for _ in 0..3 {
        let path = "/proxy/cloud/v1/services/payments";
        let read = request(&demo, Method::GET, path, Some(&read.token));
        assert_eq!(send(read).await.with(200)["replicas"], 4);
    }
    send(request(&demo, Method::GET, "/v1/calls", None))
        .await
        .with(200);
}

#[tokio::test]
async fn what_was_not_approved_reaches_nobody() {
    let upstream = Upstream::start().await;
    let installation = Installation::before(upstream.url()).await;
    let minted = minted(&installation).await;
    let token = Some(minted.token.as_str());
    let good = r#"{"replicas":4}"#;
    let post = |path: &str| {
        let request = request(&installation, Method::POST, path, token);
        request
            .header("content-type", "application/json")
            .body(good)
    };
    for (path, status, code) in [
        ("/cloud/v1/services/auth/scale", 403, "params_mismatch"),
        (
            "/cloud/v1/services/payments/scale?x=1",
            422,
            "params_invalid",
        ),
        ("/cloud/v1/services/payments%2Fscale", 422, "render_refused"),
        ("/cloud/v1/services/payments/scale;x", 422, "render_refused"),
        ("/cloud//v1/services/payments/scale", 422, "render_refused"),
        ("/cloud/v1/services/%70ayments/scale", 422, "render_refused"),
        ("/other/v1/services/payments/scale", 404, "tool_unknown"),
    ] {
        send(post(&format!("/proxy{path}")))
            .await
            .refused(status, code);
    }
    for (body, status, code) in [
        (r#"{"replicas":40}"#, 403, "params_mismatch"),
        (r#"{"replicas":4,"force":true}"#, 422, "params_invalid"),
        (r#"{"replicas":4,"replicas":4}"#, 400, "params_invalid"),
        ("replicas=4", 400, "params_invalid"),
    ] {
        let request = scale(&installation, token, body);
        send(request).await.refused(status, code);
    }
    let put = request(&installation, Method::PUT, SCALE, token).body(good);
    send(put).await.refused(404, "tool_unknown");
    let options = request(&installation, Method::OPTIONS, SCALE, token);
    send(options).await.refused(405, "method_not_allowed");
    assert_eq!(upstream.count().await, 0);
    send(scale(&installation, token, good)).await.with(200);
    let log = upstream.log().await;
    assert_eq!(log.requests.len(), 1);
    assert_eq!(log.requests[0]["path"], "/v1/services/payments/scale");
    let names = log.requests[0]["headers"].to_string();
    assert!(!names.contains("intent-token"), "{names}");
}

/// A person at the console has an operator's key, which is no agent's: their browser makes no calls.
#[tokio::test]
async fn console_is_no_way_round() {
    let upstream = Upstream::start().await;
    let installation = Installation::before(upstream.url()).await;
    let minted = minted(&installation).await;
    let sign_in = json!({"key": installation.person("operator")});
    let session = installation
        .request(Method::POST, "console", "/api/session")
        .json(&sign_in);
    let answer = session.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    let cookie = header(answer.headers(), "set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    for (token, statuses) in [(None, [401, 403]), (Some(&minted.token), [401, 403])] {
        let path = format!("/api/enforcer{SCALE}");
        let mut call = installation
            .request(Method::POST, "console", &path)
            .header("cookie", &cookie);
        if let Some(token) = token {
            call = call.header("intent-token", token);
        }
        let answer = send(call.json(&json!({"replicas": 4}))).await;
        assert!(statuses.contains(&answer.status), "{:#}", answer.body);
    }
    let direct = installation
        .request(Method::POST, "enforcer", SCALE)
        .bearer_auth(installation.person("operator"))
        .header("intent-token", &minted.token)
        .json(&json!({"replicas": 4}));
    send(direct).await.refused(401, "credential_invalid");
    assert_eq!(upstream.count().await, 0);
}

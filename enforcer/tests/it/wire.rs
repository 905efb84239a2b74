//! What can go wrong between the enforcer and an upstream, and what it is called.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, CREDENTIAL, scale_params};
use crate::upstream::Manner;

async fn scale(bench: &Bench) -> Value {
    let (status, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

async fn behaving(manner: Manner) -> (Bench, Value) {
    let bench = Bench::start().await;
    bench.upstream.behave(manner);
    let body = scale(&bench).await;
    (bench, body)
}

#[tokio::test]
async fn refused_connection_is_not_sent_and_frees_the_resource() {
    let bench = Bench::start_with(|config| {
        config.upstreams[0].base_url = "http://127.0.0.1:1".parse().unwrap();
    })
    .await;
    for _ in 0..2 {
        let body = scale(&bench).await;
        assert_eq!(body["outcome"], "not_sent");
        assert!(
            body["cause"]
                .as_str()
                .unwrap()
                .contains("does not take connections"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn upstream_that_is_not_configured_or_not_allowed_is_not_dialled() {
    let bench = Bench::start_with(|config| {
        config.upstreams[0].allowed = vec!["10.0.0.0/8".parse().unwrap()];
    })
    .await;
    assert_eq!(scale(&bench).await["outcome"], "not_sent");
    let token = bench.sign(&bench.intent("elsewhere.poke", &json!({})));
    let (_, body) = bench.call(&token, "elsewhere.poke", &json!({})).await;
    assert_eq!(body["outcome"], "not_sent");
    assert_eq!(bench.upstream.count(), 0);
}

#[tokio::test]
async fn answer_that_breaks_off_is_in_doubt_and_holds_the_resource() {
    let (bench, body) = behaving(Manner::Break).await;
    assert_eq!(body["outcome"], "in_doubt");
    assert!(body.get("status").is_none(), "{body}");
    bench.upstream.behave(Manner::Answer(200, "{}".to_owned()));
    let (status, refused) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("overload"))
    );
    let attempt = body["attempt"].as_str().unwrap();
    assert!(
        refused["detail"].as_str().unwrap().contains(attempt),
        "{refused}"
    );
    let other = json!({"service_id": "auth", "replicas": 4});
    let token = bench.sign(&bench.intent("infra.scale", &other));
    assert_eq!(
        bench.call(&token, "infra.scale", &other).await.1["outcome"],
        "done"
    );
}

#[tokio::test]
async fn malformed_answer_gateway_errors_and_silence_are_in_doubt() {
    for manner in [
        Manner::Raw(b"ICY 200 OK\r\n\r\n".to_vec()),
        Manner::Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_vec()),
        Manner::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort".to_vec()),
        Manner::Raw(Vec::new()),
        Manner::Answer(408, "{}".to_owned()),
        Manner::Answer(502, "{}".to_owned()),
        Manner::Answer(504, "{}".to_owned()),
        Manner::Hang,
    ] {
        let name = format!("{manner:?}");
        let (bench, body) = behaving(manner).await;
        assert_eq!(body["outcome"], "in_doubt", "{name}: {body}");
        assert!(body["cause"].is_string(), "{name}");
        assert_eq!(bench.upstream.count(), 1, "{name}");
        assert_eq!(bench.calls().await[0]["state"], "in_doubt", "{name}");
    }
}

#[tokio::test]
async fn complete_answers_of_every_other_status_are_done() {
    for status in [201, 204, 400, 404, 409, 500, 503] {
        let text = if status == 204 {
            String::new()
        } else {
            r#"{"n":1}"#.to_owned()
        };
        let (_, body) = behaving(Manner::Answer(status, text)).await;
        assert_eq!(
            (&body["outcome"], &body["status"]),
            (&json!("done"), &json!(status)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn redirect_is_an_answer_and_is_not_followed() {
    let bench = Bench::start().await;
    let target = bench.upstream.address;
    let redirect =
        format!("HTTP/1.1 307 X\r\nLocation: http://{target}/other\r\nContent-Length: 0\r\n\r\n");
    bench.upstream.behave(Manner::Raw(redirect.into_bytes()));
    let body = scale(&bench).await;
    assert_eq!(
        (&body["outcome"], &body["status"]),
        (&json!("done"), &json!(307))
    );
    assert_eq!(bench.upstream.count(), 1);
}

#[tokio::test]
async fn echoed_credential_is_redacted() {
    let (bench, body) = behaving(Manner::Echo).await;
    assert!(bench.upstream.seen()[0].contains(CREDENTIAL));
    let result = body["result"].as_str().unwrap();
    assert!(result.contains("Bearer [redacted:cloud]"), "{result}");
    assert!(!body.to_string().contains(CREDENTIAL));
    let escaped = CREDENTIAL.replace('c', "\\u0063");
    bench
        .upstream
        .behave(Manner::Answer(200, format!(r#"{{"key":"{escaped}"}}"#)));
    assert_eq!(scale(&bench).await["result"]["key"], "[redacted:cloud]");
}

#[tokio::test]
async fn long_answer_is_hashed_whole_and_kept_in_part() {
    let long = format!("\"{}\"", "x".repeat(2 << 20));
    let (bench, body) = behaving(Manner::Answer(200, long.clone())).await;
    assert_eq!(body["outcome"], "done");
    assert_eq!(body["truncated"], true);
    assert!(body["result"].as_str().unwrap().len() <= 1 << 20);
    drop(bench);
    let receipt = countersign_intent::jws::peek(body["receipt"].as_str().unwrap()).unwrap();
    assert_eq!(receipt["body_length"], long.len());
    let whole = countersign_intent::digest::Digest::of(long.as_bytes());
    assert_eq!(receipt["body_sha256"], whole.to_string());
}

#[tokio::test]
async fn time_limit_of_the_tool_is_kept() {
    let bench = Bench::start().await;
    bench.upstream.behave(Manner::Hang);
    let began = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let answer: Answer = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    assert_eq!(answer.1["outcome"], "in_doubt");
    let took = SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .saturating_sub(began);
    assert!(
        took >= Duration::from_secs(1) && took < Duration::from_secs(5),
        "{took:?}"
    );
}

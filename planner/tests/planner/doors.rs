//! Who is let in, what is refused at the door, and what the documents promise.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use countersign_planner::{Config, RunbookUse, StartError};
use countersign_service::openapi::unserved;
use countersign_service::tasks::Tasks;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::bench::{AGENT_KEY, Bench, OPERATOR_KEY, config, get, post, send, until_state};

async fn with_headers(
    bench: &Bench,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, Value) {
    let mut request = Request::builder().method(Method::POST).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = bench.router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn only_operators_start_runs() {
    let bench = Bench::new().await;
    let agent = format!("Bearer {AGENT_KEY}");
    for path in ["/v1/runs", "/run"] {
        let (status, problem) = with_headers(&bench, path, &[], "{}").await;
        assert_eq!(
            (status, &problem["code"]),
            (401, &json!("credential_missing"))
        );
        let (status, problem) =
            with_headers(&bench, path, &[("authorization", &agent)], "{}").await;
        assert_eq!((status, &problem["code"]), (403, &json!("forbidden")));
    }
    let (status, problem) = with_headers(&bench, "/run", &[("x-api-key", "wrong")], "{}").await;
    assert_eq!(
        (status, &problem["code"]),
        (401, &json!("credential_invalid"))
    );
    let body = r#"{"input": "sing a song"}"#;
    let (status, answer) = with_headers(&bench, "/run", &[("x-api-key", OPERATOR_KEY)], body).await;
    assert_eq!((status, &answer["status"]), (200, &json!("no_action")));
}

#[tokio::test]
async fn bodies_of_another_form_are_refused() {
    let bench = Bench::new().await;
    for (body, status, code) in [
        (json!({}), StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
        (
            json!({"goal": " "}),
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
        ),
        (
            json!({"goal": "g".repeat(5_000)}),
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
        ),
        (
            json!({"goal": "g", "agent": "x"}),
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
        ),
        (
            json!({"goal": "g", "trigger": "x".repeat(5_000)}),
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
        ),
    ] {
        let answer = post(&bench.router, "/v1/runs", &body).await;
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (status, &json!(code)),
            "{body}"
        );
    }
    for path in ["/v1/runs/run_x", "/v1/runs/run_00000000000000000000000000"] {
        assert_eq!(
            send(&bench.router, Method::GET, path, None).await.status,
            StatusCode::NOT_FOUND
        );
    }
}

#[tokio::test]
async fn fifth_working_run_is_turned_away() {
    // An authority that never answers keeps runs working.
    let silent = crate::fake::serve(axum::Router::new().fallback(async || {
        std::future::pending::<()>().await;
    }))
    .await;
    let bench = Bench::with(|config| Config {
        authority_url: silent,
        ..config
    })
    .await;
    for _ in 0..4 {
        bench.start("restart auth").await;
    }
    let answer = post(&bench.router, "/v1/runs", &json!({"goal": "restart auth"})).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.body["code"], json!("too_many_requests"));
    assert_eq!(
        get(&bench.router, "/v1/runs").await["runs"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
}

#[tokio::test]
async fn events_of_a_run_end_with_it() {
    let bench = Bench::new().await;
    let run = bench.start("shut down payments").await;
    until_state(&bench.router, &run, "waiting").await;
    let request = Request::builder()
        .uri(format!("/v1/runs/{run}/events"))
        .header("authorization", format!("Bearer {OPERATOR_KEY}"))
        .body(Body::empty())
        .unwrap();
    let response = bench.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    bench.fake.decide("approved");
    let body = response.into_body().collect();
    let bytes = tokio::time::timeout(std::time::Duration::from_secs(10), body)
        .await
        .unwrap()
        .unwrap();
    let text = String::from_utf8(bytes.to_bytes().to_vec()).unwrap();
    let states: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str::<Value>(data).unwrap())
        .filter(|data| data["topic"] == json!("run"))
        .map(|data| data["item"]["state"].clone())
        .collect();
    // What is stored is shown a moment before it is streamed.
    let early = [json!("governing"), json!("waiting")];
    assert!(states.first().is_some_and(|state| early.contains(state)));
    assert_eq!(states.last(), Some(&json!("completed")));
    assert!(text.contains("event: snapshot_end"));
    let replay = send(
        &bench.router,
        Method::GET,
        &format!("/v1/runs/{run}/events"),
        None,
    )
    .await;
    assert_eq!(replay.status, StatusCode::OK);
}

#[tokio::test]
async fn every_documented_operation_is_served() {
    let bench = Bench::new().await;
    let missing = unserved(&countersign_planner::openapi(), &bench.router).await;
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn planner_without_runbooks_and_model_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        runbooks: RunbookUse::Off,
        ..config(&folder, "http://127.0.0.1:1", "p.db")
    };
    let error = countersign_planner::build(config, &Tasks::new())
        .await
        .unwrap_err();
    assert!(matches!(error, StartError::NothingToPlanWith));
}

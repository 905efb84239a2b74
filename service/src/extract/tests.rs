use axum::Router;
use axum::routing::{get, post};
use countersign_intent::id::PlanId;
use http::StatusCode;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Order {
    goal: String,
    steps: Vec<Step>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Step {
    replicas: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Paging {
    limit: u32,
}

async fn echo(Json(order): Json<Order>) -> Json<Order> {
    Json(order)
}

fn router() -> Router {
    Router::new()
        .route("/orders", post(echo))
        .route(
            "/raw",
            post(async |RawBody(bytes): RawBody| bytes.len().to_string()),
        )
        .route(
            "/plans/{id}",
            get(async |Path(id): Path<PlanId>| id.to_string()),
        )
        .route(
            "/page",
            get(async |Query(page): Query<Paging>| page.limit.to_string()),
        )
}

async fn send(request: Request) -> (StatusCode, Vec<u8>) {
    let response = router().oneshot(request).await.unwrap();
    let status = response.status();
    (
        status,
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec(),
    )
}

async fn order(body: impl Into<Body>) -> (u16, Value) {
    let request = Request::post("/orders").body(body.into()).unwrap();
    let (status, bytes) = send(request).await;
    (status.as_u16(), serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn good_body_is_read_whatever_its_content_type() {
    let good = json!({"goal": "heal", "steps": [{"replicas": 4}]});
    assert_eq!(order(good.to_string()).await, (200, good));
}

#[tokio::test]
async fn unreadable_and_misshapen_bodies_are_told_apart() {
    let cases = [
        ("", 400, "malformed", None),
        ("{", 400, "malformed", None),
        (
            r#"{"goal":"a","goal":"b","steps":[]}"#,
            400,
            "malformed",
            None,
        ),
        (r#"{"goal":"a","steps":[]} x"#, 400, "malformed", None),
        (
            r#"{"goal":"a","steps":[{"replicas":9007199254740993}]}"#,
            400,
            "malformed",
            None,
        ),
        (
            r#"{"goal":"a","steps":[{"replicas":"4"}]}"#,
            422,
            "invalid",
            Some("steps[0].replicas"),
        ),
        (
            r#"{"goal":"a","steps":[{"replicas":true}]}"#,
            422,
            "invalid",
            Some("steps[0].replicas"),
        ),
        (
            r#"{"goal":"a","steps":[{"replicas":4,"x":1}]}"#,
            422,
            "invalid",
            Some("steps[0].x"),
        ),
        (r#"{"goal":"a"}"#, 422, "invalid", Some(".")),
    ];
    for (body, status, code, field) in cases {
        let (found, problem) = order(body).await;
        assert_eq!(
            (found, problem["code"].as_str().unwrap()),
            (status, code),
            "{body}: {problem}"
        );
        assert_eq!(problem["field"].as_str(), field, "{body}: {problem}");
    }
}

#[tokio::test]
async fn body_over_the_limit_is_refused_announced_or_not() {
    let large = vec![b' '; MAX_BYTES + 1];
    let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(large.clone())]);
    for body in [Body::from(large), Body::from_stream(chunks)] {
        let (status, problem) = order(body).await;
        assert_eq!(
            (status, problem["code"].as_str().unwrap()),
            (413, "body_too_large")
        );
    }
    let request = Request::post("/raw")
        .body(Body::from(vec![0; MAX_BYTES]))
        .unwrap();
    assert_eq!(
        send(request).await,
        (StatusCode::OK, MAX_BYTES.to_string().into_bytes())
    );
}

#[tokio::test]
async fn broken_off_body_is_malformed() {
    let error = std::io::Error::other("reset");
    let body = Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>(error)]));
    assert_eq!(order(body).await.1["code"], "malformed");
}

#[tokio::test]
async fn id_that_cannot_exist_is_not_found() {
    let get = async |path: &str| {
        send(Request::get(path).body(Body::empty()).unwrap())
            .await
            .0
    };
    assert_eq!(
        get("/plans/pln_01J8ZQ5V7M3K2N4P6R8T0V2X4Z").await,
        StatusCode::OK
    );
    assert_eq!(get("/plans/..%2Fetc").await, StatusCode::NOT_FOUND);
    assert_eq!(get("/page?limit=5").await, StatusCode::OK);
    for query in ["", "?limit=many", "?limit=5&lmit=6"] {
        assert_eq!(
            get(&format!("/page{query}")).await,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{query}"
        );
    }
}

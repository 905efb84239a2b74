use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use axum::routing::{get, post};
use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tower::ServiceExt as _;

use super::*;
use crate::credential::{KeyKind, SecretKey};
use crate::directory::{Directory, SharedDirectory};
use crate::extract::Json;
use crate::problem::{Problem, ProblemType};

fn service_key() -> SecretKey {
    SecretKey::generate(KeyKind::Service, &Random::seeded(9))
}

/// A role for tests that only need some server around their routes.
pub(crate) fn any_role(document: Document) -> Role {
    with_document(&Tasks::new(), document)
}

fn role(tasks: &Tasks) -> Role {
    with_document(
        tasks,
        crate::openapi::document("authority", "Judges", Document::default()),
    )
}

fn with_document(tasks: &Tasks, document: Document) -> Role {
    let start: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    let clock = Clock::manual(start);
    let directory = SharedDirectory::new(Directory::default());
    Role::new(Parts {
        name: "authority",
        isolation: Isolation::OwnProcess,
        clock: clock.clone(),
        random: Random::seeded(1),
        credentials: Credentials::new(directory).with_service_key(service_key().hash()),
        hub: Hub::new(clock),
        tasks: tasks.clone(),
        document,
    })
}

fn plain() -> Router {
    standard(Router::new(), role(&Tasks::new()))
}

fn ask(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

async fn send(router: &Router, request: Request<Body>) -> Response {
    router.clone().oneshot(request).await.unwrap()
}

async fn value(response: Response) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

async fn code(router: &Router, request: Request<Body>) -> (u16, String) {
    let response = send(router, request).await;
    let status = response.status().as_u16();
    (
        status,
        value(response).await["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    )
}

#[tokio::test]
async fn health_and_meta_say_what_the_server_is() {
    let role = role(&Tasks::new()).meta("ledger", json!({"origin": "o"}));
    let router = standard(Router::new(), role);
    let health = value(send(&router, ask("/healthz")).await).await;
    let expected = json!({
        "status": "ok", "role": "authority", "version": env!("CARGO_PKG_VERSION"),
        "isolation": "own-process", "started_at": "2030-01-01T00:00:00Z", "notices": {},
    });
    assert_eq!(health, expected);
    let meta = value(send(&router, ask("/v1/meta")).await).await;
    let expected = json!({
        "role": "authority", "version": env!("CARGO_PKG_VERSION"), "time": "2030-01-01T00:00:00Z",
        "isolation": "own-process", "ledger": {"origin": "o"},
    });
    assert_eq!(meta, expected);
}

#[tokio::test]
async fn notice_degrades_health_but_not_readiness() {
    let role = role(&Tasks::new())
        .notice("bundle", async || Err("line 3 does not parse".to_owned()))
        .ready("database", async || Ok(()));
    let router = standard(Router::new(), role);
    let health = value(send(&router, ask("/healthz")).await).await;
    assert_eq!(health["status"], "degraded");
    assert_eq!(
        health["notices"],
        json!({"bundle": "line 3 does not parse"})
    );
    assert_eq!(send(&router, ask("/readyz")).await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn failed_or_hanging_check_makes_it_unready_without_telling_why() {
    let role = role(&Tasks::new())
        .ready("database", async || Err("password=hunter2".to_owned()))
        .ready("peer", std::future::pending)
        .ready("policies", async || Ok(()));
    let response = send(&standard(Router::new(), role), ask("/readyz")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let expected = json!({"ready": false, "role": "authority", "checks": [
        {"name": "database", "ok": false}, {"name": "peer", "ok": false}, {"name": "policies", "ok": true},
    ]});
    assert_eq!(value(response).await, expected);
}

#[tokio::test]
async fn stopping_server_is_unready() {
    let tasks = Tasks::new();
    let router = standard(Router::new(), role(&tasks));
    assert_eq!(send(&router, ask("/readyz")).await.status(), StatusCode::OK);
    tasks.cancel();
    assert_eq!(
        send(&router, ask("/readyz")).await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[tokio::test]
async fn events_ask_for_a_credential() {
    let router = plain();
    assert_eq!(
        code(&router, ask("/v1/events")).await,
        (401, "credential_missing".to_owned())
    );
    let mut request = ask("/v1/events");
    let bearer = format!("Bearer {}", service_key().expose());
    request
        .headers_mut()
        .insert(AUTHORIZATION, bearer.parse().unwrap());
    let response = send(&router, request).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_problems() {
    let router = plain();
    let response = send(&router, ask("/v1/nothing")).await;
    let id = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let body = value(response).await;
    assert_eq!(
        (&body["code"], &body["request_id"]),
        (&json!("not_found"), &json!(id))
    );
    let request = Request::delete("/v1/meta").body(Body::empty()).unwrap();
    let response = send(&router, request).await;
    assert_eq!(response.headers()[ALLOW], "GET,HEAD");
    assert_eq!(value(response).await["code"], "method_not_allowed");
}

#[tokio::test]
async fn request_id_is_taken_over_only_in_its_own_form() {
    let router = plain();
    for (sent, kept) in [
        ("run_01J8-abc", true),
        ("short", false),
        ("bad id with spaces", false),
    ] {
        let mut request = ask("/v1/meta");
        request
            .headers_mut()
            .insert("x-request-id", sent.parse().unwrap());
        let response = send(&router, request).await;
        let id = response.headers()["x-request-id"].to_str().unwrap();
        assert_eq!(id == sent, kept, "{sent} became {id}");
        assert!(kept || id.starts_with("req_"));
    }
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let own = Router::new().route(
        "/cached",
        get(async || ([(CACHE_CONTROL, "max-age=60")], "x")),
    );
    let router = standard(own, role(&Tasks::new()));
    for path in ["/healthz", "/v1/nothing", "/v1/events", "/cached"] {
        let response = send(&router, ask(path)).await;
        assert_eq!(
            response.headers()["x-content-type-options"],
            "nosniff",
            "{path}"
        );
        assert_eq!(
            response.headers()["referrer-policy"],
            "no-referrer",
            "{path}"
        );
        let expected = if path == "/cached" {
            "max-age=60"
        } else {
            "no-store"
        };
        assert_eq!(response.headers()[CACHE_CONTROL], expected, "{path}");
    }
}

async fn panicking() -> &'static str {
    let secret = "hunter2";
    assert!(secret.is_empty(), "the secret is {secret}");
    "unreachable"
}

#[tokio::test]
async fn panic_costs_its_own_request_only_and_tells_nothing() {
    let router = standard(
        Router::new().route("/panic", get(panicking)),
        role(&Tasks::new()),
    );
    let response = send(&router, ask("/panic")).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = value(response).await;
    assert_eq!(body["code"], "internal");
    assert!(body["request_id"].is_string() && !body.to_string().contains("hunter2"));
    assert_eq!(
        send(&router, ask("/v1/meta")).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn load_beyond_the_limit_is_shed_but_health_answers() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, outside) = (Arc::clone(&entered), Arc::clone(&release));
    let own = Router::new().route(
        "/slow",
        get(async move || {
            inside.notify_one();
            outside.notified().await;
            "done"
        }),
    );
    let limits = Limits {
        concurrency: 1,
        ..Limits::default()
    };
    let router = standard(own, role(&Tasks::new()).limits(limits));
    let tasks = Tasks::new();
    let slow = router.clone();
    let first = tasks.spawn("first", async move { send(&slow, ask("/slow")).await });
    entered.notified().await;
    assert_eq!(
        code(&router, ask("/slow")).await,
        (503, "overload".to_owned())
    );
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(
            send(&router, ask(path)).await.status(),
            StatusCode::OK,
            "{path}"
        );
    }
    release.notify_one();
    assert_eq!(first.await.unwrap().status(), StatusCode::OK);
    assert_eq!(
        send(&router, ask("/v1/meta")).await.status(),
        StatusCode::OK
    );
}

#[tokio::test(start_paused = true)]
async fn hanging_handler_times_out_unless_its_route_may_wait() {
    let wait = async || {
        tokio::time::sleep(Duration::from_mins(1)).await;
        "done"
    };
    let own = Router::new()
        .route("/hang", get(wait))
        .route("/run/{id}", post(wait));
    let router = standard(own, role(&Tasks::new()).untimed("/run/{id}"));
    assert_eq!(
        code(&router, ask("/hang")).await,
        (503, "timeout".to_owned())
    );
    let request = Request::post("/run/7").body(Body::empty()).unwrap();
    assert_eq!(send(&router, request).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn metrics_count_answers_by_route_template() {
    let own = Router::new().route("/v1/things/{id}", get(async || "thing"));
    let router = standard(own, role(&Tasks::new()));
    send(&router, ask("/v1/things/secret-name")).await;
    send(&router, ask("/v1/elsewhere/secret-name")).await;
    let response = send(&router, ask("/metrics")).await;
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text.contains(r#"route="/v1/things/{id}""#), "{text}");
    assert!(
        text.contains("http_request_duration_seconds_bucket"),
        "{text}"
    );
    assert!(!text.contains("secret-name"), "{text}");
}

/// A served role: its address and what ends it.
async fn served(
    own: Router,
    tasks: &Tasks,
    drain: Duration,
) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = standard(own, role(tasks));
    let ends = tasks.clone();
    let serving = Tasks::new().spawn("server", async move {
        let limits = ConnectionLimits {
            drain,
            ..ConnectionLimits::default()
        };
        serve_within(listener, router, &ends, limits).await.unwrap();
    });
    (base, serving)
}

#[tokio::test]
async fn shutdown_finishes_requests_in_flight_and_ends_streams() {
    let tasks = Tasks::new();
    let entered = Arc::new(Notify::new());
    let (inside, token) = (Arc::clone(&entered), tasks.token());
    let own = Router::new().route(
        "/slow",
        get(async move || {
            inside.notify_one();
            token.cancelled().await;
            Json(json!("finished after cancellation"))
        }),
    );
    let (base, serving) = served(own, &tasks, DRAIN).await;
    let client = crate::client::internal().unwrap();
    let events = client
        .get(format!("{base}/v1/events"))
        .bearer_auth(service_key().expose());
    let stream = events.send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    let slow = client.get(format!("{base}/slow")).send();
    let stop = async {
        entered.notified().await;
        tasks.cancel();
    };
    let (slow, ()) = tokio::join!(slow, stop);
    assert_eq!(
        slow.unwrap().json::<String>().await.unwrap(),
        "finished after cancellation"
    );
    assert!(stream.text().await.unwrap().contains("snapshot_end"));
    serving.await.unwrap();
    assert!(client.get(format!("{base}/healthz")).send().await.is_err());
}

#[tokio::test]
async fn drain_limit_cuts_off_what_never_ends() {
    let tasks = Tasks::new();
    let entered = Arc::new(Notify::new());
    let inside = Arc::clone(&entered);
    let own = Router::new().route(
        "/stuck",
        get(async move || {
            inside.notify_one();
            std::future::pending::<()>().await;
        }),
    );
    let (base, serving) = served(own, &tasks, Duration::from_millis(50)).await;
    let client = crate::client::internal().unwrap();
    let stuck = client.get(format!("{base}/stuck")).send();
    let stop = async {
        entered.notified().await;
        tasks.cancel();
        serving.await.unwrap();
    };
    tokio::select! {
        answer = stuck => assert!(answer.is_err()),
        () = stop => {}
    }
}

#[tokio::test]
async fn problem_of_a_handler_carries_the_request_id() {
    let own = Router::new().route(
        "/deny",
        get(async || Problem::new(ProblemType::Forbidden, "no")),
    );
    let router = standard(own, role(&Tasks::new()));
    let response = send(&router, ask("/deny")).await;
    let id = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(value(response).await["request_id"], json!(id));
    assert_eq!(request_id(), None, "outside a request there is none");
}

use std::fs;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use countersign_service::credential::KeyKind;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;

struct World {
    _folder: tempfile::TempDir,
    router: Router,
    key: SecretKey,
    clock: Clock,
    tasks: Tasks,
}

/// A role that says what it was sent.
async fn echo_role(tasks: &Tasks) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let echo = async |request: axum::extract::Request| {
        let header = |name: &str| {
            request
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let seen = json!({
            "path": request.uri().to_string(),
            "authorization": header("authorization"),
            "cookie": header("cookie"),
        });
        (StatusCode::IM_A_TEAPOT, axum::Json(seen))
    };
    let events = async || {
        let body = "id: 5\nevent: upsert\ndata: {\"topic\":\"call\",\"id\":\"a\",\"item\":{}}\n\n";
        ([(http::header::CONTENT_TYPE, "text/event-stream")], body)
    };
    let router = Router::new()
        .route("/v1/events", get(events))
        .fallback(echo);
    let serving = axum::serve(listener, router).into_future();
    drop(tasks.spawn_until_cancelled("echo", serving));
    url
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let random = Random::seeded(1);
    let key = SecretKey::generate(KeyKind::Operator, &random);
    fs::write(folder.path().join("agents.toml"), "").unwrap();
    let operators = format!(
        "[[operator]]\nname = \"alice\"\nroles = [\"sre\"]\nkey_sha256 = \"{}\"\n",
        key.hash()
    );
    fs::write(folder.path().join("operators.toml"), operators).unwrap();
    let clock = Clock::manual("2030-01-01T00:00:00Z".parse().unwrap());
    let tasks = Tasks::new();
    let code = |text: &str, uses| Code {
        text: SecretKey::from_text(text),
        key: key.clone(),
        uses,
    };
    let config = Config {
        policies: folder.path().to_owned(),
        overlay: None,
        roles: BTreeMap::from([("enforcer", echo_role(&tasks).await)]),
        codes: vec![code("once", Uses::Once), code("file", Uses::WhileRunning)],
        demo: Demo::No,
        isolation: Isolation::OwnProcess,
        clock: clock.clone(),
        random,
    };
    let router = build(config, 8080, &tasks).unwrap();
    World {
        _folder: folder,
        router,
        key,
        clock,
        tasks,
    }
}

impl World {
    async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str, cookie: &str) -> Response {
        let request = Request::get(path)
            .header("cookie", cookie)
            .body(Body::empty());
        self.send(request.unwrap()).await
    }

    async fn sign_in(&self, body: Value) -> Response {
        let request = Request::post("/api/session").header("sec-fetch-site", "same-origin");
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    async fn cookie(&self) -> String {
        let answer = self.sign_in(json!({"key": self.key.expose()})).await;
        cookie_of(&answer)
    }
}

fn cookie_of(answer: &Response) -> String {
    let line = answer
        .headers()
        .get("set-cookie")
        .unwrap()
        .to_str()
        .unwrap();
    assert!(
        line.contains("HttpOnly") && line.contains("SameSite=Strict"),
        "{line}"
    );
    line.split(';').next().unwrap().to_owned()
}

async fn body(answer: Response) -> Value {
    let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn a_printed_code_signs_in_once_and_that_of_the_file_again() {
    let world = world().await;
    let answer = world.sign_in(json!({"code": "once"})).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let cookie = cookie_of(&answer);
    let session = body(world.get("/api/session", &cookie).await).await;
    assert_eq!(session["operator"], "alice");
    assert_eq!(session["roles"], json!(["sre"]));
    let again = world.sign_in(json!({"code": "once"})).await;
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
    for _ in 0..2 {
        assert_eq!(
            world.sign_in(json!({"code": "file"})).await.status(),
            StatusCode::OK
        );
    }
    assert_eq!(
        world.sign_in(json!({"code": "wrong"})).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        world.sign_in(json!({})).await.status(),
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn a_session_ends_by_signing_out_and_by_time() {
    let world = world().await;
    let (one, other) = (world.cookie().await, world.cookie().await);
    let request = Request::delete("/api/session").header("cookie", &one);
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        world.get("/api/session", &one).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        world.get("/api/session", &other).await.status(),
        StatusCode::OK
    );
    world.clock.advance(std::time::Duration::from_hours(12));
    assert_eq!(
        world.get("/api/session", &other).await.status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_role_is_asked_with_the_session_s_key_and_nothing_of_the_browser() {
    let world = world().await;
    let cookie = world.cookie().await;
    let answer = world
        .get("/api/enforcer/v1/calls?state=in_doubt", &cookie)
        .await;
    assert_eq!(
        answer.status(),
        StatusCode::IM_A_TEAPOT,
        "the role's own status"
    );
    let seen = body(answer).await;
    assert_eq!(seen["path"], "/v1/calls?state=in_doubt");
    assert_eq!(
        seen["authorization"],
        format!("Bearer {}", world.key.expose())
    );
    assert_eq!(seen["cookie"], Value::Null);
    let unknown = world.get("/api/nobody/v1/calls", &cookie).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    let stranger = world.get("/api/enforcer/v1/calls", "").await;
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_foreign_site_cannot_change_anything() {
    let world = world().await;
    let cookie = world.cookie().await;
    let request = Request::post("/api/enforcer/v1/calls")
        .header("cookie", cookie)
        .header("sec-fetch-site", "cross-site");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn every_answer_has_the_headers_of_a_strict_page() {
    let world = world().await;
    for path in [
        "/",
        "/runs/run_1",
        "/assets/none.js",
        "/api/none",
        "/api/session",
        "/healthz",
    ] {
        let answer = world.get(path, "").await;
        let policy = answer
            .headers()
            .get("content-security-policy")
            .unwrap()
            .to_str()
            .unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'"),
            "{path}"
        );
        assert_eq!(
            answer.headers().get("cross-origin-opener-policy").unwrap(),
            "same-origin"
        );
        assert_eq!(
            answer.headers().get("x-content-type-options").unwrap(),
            "nosniff"
        );
        assert_eq!(
            answer.headers().get("referrer-policy").unwrap(),
            "no-referrer"
        );
    }
    assert_eq!(
        world.get("/assets/none.js", "").await.status(),
        StatusCode::NOT_FOUND
    );
    let page = world.get("/runs/run_1", "").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(page.headers().get("cache-control").unwrap(), "no-cache");
}

#[tokio::test]
async fn events_of_the_roles_come_marked_with_their_service() {
    let world = world().await;
    let cookie = world.cookie().await;
    let answer = world.get("/api/events", &cookie).await;
    let mut body = answer.into_body().into_data_stream();
    let mut text = String::new();
    while !text.contains("\"service\":\"enforcer\"") {
        let chunk = futures_util::StreamExt::next(&mut body)
            .await
            .unwrap()
            .unwrap();
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(text.contains("event: ping"), "{text}");
    assert!(text.contains("id: enforcer:5"), "{text}");
    world.tasks.cancel();
}

#[tokio::test]
async fn the_document_names_only_what_is_served() {
    let world = world().await;
    let missing = countersign_service::openapi::unserved(&openapi(), &world.router).await;
    assert!(missing.is_empty(), "{missing:?}");
}

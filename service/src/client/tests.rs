use axum::Router;
use axum::extract::Request;
use axum::response::Redirect;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::credential::{KeyKind, SecretKey};
use crate::extract::Json;
use crate::problem::{Problem, ProblemType};
use crate::random::Random;
use crate::tasks::Tasks;

/// Serves `router` on a free port; gives its address.
async fn serve(router: Router, tasks: &Tasks) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let serving = async move { axum::serve(listener, router).await };
    drop(tasks.spawn_until_cancelled("peer", serving));
    base
}

async fn echo(request: Request) -> Json<Value> {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    Json(json!({"authorization": header("authorization"), "path": request.uri().path()}))
}

#[tokio::test]
async fn peer_sends_its_key_and_reads_answers_and_problems() {
    let tasks = Tasks::new();
    let router = Router::new()
        .route("/v1/echo", get(echo))
        .route(
            "/v1/deny",
            post(async || Problem::new(ProblemType::PlanDenied, "no").policies(["p"])),
        )
        .route("/v1/odd", get(async || "odd"));
    let base = serve(router, &tasks).await;
    let key = SecretKey::generate(KeyKind::Service, &Random::seeded(1));
    let peer = Peer::new(internal().unwrap(), &format!("{base}/"), Some(key.clone()));
    let echoed: Value = peer.get("/v1/echo").await.unwrap();
    let expected = json!({"authorization": format!("Bearer {}", key.expose()), "path": "/v1/echo"});
    assert_eq!(echoed, expected);
    let denied = peer
        .post::<_, Value>("/v1/deny", &json!({}))
        .await
        .unwrap_err();
    assert_eq!(denied.code(), Some("plan_denied"));
    assert_eq!(denied.problem().unwrap().policies, ["p"]);
    let odd = peer.get::<Value>("/v1/odd").await.unwrap_err();
    assert!(matches!(odd, PeerError::Unreadable { .. }), "{odd}");
    tasks.cancel();
}

#[tokio::test]
async fn refused_connection_was_never_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let peer = Peer::new(internal().unwrap(), &base, None);
    let error = peer.get::<Value>("/v1/meta").await.unwrap_err();
    assert!(error.not_sent() && error.code().is_none());
    assert!(error.to_string().contains(&base));
}

#[tokio::test]
async fn redirects_are_answers_and_are_not_followed() {
    let tasks = Tasks::new();
    let router = Router::new()
        .route("/from", get(async || Redirect::temporary("/to")))
        .route("/to", get(async || "a redirect was followed"));
    let base = serve(router, &tasks).await;
    for client in [internal(), streaming(), external(Duration::from_secs(5))] {
        let answer = client
            .unwrap()
            .get(format!("{base}/from"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 307);
    }
    tasks.cancel();
}

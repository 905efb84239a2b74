//! The router as callers meet it: who is let in, shapes, statuses.

mod access;
mod answers;
mod errors;

use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use countersign_service::clock::Clock;
use countersign_service::credential::{KeyKind, SecretKey};
use countersign_service::directory::{Directory, SharedDirectory, Sources};
use countersign_service::openapi::unserved;
use countersign_service::random::Random;
use countersign_service::server::Isolation;
use countersign_service::tasks::Tasks;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use utoipa::OpenApi as _;

use super::Paths;
use crate::{Config, assemble, openapi};

/// A simulator on a clock that stands still, and one key of each kind.
struct TestServer {
    router: Router,
    clock: Clock,
    tasks: Tasks,
    enforcer: SecretKey,
    operator: SecretKey,
    agent: SecretKey,
}

impl TestServer {
    fn new() -> Self {
        let random = Random::seeded(11);
        let [enforcer, operator, agent] = [KeyKind::Upstream, KeyKind::Operator, KeyKind::Agent]
            .map(|kind| SecretKey::generate(kind, &random));
        let agents = format!(
            "[[agent]]\nname = \"remediator\"\nautonomy = \"automate-safe\"\nkey_sha256 = \"{}\"",
            agent.hash()
        );
        let operators = format!(
            "[[operator]]\nname = \"operator\"\nkey_sha256 = \"{}\"",
            operator.hash()
        );
        let sources = Sources {
            agents: &agents,
            operators: &operators,
            ..Sources::default()
        };
        let directory = SharedDirectory::new(Directory::parse(sources).unwrap());
        let clock = Clock::manual("2026-03-02T09:00:00Z".parse().unwrap());
        let tasks = Tasks::new();
        let config = Config {
            policies: PathBuf::new(),
            overlay: None,
            upstream_credential: enforcer.hash(),
            isolation: Isolation::OwnProcess,
            seed: 7,
            clock: clock.clone(),
            random,
        };
        let router = assemble(config, directory, &tasks).router;
        Self {
            router,
            clock,
            tasks,
            enforcer,
            operator,
            agent,
        }
    }

    async fn send(
        &self,
        key: Option<&SecretKey>,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(path)
            .header(CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header(AUTHORIZATION, format!("Bearer {}", key.expose()));
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_owned()));
        let response = self
            .router
            .clone()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let status = response.status();
        if status.is_client_error() {
            assert_eq!(
                response.headers()[CONTENT_TYPE],
                "application/problem+json",
                "{path}"
            );
        }
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    /// A call through the tool API that must work.
    async fn tool(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = (!body.is_null()).then(|| body.to_string());
        let (status, answer) = self
            .send(Some(&self.enforcer), method, path, body.as_deref())
            .await;
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        answer
    }

    /// A call through the tool API that must fail.
    async fn refused(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let (status, answer) = self
            .send(Some(&self.enforcer), method, path, Some(body))
            .await;
        (
            status.as_u16(),
            answer["code"].as_str().unwrap_or_default().to_owned(),
        )
    }

    /// The latest entries of the audit log, newest first.
    async fn latest_actions(&self, count: usize) -> Vec<String> {
        let path = format!("/v1/audit-log?limit={count}");
        let log = self.tool("GET", &path, &Value::Null).await;
        let entries = log["entries"].as_array().unwrap();
        entries
            .iter()
            .map(|entry| entry["action"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn inject(&self, kind: &str, target: &str) -> (StatusCode, Value) {
        let body = json!({"kind": kind, "target": target}).to_string();
        self.send(Some(&self.operator), "POST", "/v1/faults", Some(&body))
            .await
    }

    async fn state(&self) -> Value {
        let (status, state) = self
            .send(Some(&self.operator), "GET", "/v1/state", None)
            .await;
        assert_eq!(status, StatusCode::OK);
        state
    }

    async fn pass(&self, milliseconds: u64) {
        for _ in 0..milliseconds / 250 {
            self.clock.advance(Duration::from_millis(250));
            // Any reader brings the world up to now.
            self.state().await;
        }
    }
}

#[tokio::test]
async fn every_described_operation_is_served() {
    let server = TestServer::new();
    assert_eq!(unserved(&openapi(), &server.router).await, []);
}

#[test]
fn queries_and_credentials_are_described() {
    let described = serde_json::to_value(openapi()).unwrap();
    let names = |path: &str| {
        let parameters = described["paths"][path]["get"]["parameters"]
            .as_array()
            .unwrap();
        parameters
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("/v1/alerts"), ["status", "severity"]);
    assert_eq!(names("/v1/audit-log"), ["limit"]);
    for path in Paths::openapi().paths.paths.keys() {
        for operation in described["paths"][path].as_object().unwrap().values() {
            assert_eq!(operation["security"], json!([{"bearer": []}]), "{path}");
        }
    }
}

#[tokio::test]
async fn the_world_ends_with_its_tasks() {
    let server = TestServer::new();
    let ended = server.tasks.shutdown(Duration::from_secs(5)).await;
    assert_eq!(ended, countersign_service::tasks::Shutdown::Drained);
}

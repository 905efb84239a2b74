//! The routes that every server has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::future::join_all;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::OpenApi;

use super::{CheckFn, Isolation, Role, metrics};
use crate::credential::{Credentials, ObserverCaller};
use crate::events::{Feed, LastEventId};
use crate::extract::Json;
use crate::problem::{Problem, ProblemDocument, ProblemType};

/// A check that takes longer has failed.
const CHECK_LIMIT: Duration = Duration::from_secs(1);

/// Whether the process works, and what it wants people to know.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Healthz {
    /// `ok`, or `degraded` when there are notices.
    pub status: &'static str,
    /// Which role this is.
    pub role: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Whether it shares its process with other roles.
    pub isolation: Isolation,
    /// When it started.
    pub started_at: Timestamp,
    /// What is wrong, by name.
    pub notices: BTreeMap<&'static str, String>,
}

/// Whether the server can do its work now.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Readyz {
    /// Whether every check passed.
    pub ready: bool,
    /// Which role this is.
    pub role: &'static str,
    /// The checks, by name.
    pub checks: Vec<ReadyzCheck>,
}

/// One condition of readiness. Why it failed is in the server's log.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ReadyzCheck {
    /// What is checked.
    pub name: &'static str,
    /// Whether it passed.
    pub ok: bool,
}

/// What the server is. Roles add members of their own.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Meta {
    /// Which role this is.
    pub role: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its time now.
    pub time: Timestamp,
    /// Whether it shares its process with other roles.
    pub isolation: Isolation,
    /// What the role adds.
    #[serde(flatten)]
    pub more: BTreeMap<&'static str, Value>,
}

#[derive(OpenApi)]
#[openapi(
    paths(healthz, readyz, metrics_text, openapi_json, meta, events),
    components(schemas(ProblemDocument))
)]
struct StandardPaths;

/// The paths of the standard routes.
pub fn standard_paths() -> utoipa::openapi::OpenApi {
    StandardPaths::openapi()
}

#[derive(Clone)]
struct Server(Arc<Role>);

impl FromRef<Server> for Credentials {
    fn from_ref(server: &Server) -> Self {
        server.0.credentials.clone()
    }
}

pub(super) fn router(role: Arc<Role>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .route("/openapi.json", get(openapi_json))
        .route("/v1/meta", get(meta))
        .route("/v1/events", get(events))
        .with_state(Server(role))
}

/// Whether the process works.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "server",
    operation_id = "get_health",
    responses((status = 200, description = "The process works", body = Healthz))
)]
async fn healthz(State(Server(role)): State<Server>) -> Json<Healthz> {
    let mut notices = BTreeMap::new();
    for (name, outcome) in run(&role.notices).await {
        if let Err(message) = outcome {
            notices.insert(name, message);
        }
    }
    Json(Healthz {
        status: if notices.is_empty() { "ok" } else { "degraded" },
        role: role.name,
        version: env!("CARGO_PKG_VERSION"),
        isolation: role.isolation,
        started_at: role.started,
        notices,
    })
}

/// Whether the server can do its work now.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "server",
    operation_id = "get_readiness",
    responses(
        (status = 200, description = "Every check passed", body = Readyz),
        (status = 503, description = "A check failed", body = Readyz)
    )
)]
async fn readyz(State(Server(role)): State<Server>) -> (StatusCode, Json<Readyz>) {
    let mut checks = Vec::new();
    for (name, outcome) in run(&role.ready).await {
        if let Err(message) = &outcome {
            tracing::warn!(check = name, error = message, "a readiness check failed");
        }
        checks.push(ReadyzCheck {
            name,
            ok: outcome.is_ok(),
        });
    }
    let ready = checks.iter().all(|check| check.ok) && !role.tasks.token().is_cancelled();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(Readyz {
            ready,
            role: role.name,
            checks,
        }),
    )
}

async fn run(checks: &BTreeMap<&'static str, CheckFn>) -> Vec<(&'static str, Result<(), String>)> {
    let running = checks.iter().map(async |(name, check)| {
        let outcome = tokio::time::timeout(CHECK_LIMIT, check()).await;
        (
            *name,
            outcome.unwrap_or_else(|_| Err("no answer within a second".to_owned())),
        )
    });
    join_all(running).await
}

/// Measurements in the Prometheus text format.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "server",
    operation_id = "get_metrics",
    responses((status = 200, description = "Measurements", body = String, content_type = "text/plain"))
)]
async fn metrics_text() -> Result<Response, Problem> {
    let Some(text) = metrics::render() else {
        return Err(Problem::new(
            ProblemType::Unavailable,
            "measurements are not recorded",
        ));
    };
    Ok((
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response())
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "server",
    operation_id = "get_openapi",
    responses((status = 200, description = "The OpenAPI document of this server", body = Value))
)]
async fn openapi_json(State(Server(role)): State<Server>) -> Response {
    Json(role.document.as_ref()).into_response()
}

/// What the server is.
#[utoipa::path(
    get,
    path = "/v1/meta",
    tag = "server",
    operation_id = "get_meta",
    responses((status = 200, description = "Role, version, time, isolation", body = Meta))
)]
async fn meta(State(Server(role)): State<Server>) -> Json<Meta> {
    Json(Meta {
        role: role.name,
        version: env!("CARGO_PKG_VERSION"),
        time: role.clock.now(),
        isolation: role.isolation,
        more: role.meta.clone(),
    })
}

/// Live changes as server-sent events.
///
/// Events `upsert` and `remove` carry `{"topic", "id", "item"}`; `snapshot_end` ends the current state;
/// `reset` says that the cursor is too old; `ping` carries the server's time every 15 s.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "server",
    operation_id = "stream_events",
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "Resume after this event"),
        ("last_event_id" = Option<String>, Query, description = "The same, for clients without headers")
    ),
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
        (status = 401, description = "No or unknown key", body = ProblemDocument)
    ),
    security(("bearer" = []))
)]
async fn events(
    _caller: ObserverCaller,
    cursor: LastEventId,
    State(Server(role)): State<Server>,
) -> Result<Response, Problem> {
    let feed = Feed::new(&role.hub, cursor, role.tasks.token());
    feed.snapshot(role.snapshot.clone()).respond().await
}

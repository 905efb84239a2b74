//! What surrounds every handler, in one order.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use countersign_intent::json::MAX_BYTES;
use futures_util::FutureExt as _;
use http::header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use super::{Role, metrics};
use crate::problem::{Problem, ProblemType};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Routes that are answered however busy the server is.
const ALWAYS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that the current task is serving.
pub fn request_id() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Marks the answer to a path that no route serves.
#[derive(Clone, Copy, Debug)]
pub struct Unrouted;

#[derive(Clone)]
struct Layers {
    role: Arc<Role>,
    permits: Arc<Semaphore>,
}

/// Puts the layers around `router`. The last one added runs first, so read from the bottom:
///
/// 1. request id: everything below, logs and problems included, can name the request;
/// 2. trace: one log line and one measurement per request, whatever happens below;
/// 3. security headers: on every answer, those of the layers below included;
/// 4. panic catcher: a panic costs its own request only;
/// 5. concurrency: shed load before any work is done, except for the health routes;
/// 6. timeout: a handler that hangs frees its place;
/// 7. body limit: for extractors that are not ours (ours have the same limit).
pub(super) fn around(router: Router, role: &Arc<Role>) -> Router {
    let layers = Layers {
        permits: Arc::new(Semaphore::new(role.limits.concurrency)),
        role: Arc::clone(role),
    };
    router
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BYTES))
        .layer(from_fn_with_state(layers.clone(), limit_time))
        .layer(from_fn_with_state(layers.clone(), limit_concurrency))
        .layer(axum::middleware::from_fn(catch_panic))
        .layer(axum::middleware::from_fn(secure))
        .layer(from_fn_with_state(layers.clone(), trace))
        .layer(from_fn_with_state(layers, identify))
}

async fn unknown_path(uri: Uri) -> (Extension<Unrouted>, Problem) {
    let detail = format!("no such path: {}", shown(uri.path()));
    (
        Extension(Unrouted),
        Problem::new(ProblemType::NotFound, detail),
    )
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let detail = format!(
        "{} does not take {}",
        shown(uri.path()),
        shown(method.as_str())
    );
    Problem::new(ProblemType::MethodNotAllowed, detail)
}

/// At most 100 characters of foreign text.
fn shown(text: &str) -> String {
    format!("`{}`", text.chars().take(100).collect::<String>())
}

async fn identify(State(layers): State<Layers>, request: Request, next: Next) -> Response {
    let id = received_id(request.headers()).unwrap_or_else(|| {
        let random = layers.role.random.bytes::<16>();
        format!("req_{:032x}", u128::from_be_bytes(random))
    });
    let header = HeaderValue::from_str(&id);
    let mut response = CURRENT.scope(id, next.run(request)).await;
    if let Ok(header) = header {
        response.headers_mut().insert(REQUEST_ID.clone(), header);
    }
    response
}

/// The id that a role before us gave the request, if it has the form of one.
fn received_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(&REQUEST_ID)?.to_str().ok()?;
    let plain = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    (plain && (8..=64).contains(&id.len())).then(|| id.to_owned())
}

async fn trace(State(layers): State<Layers>, request: Request, next: Next) -> Response {
    let route = matched(&request).unwrap_or("unknown").to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        role = layers.role.name,
        http.method = %method,
        http.route = route,
        request.id = request_id(),
    );
    let began = layers.role.clock.monotonic();
    let response = next.run(request).instrument(span.clone()).await;
    let took = layers.role.clock.monotonic().saturating_sub(began);
    let status = response.status();
    let code = response
        .extensions()
        .get::<ProblemType>()
        .map(|kind| kind.code());
    metrics::request(layers.role.name, &method, &route, status, took);
    let _entered = span.enter();
    let (status, duration_ms) = (status.as_u16(), took.as_millis());
    // Roles poll each other twice a second: what only read and went well is no news.
    let quiet = method == Method::GET && status < 400;
    if quiet || ALWAYS.contains(&route.as_str()) {
        tracing::debug!(http.status = status, duration_ms, "answered");
    } else {
        tracing::info!(
            http.status = status,
            problem.code = code,
            duration_ms,
            "answered"
        );
    }
    response
}

fn matched(request: &Request) -> Option<&str> {
    request
        .extensions()
        .get::<MatchedPath>()
        .map(MatchedPath::as_str)
}

async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn catch_panic(request: Request, next: Next) -> Response {
    // The request is gone after a panic, so no broken state of it can be seen.
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(payload) => {
            let message = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Problem::new(
                ProblemType::Internal,
                format!("a handler panicked: {message}"),
            )
            .into_response()
        }
    }
}

async fn limit_concurrency(State(layers): State<Layers>, request: Request, next: Next) -> Response {
    let exempt = matched(&request)
        .is_some_and(|route| ALWAYS.contains(&route) || layers.role.untimed.contains(&route));
    if exempt {
        return next.run(request).await;
    }
    match layers.permits.try_acquire() {
        Ok(_permit) => next.run(request).await,
        Err(_) => {
            Problem::new(ProblemType::OVERLOAD, "too many requests are in work").into_response()
        }
    }
}

async fn limit_time(State(layers): State<Layers>, request: Request, next: Next) -> Response {
    if matched(&request).is_some_and(|route| layers.role.untimed.contains(&route)) {
        return next.run(request).await;
    }
    let limit: Duration = layers.role.limits.timeout;
    tokio::time::timeout(limit, next.run(request))
        .await
        .unwrap_or_else(|_| {
            let detail = format!("no answer within {} s", limit.as_secs());
            Problem::new(ProblemType::Timeout, detail).into_response()
        })
}

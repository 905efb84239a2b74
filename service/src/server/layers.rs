//! What surrounds every handler, in one order.
//!
//! It is one layer and one future, not one each: every boxed layer of a router is cloned and
//! allocated again for every request.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use countersign_intent::json::MAX_BYTES;
use futures_util::FutureExt as _;
use http::header::{CACHE_CONTROL, CONNECTION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use tokio::sync::Semaphore;
use tower::{Layer, Service};
use tracing::Instrument as _;

use super::Role;
use super::budget::LogBudget;
use super::identity::{CURRENT, Ids, RequestId};
use super::metrics::{Route, Routes, Waits};
use crate::problem::{Problem, ProblemType};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Failed requests logged a second; beyond, they are counted.
const LOGGED: u32 = 100;

/// Marks the answer to a path that no route serves.
#[derive(Clone, Copy, Debug)]
pub struct Unrouted;

/// What the requests of a server share.
struct Shared {
    role: Arc<Role>,
    permits: Semaphore,
    ids: Ids,
    routes: Routes,
    logged: LogBudget,
}

/// Puts the [`Shell`] around `router`.
pub(super) fn around(router: Router, role: &Arc<Role>) -> Router {
    let shared = Shared {
        permits: Semaphore::new(role.limits.concurrency),
        ids: Ids::new(&role.random),
        routes: Routes::new(role.name, role.untimed.clone()),
        logged: LogBudget::new(role.clock.clone(), LOGGED),
        role: Arc::clone(role),
    };
    router
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(ShellLayer(Arc::new(shared)))
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

#[derive(Clone)]
struct ShellLayer(Arc<Shared>);

/// What surrounds a handler.
#[derive(Clone)]
struct Shell<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Layer<S> for ShellLayer {
    type Service = Shell<S>;

    fn layer(&self, inner: S) -> Shell<S> {
        Shell {
            inner,
            shared: Arc::clone(&self.0),
        }
    }
}

impl<S> Service<Request> for Shell<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        let received = request.headers().get(&REQUEST_ID);
        let id = received
            .and_then(RequestId::received)
            .unwrap_or_else(|| shared.ids.next());
        let matched = request.extensions().get::<MatchedPath>();
        let route = shared.routes.of(matched.map(MatchedPath::as_str));
        let method = request.method().clone();
        // For extractors that are not ours; ours have the same limit.
        DefaultBodyLimit::max(MAX_BYTES).apply(&mut request);
        let handling = self.inner.call(request);
        Box::pin(async move { Ok(surround(&shared, &route, method, id, handling).await) })
    }
}

/// Answers one request. From the outside:
///
/// 1. request id: everything below, logs and problems included, can name the request;
/// 2. trace: one measurement per request, and a log line where it failed, whatever happens below;
/// 3. security headers: on every answer, those of the layers below included;
/// 4. panic catcher: a panic costs its own request only;
/// 5. concurrency: shed load before any work is done, except for the health routes;
/// 6. time: a handler that hangs frees its place.
async fn surround(
    shared: &Shared,
    route: &Route,
    method: Method,
    id: RequestId,
    handling: impl Future<Output = Result<Response, Infallible>>,
) -> Response {
    let role = &shared.role;
    // Its parts stand in the log line; for the lines between them, debug shows the span.
    let span = tracing::debug_span!(
        "request",
        role = role.name,
        http.method = %method,
        http.route = route.name(),
        request.id = id.as_str(),
    );
    let began = role.clock.monotonic();
    let bounded = AssertUnwindSafe(bound(shared, route, handling));
    // The request is gone after a panic, so no broken state of it can be seen.
    let caught = bounded.catch_unwind().instrument(span);
    let answer = async {
        match caught.await {
            Ok(response) => response,
            Err(payload) => panicked(payload.as_ref()).into_response(),
        }
    };
    let mut response = CURRENT.scope(id, answer).await;
    let took = role.clock.monotonic().saturating_sub(began);
    let response_status = response.status();
    route.count(&method, response_status, took);
    log(shared, route, &method, &id, &response, took.as_millis());
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    // Whoever is too fast begins again with a new connection.
    if response_status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID.clone(), id);
    }
    response
}

/// Runs a handler within the limits of its route.
async fn bound(
    shared: &Shared,
    route: &Route,
    handling: impl Future<Output = Result<Response, Infallible>>,
) -> Response {
    let _permit = match route.waits() {
        Waits::NoLonger => match shared.permits.try_acquire() {
            Ok(permit) => Some(permit),
            Err(_) => {
                return Problem::new(ProblemType::OVERLOAD, "too many requests are in work")
                    .into_response();
            }
        },
        Waits::NoLongerAlways => None,
        Waits::AsLongAsItTakes => return handling.await.unwrap_or_else(|never| match never {}),
    };
    let limit = shared.role.limits.timeout;
    if let Ok(response) = tokio::time::timeout(limit, handling).await {
        return response.unwrap_or_else(|never| match never {});
    }
    let detail = format!("no answer within {} s", limit.as_secs());
    Problem::new(ProblemType::Timeout, detail).into_response()
}

fn panicked(payload: &(dyn std::any::Any + Send)) -> Problem {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or_default();
    let detail = format!("a handler panicked: {message}");
    Problem::new(ProblemType::Internal, detail)
}

/// What went well is no news: it is counted, and where it changed something, recorded.
fn log(
    shared: &Shared,
    route: &Route,
    method: &Method,
    id: &RequestId,
    response: &Response,
    duration_ms: u128,
) {
    let status = response.status().as_u16();
    let (role, route_name) = (shared.role.name, route.name());
    let quiet = status < 400 || matches!(route.waits(), Waits::NoLongerAlways);
    if quiet || !shared.logged.take() {
        tracing::debug!(
            role,
            http.method = %method,
            http.route = route_name,
            request.id = id.as_str(),
            http.status = status,
            duration_ms,
            "answered"
        );
        return;
    }
    let code = response
        .extensions()
        .get::<ProblemType>()
        .map(|kind| kind.code());
    tracing::info!(
        role,
        http.method = %method,
        http.route = route_name,
        request.id = id.as_str(),
        http.status = status,
        problem.code = code,
        duration_ms,
        "answered"
    );
}

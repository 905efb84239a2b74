//! The enforcer's routes: one file per door or list.

mod calls;
mod control;
mod door;
mod intents;
mod jwks;
mod ledger;
mod mcp;
mod proxy;
mod refusals;
mod resolution;

use axum::Router;
use axum::routing::{MethodFilter, MethodRouter, get, on, post, put};
use utoipa::OpenApi;

use crate::state::AppState;

/// The routes that wait for an upstream: they have their own limits.
pub(crate) const UNTIMED: [&str; 3] = ["/v1/calls", "/mcp/tools/execute", PROXY];

/// Any path below an upstream.
const PROXY: &str = "/proxy/{upstream}/{*path}";

pub(crate) fn router(state: AppState) -> Router {
    Router::new()
        .route("/v1/calls", get(calls::list_calls).post(calls::run_call))
        .route("/v1/calls/{attempt}", get(calls::show_call))
        .route(
            "/v1/calls/{attempt}/resolution",
            post(resolution::resolve_call),
        )
        .route("/v1/intents/{jti}", get(intents::show_intent))
        .route("/v1/refusals", get(refusals::list_refusals))
        .route("/v1/control", put(control::put_control))
        .route("/v1/ledger/entries", get(ledger::list_entries))
        .route("/mcp/tools/execute", post(mcp::execute_tool))
        .route("/mcp/tools/list", post(mcp::list_tools))
        .route("/mcp/meta", get(mcp::show_meta))
        .route(PROXY, proxied())
        .route("/proxy/{upstream}", proxied())
        .route("/proxy/{upstream}/", proxied())
        .route("/.well-known/jwks.json", get(jwks::show_jwks))
        .with_state(state)
}

/// The proxy door, under every method that a tool may have.
fn proxied() -> MethodRouter<AppState> {
    let methods = [
        MethodFilter::HEAD,
        MethodFilter::POST,
        MethodFilter::PUT,
        MethodFilter::PATCH,
        MethodFilter::DELETE,
    ];
    let every = methods
        .into_iter()
        .fold(MethodFilter::GET, MethodFilter::or);
    on(every, proxy::proxy_call)
}

/// The paths of the enforcer's own routes.
#[derive(OpenApi)]
#[openapi(paths(
    calls::run_call,
    calls::list_calls,
    calls::show_call,
    resolution::resolve_call,
    intents::show_intent,
    refusals::list_refusals,
    control::put_control,
    ledger::list_entries,
    mcp::execute_tool,
    mcp::list_tools,
    mcp::show_meta,
    proxy::proxy_call,
    jwks::show_jwks
))]
pub(crate) struct Paths;

//! The planner's HTTP routes.

mod cancel;
mod run_to_end;
mod runs;
mod start;
mod watch;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use countersign_intent::id::AgentId;
use countersign_service::credential::Credentials;
use countersign_service::openapi::document;
use countersign_service::random::Random;
use utoipa::OpenApi;

use crate::driver::Context;
use crate::run::view::{
    CheckView, Failure, Moment, RunState, RunStep, RunView, Sense, Source, StepState,
    SupersededPlan, Verdict,
};

/// `POST /run`, which waits for a run.
pub(crate) const RUN_TO_END: &str = "/run";
/// How many streams of single runs are served at once.
pub(crate) const MAX_WATCHERS: usize = 256;
/// How many runs a list shows when nothing is said.
pub(crate) const DEFAULT_LIMIT: i64 = 100;

/// What handlers work with.
#[derive(Clone, Debug)]
pub(crate) struct AppState {
    pub(crate) credentials: Credentials,
    pub(crate) context: Arc<Context>,
    pub(crate) agent: AgentId,
    pub(crate) random: Random,
}

impl FromRef<AppState> for Credentials {
    fn from_ref(state: &AppState) -> Self {
        state.credentials.clone()
    }
}

impl FromRef<AppState> for Arc<Context> {
    fn from_ref(state: &AppState) -> Self {
        Arc::clone(&state.context)
    }
}

impl FromRef<AppState> for start::Starter {
    fn from_ref(state: &AppState) -> Self {
        Self::new(
            Arc::clone(&state.context),
            state.agent.clone(),
            state.random.clone(),
        )
    }
}

#[derive(OpenApi)]
#[openapi(
    paths(
        start::start_run,
        runs::list_runs,
        runs::get_run,
        watch::watch_run,
        cancel::cancel_run,
        run_to_end::run_to_end,
    ),
    components(schemas(
        RunView,
        RunStep,
        RunState,
        StepState,
        Verdict,
        Source,
        Sense,
        Moment,
        Failure,
        SupersededPlan,
        CheckView,
    ))
)]
struct Paths;

/// The planner's OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    document(
        "planner",
        "Finds plans for goals and runs them under the authority's tokens",
        Paths::openapi(),
    )
}

/// The planner's own routes.
pub(crate) fn router(state: AppState) -> Router {
    Router::new()
        .route("/v1/runs", get(runs::list_runs).post(start::start_run))
        .route("/v1/runs/{run_id}", get(runs::get_run))
        .route("/v1/runs/{run_id}/events", get(watch::watch_run))
        .route("/v1/runs/{run_id}/cancel", post(cancel::cancel_run))
        .route(RUN_TO_END, post(run_to_end::run_to_end))
        .with_state(state)
}

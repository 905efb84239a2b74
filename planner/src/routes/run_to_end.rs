//! `POST /run`: starts a run and waits for its end. The short form for scripts.

use std::sync::Arc;

use axum::extract::State;
use countersign_intent::id::{ApprovalId, RunId};
use countersign_service::credential::ApiKeyOperator;
use countersign_service::extract::Json;
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::start::Starter;
use crate::driver::Context;
use crate::run::view::{RunState, RunView, StepState};

/// What should be true afterwards.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The goal, in the caller's words.
    #[schema(min_length = 1, max_length = 4096)]
    input: String,
}

/// What came of the run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Output {
    /// The run.
    run_id: RunId,
    /// `completed`, `blocked`, `no_action`, `failed` or `cancelled`.
    status: RunState,
    /// What came of it, for a person.
    summary: String,
    /// Why it is blocked or failed: a stable code. `waiting_for_approval` when a person is asked; the run
    /// itself then goes on waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The approvals that it waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    approval_ids: Vec<ApprovalId>,
    /// The whole run.
    run: RunView,
}

/// Starts a run and waits for its end, at most five minutes, or until a person is asked.
#[utoipa::path(
    post, path = "/run", tag = "runs", operation_id = "run_to_end",
    security(("bearer" = [])),
    params(("X-API-Key" = Option<String>, Header, description = "An operator's key, in place of the bearer")),
    request_body = Input,
    responses(
        (status = 200, body = Output),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn run_to_end(
    ApiKeyOperator(operator): ApiKeyOperator,
    State(context): State<Arc<Context>>,
    State(starter): State<Starter>,
    Json(body): Json<Input>,
) -> Result<Json<Output>, Problem> {
    let (run_id, live) = starter
        .start(&body.input, None, operator.id.clone())
        .await?;
    let mut views = live.watch();
    drop(live);
    let rests = |view: &Arc<RunView>| view.state.ended() || asks_somebody(view);
    let waiting = tokio::time::timeout(context.pace.run, views.wait_for(rests));
    match waiting.await {
        Ok(Ok(view)) => Ok(Json(Output::of(run_id, view.as_ref().clone()))),
        Ok(Err(_)) => {
            let problem = Problem::new(
                ProblemType::Unavailable,
                "the planner stops; the run goes on later",
            );
            Err(problem.field("run_id", run_id.as_str()))
        }
        Err(_) => {
            let detail = format!(
                "the run is not over after {} s; it goes on",
                context.pace.run.as_secs()
            );
            Err(Problem::new(ProblemType::Timeout, detail).field("run_id", run_id.as_str()))
        }
    }
}

/// Whether the run waits for a person who has been asked.
fn asks_somebody(view: &RunView) -> bool {
    view.state == RunState::Waiting
        && view
            .steps
            .iter()
            .any(|step| step.state == StepState::Waiting)
}

impl Output {
    fn of(run_id: RunId, view: RunView) -> Self {
        if view.state.ended() {
            let summary = view.summary.clone().unwrap_or_default();
            let reason = view.error.as_ref().map(|error| error.code.clone());
            return Self {
                run_id,
                status: view.state,
                summary,
                reason,
                approval_ids: Vec::new(),
                run: view,
            };
        }
        let waiting = view
            .steps
            .iter()
            .filter(|step| step.state == StepState::Waiting);
        let approval_ids: Vec<ApprovalId> = waiting
            .filter_map(|step| step.approval_id.clone())
            .collect();
        let ids: Vec<String> = approval_ids.iter().map(ToString::to_string).collect();
        Self {
            run_id,
            status: RunState::Blocked,
            summary: format!(
                "A person must approve before it goes on: {}",
                ids.join(", ")
            ),
            reason: Some("waiting_for_approval".to_owned()),
            approval_ids,
            run: view,
        }
    }
}

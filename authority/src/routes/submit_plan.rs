//! `POST /v1/plans`

use axum::extract::State;
use countersign_intent::plan::PlanRequest;
use countersign_service::credential::AgentCaller;
use countersign_service::extract::Json;
use countersign_service::problem::{Problem, ProblemDocument};
use http::StatusCode;

use crate::authority::Authority;
use crate::intake;
use crate::view::PlanView;

/// Submits a plan to be judged.
///
/// Every step is judged by policy within the whole plan; the plan's verdict is the worst of its steps'.
/// A denied plan is answered too, with the reasons, and gets no token. A plan that cannot be judged (an
/// unknown tool, parameters that do not fit it) is a problem.
#[utoipa::path(post, path = "/v1/plans", tag = "plans", operation_id = "submit_plan",
    request_body = PlanRequest, security(("bearer" = [])),
    responses(
        (status = 201, description = "Judged", body = PlanView),
        (status = 400, description = "Unreadable", body = ProblemDocument),
        (status = 401, description = "No agent's key", body = ProblemDocument),
        (status = 403, description = "A tool is not in the catalogue", body = ProblemDocument),
        (status = 422, description = "Not a plan, or parameters that do not fit", body = ProblemDocument),
        (status = 503, description = "No policy bundle", body = ProblemDocument),
    ))]
pub(crate) async fn submit_plan(
    AgentCaller(agent): AgentCaller,
    State(authority): State<Authority>,
    Json(request): Json<PlanRequest>,
) -> Result<(StatusCode, Json<PlanView>), Problem> {
    let stored = intake::submit(&authority, &agent, &request).await?;
    Ok((StatusCode::CREATED, Json(stored.into())))
}

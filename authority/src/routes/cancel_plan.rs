//! `POST /v1/plans/{plan_id}/cancel`

use axum::extract::State;
use countersign_intent::id::PlanId;
use countersign_service::credential::AnyCaller;
use countersign_service::extract::{Json, Path};
use countersign_service::problem::{Problem, ProblemDocument};

use super::{name, whose};
use crate::authority::Authority;
use crate::cancel;
use crate::view::PlanView;

/// Withdraws a plan: no further token and no further approval. A token that is out may still run.
#[utoipa::path(post, path = "/v1/plans/{plan_id}/cancel", tag = "plans", operation_id = "cancel_plan",
    params(("plan_id" = PlanId, Path, description = "The plan")), security(("bearer" = [])),
    responses(
        (status = 200, description = "Withdrawn", body = PlanView),
        (status = 401, description = "No key", body = ProblemDocument),
        (status = 404, description = "No such plan", body = ProblemDocument),
        (status = 409, description = "The plan ended before", body = ProblemDocument),
    ))]
pub(crate) async fn cancel_plan(
    caller: AnyCaller,
    State(authority): State<Authority>,
    Path(id): Path<PlanId>,
) -> Result<Json<PlanView>, Problem> {
    let cancelled = cancel::cancel(&authority, whose(&caller), &id, &name(&caller)).await?;
    Ok(Json(cancelled.into()))
}

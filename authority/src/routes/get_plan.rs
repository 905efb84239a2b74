//! `GET /v1/plans/{plan_id}`

use axum::extract::State;
use countersign_intent::id::PlanId;
use countersign_service::credential::AnyCaller;
use countersign_service::extract::{Json, Path};
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};

use super::is_theirs;
use crate::authority::Authority;
use crate::store;
use crate::view::PlanView;

/// Reads a plan. Another agent's plan is not found.
#[utoipa::path(get, path = "/v1/plans/{plan_id}", tag = "plans", operation_id = "get_plan",
    params(("plan_id" = PlanId, Path, description = "The plan")), security(("bearer" = [])),
    responses(
        (status = 200, description = "The plan as it is now", body = PlanView),
        (status = 401, description = "No key", body = ProblemDocument),
        (status = 404, description = "No such plan", body = ProblemDocument),
    ))]
pub(crate) async fn get_plan(
    caller: AnyCaller,
    State(authority): State<Authority>,
    Path(id): Path<PlanId>,
) -> Result<Json<PlanView>, Problem> {
    let mut connection = authority.read().await?;
    let found = store::plans::find(&mut connection, &authority.settings.tenant, &id).await?;
    match found {
        Some(found) if is_theirs(&caller, &found.plan.agent) => Ok(Json(found.into())),
        Some(_) | None => Err(Problem::new(
            ProblemType::NotFound,
            format!("there is no plan `{id}`"),
        )),
    }
}

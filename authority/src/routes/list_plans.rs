//! `GET /v1/plans`

use axum::extract::State;
use countersign_service::credential::AnyCaller;
use countersign_service::extract::{Json, Query};
use countersign_service::problem::{Problem, ProblemDocument};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::query::ListQuery;
use super::whose;
use crate::authority::Authority;
use crate::store;
use crate::view::PlanView;

/// Plans, the newest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct PlanList {
    /// The plans.
    pub(crate) plans: Vec<PlanView>,
}

/// Lists the newest plans: an agent's own, or everybody's for people and other roles.
#[utoipa::path(get, path = "/v1/plans", tag = "plans", operation_id = "list_plans",
    params(ListQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "The newest first", body = PlanList),
        (status = 401, description = "No key", body = ProblemDocument),
    ))]
pub(crate) async fn list_plans(
    caller: AnyCaller,
    State(authority): State<Authority>,
    Query(query): Query<ListQuery>,
) -> Result<Json<PlanList>, Problem> {
    let mut connection = authority.read().await?;
    let tenant = &authority.settings.tenant;
    let plans =
        store::plans::newest(&mut connection, tenant, whose(&caller), query.limit()).await?;
    Ok(Json(PlanList {
        plans: plans.into_iter().map(PlanView::from).collect(),
    }))
}

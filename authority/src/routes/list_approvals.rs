//! `GET /v1/approvals`

use axum::extract::State;
use countersign_service::credential::AnyCaller;
use countersign_service::extract::{Json, Query};
use countersign_service::problem::{Problem, ProblemDocument};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{approval_view, whose};
use crate::answer::Found;
use crate::authority::Authority;
use crate::state::ApprovalState;
use crate::store::{self, StoreError};
use crate::view::ApprovalView;

/// Which approvals.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalQuery {
    /// Only those that stand here now.
    state: Option<ApprovalState>,
    /// Of the newest 1 to 500, by default 100.
    limit: Option<u32>,
}

/// Approvals, the newest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ApprovalList {
    /// The approvals.
    pub(crate) approvals: Vec<ApprovalView>,
}

/// Lists the newest approvals: of an agent's own plans, or everybody's for people and other roles.
#[utoipa::path(get, path = "/v1/approvals", tag = "approvals", operation_id = "list_approvals",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The newest first", body = ApprovalList),
        (status = 401, description = "No key", body = ProblemDocument),
    ))]
pub(crate) async fn list_approvals(
    caller: AnyCaller,
    State(authority): State<Authority>,
    Query(query): Query<ApprovalQuery>,
) -> Result<Json<ApprovalList>, Problem> {
    let now = authority.now();
    let limit = query.limit.unwrap_or(100).clamp(1, 500);
    let tenant = &authority.settings.tenant;
    let mut connection = authority.read().await?;
    let found =
        store::approvals::newest(&mut connection, tenant, whose(&caller), limit).await?;
    let mut approvals = Vec::new();
    for approval in found {
        if query.state.is_some_and(|state| state != approval.state_at(now)) {
            continue;
        }
        let missing = || StoreError::corrupt("approval", "its plan is missing");
        let stored = store::plans::find(&mut connection, tenant, &approval.plan).await?;
        let found = Found { stored: stored.ok_or_else(missing)?, approval };
        approvals.push(approval_view(&authority, &caller, found, now)?);
    }
    Ok(Json(ApprovalList { approvals }))
}

//! `GET /v1/approvals`

use axum::extract::State;
use countersign_service::credential::AnyCaller;
use countersign_service::extract::{Json, Query};
use countersign_service::problem::{Problem, ProblemDocument};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::query::ApprovalQuery;
use super::{approval_view, whose};
use crate::answer::Found;
use crate::authority::Authority;
use crate::store::{self, StoreError};
use crate::view::ApprovalView;

/// Approvals, the newest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ApprovalList {
    /// The approvals.
    pub(crate) approvals: Vec<ApprovalView>,
}

/// Lists the newest approvals: of an agent's own plans, or everybody's for people and other roles.
#[utoipa::path(get, path = "/v1/approvals", tag = "approvals", operation_id = "list_approvals",
    params(ApprovalQuery), security(("bearer" = [])),
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
    let limit = query.limit();
    let tenant = &authority.settings.tenant;
    let mut connection = authority.read().await?;
    let found = store::approvals::newest(&mut connection, tenant, whose(&caller), limit).await?;
    let mut approvals = Vec::new();
    for approval in found {
        if !query.wants(approval.state_at(now)) {
            continue;
        }
        let missing = || StoreError::corrupt("approval", "its plan is missing");
        let stored = store::plans::find(&mut connection, tenant, &approval.plan).await?;
        let found = Found {
            stored: stored.ok_or_else(missing)?,
            approval,
        };
        approvals.push(approval_view(&authority, &caller, found, now)?);
    }
    Ok(Json(ApprovalList { approvals }))
}

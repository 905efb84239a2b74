//! `POST /v1/policies/reload`

use axum::extract::State;
use countersign_service::credential::OperatorCaller;
use countersign_service::extract::Json;
use countersign_service::problem::{Problem, ProblemDocument};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::optional::OptionalJson;
use crate::authority::Authority;
use crate::bundle_view::{self, BundleView};
use crate::reload::{self, Epoch};

/// How to reload.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReloadRequest {
    /// Also stop the tokens that are out: the policy epoch rises.
    #[serde(default)]
    pub(crate) immediate: bool,
}

/// Reads the policies folder again, now. A content that is not good changes nothing and is a problem.
#[utoipa::path(post, path = "/v1/policies/reload", tag = "policies", operation_id = "reload_policies",
    request_body = ReloadRequest, security(("bearer" = [])),
    responses(
        (status = 200, description = "The active bundle", body = BundleView),
        (status = 401, description = "No operator's key", body = ProblemDocument),
        (status = 422, description = "Refused; the last good bundle stays", body = ProblemDocument),
    ))]
pub(crate) async fn reload_policies(
    OperatorCaller(operator): OperatorCaller,
    State(authority): State<Authority>,
    OptionalJson(request): OptionalJson<ReloadRequest>,
) -> Result<Json<BundleView>, Problem> {
    let epoch = if request.immediate {
        Epoch::Raise
    } else {
        Epoch::Keep
    };
    tracing::info!(operator.id = %operator.id, "policies are read again");
    reload::reload(&authority, epoch).await?;
    Ok(Json(bundle_view::read(&authority).await?))
}

//! `GET /v1/policies`

use axum::extract::State;
use countersign_service::credential::ObserverCaller;
use countersign_service::extract::Json;
use countersign_service::problem::{Problem, ProblemDocument};

use crate::authority::Authority;
use crate::bundle_view::{self, BundleView};

/// Reads the active policy bundle: its files, its cases, and why the folder's content was refused, if
/// it was.
#[utoipa::path(get, path = "/v1/policies", tag = "policies", operation_id = "get_policies",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The active bundle", body = BundleView),
        (status = 401, description = "No key", body = ProblemDocument),
        (status = 403, description = "An agent's key", body = ProblemDocument),
    ))]
pub(crate) async fn get_policies(
    _caller: ObserverCaller,
    State(authority): State<Authority>,
) -> Result<Json<BundleView>, Problem> {
    Ok(Json(bundle_view::read(&authority).await?))
}

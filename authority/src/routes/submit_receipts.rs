//! `POST /v1/receipts`

use axum::extract::State;
use countersign_service::credential::ServiceCaller;
use countersign_service::extract::Json;
use countersign_service::problem::{Problem, ProblemDocument};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::authority::Authority;
use crate::receive;

/// Signed receipts, in the order in which they were made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptsRequest {
    /// Compact JWS of type `receipt+jwt`.
    pub(crate) receipts: Vec<String>,
}

/// What was taken.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ReceiptsAnswer {
    /// How many were accepted, those that were known before included.
    pub(crate) accepted: usize,
}

/// Takes the enforcer's receipts, each any number of times.
#[utoipa::path(post, path = "/v1/receipts", tag = "receipts", operation_id = "submit_receipts",
    request_body = ReceiptsRequest, security(("bearer" = [])),
    responses(
        (status = 200, description = "Accepted", body = ReceiptsAnswer),
        (status = 401, description = "No service key", body = ProblemDocument),
        (status = 422, description = "A receipt is not accepted; none of them was taken",
            body = ProblemDocument),
    ))]
pub(crate) async fn submit_receipts(
    _enforcer: ServiceCaller,
    State(authority): State<Authority>,
    Json(request): Json<ReceiptsRequest>,
) -> Result<Json<ReceiptsAnswer>, Problem> {
    let accepted = receive::receive(&authority, &request.receipts).await?;
    Ok(Json(ReceiptsAnswer { accepted }))
}

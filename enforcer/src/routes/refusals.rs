//! `/v1/refusals`: what was refused lately.

use axum::extract::State;
use countersign_service::credential::ObserverCaller;
use countersign_service::extract::{Json, Query};
use countersign_service::problem::ProblemDocument;
use serde::{Deserialize, Serialize};

use crate::refusals::{RefusalView, Refusals};

/// How many refusals to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusalQuery {
    /// At most 1,000.
    limit: Option<usize>,
}

/// Refusals, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RefusalList {
    refusals: Vec<RefusalView>,
}

/// Lists the latest refusals, newest first; like ones within a second are one entry with a count.
#[utoipa::path(
    get,
    path = "/v1/refusals",
    tag = "refusals",
    operation_id = "list_refusals",
    params(RefusalQuery),
    responses(
        (status = 200, description = "The refusals", body = RefusalList),
        (status = 401, description = "No or unknown key", body = ProblemDocument)
    ),
    security(("bearer" = []))
)]
pub(crate) async fn list_refusals(
    _caller: ObserverCaller,
    State(refusals): State<Refusals>,
    Query(query): Query<RefusalQuery>,
) -> Json<RefusalList> {
    Json(RefusalList {
        refusals: refusals.latest(query.limit.unwrap_or(100).min(1_000)),
    })
}

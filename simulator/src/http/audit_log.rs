//! `/v1/audit-log`: what was done to the mini cloud.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use countersign_service::extract::{Json, Query};
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AppState;
use super::caller::Enforcer;
use crate::cloud::Cloud;
use crate::views::assets::AuditView;

/// The largest number of entries in one answer.
const LIMIT: usize = 1_000;

/// Entries, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntries {
    entries: Vec<AuditView>,
}

/// How much is wanted.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// 1 to 1,000; 50 when absent.
    limit: Option<usize>,
}

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/v1/audit-log", get(list_audit_entries))
}

/// Lists what was done, newest first.
#[utoipa::path(
    get, path = "/v1/audit-log", tag = "tools", operation_id = "list_audit_entries",
    security(("bearer" = [])),
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "50 when absent")),
    responses(
        (status = 200, body = AuditEntries),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_audit_entries(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Query(page): Query<Page>,
) -> Result<Json<AuditEntries>, Problem> {
    let limit = page.limit.unwrap_or(50);
    if !(1..=LIMIT).contains(&limit) {
        let detail = format!("`limit` is 1 to {LIMIT}");
        return Err(Problem::new(ProblemType::Invalid, detail).field("field", "limit"));
    }
    let entries = cloud.read(|world| {
        world
            .audit()
            .newest_first()
            .take(limit)
            .map(AuditView::of)
            .collect()
    });
    Ok(Json(AuditEntries { entries }))
}

//! `GET /v1/ledger/entries`

use axum::extract::State;
use countersign_ledger::{Page, PageQuery};
use countersign_service::credential::ObserverCaller;
use countersign_service::extract::{Json, Query};
use countersign_service::problem::{Problem, ProblemDocument};

use crate::authority::Authority;
use crate::store::StoreError;

/// Lists the records of the authority's ledger, each as the exact canonical text that was hashed.
#[utoipa::path(get, path = "/v1/ledger/entries", tag = "ledger", operation_id = "list_entries",
    params(PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "In the order of their indexes", body = Page),
        (status = 401, description = "No key", body = ProblemDocument),
        (status = 403, description = "An agent's key", body = ProblemDocument),
    ))]
pub(crate) async fn list_entries(
    _caller: ObserverCaller,
    State(authority): State<Authority>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page>, Problem> {
    let page = authority
        .ledger
        .page(authority.database.read(), query)
        .await;
    Ok(Json(page.map_err(StoreError::from)?))
}

//! `/v1/ledger/entries`: the enforcer's own ledger.

use axum::extract::State;
use countersign_ledger::{Ledger, Page, PageQuery};
use countersign_service::credential::ObserverCaller;
use countersign_service::database::Database;
use countersign_service::extract::{Json, Query};
use countersign_service::problem::{Problem, ProblemDocument};

/// Lists the ledger's records in their order, as stored.
#[utoipa::path(
    get,
    path = "/v1/ledger/entries",
    tag = "ledger",
    operation_id = "list_ledger_entries",
    params(PageQuery),
    responses(
        (status = 200, description = "The entries", body = Page),
        (status = 401, description = "No or unknown key", body = ProblemDocument)
    ),
    security(("bearer" = []))
)]
pub(crate) async fn list_entries(
    _caller: ObserverCaller,
    State(ledger): State<Ledger>,
    State(database): State<Database>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page>, Problem> {
    Ok(Json(ledger.page(database.read(), query).await?))
}

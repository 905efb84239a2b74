//! `/v1/state`: the whole world, for operators alone.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use countersign_service::extract::Json;
use countersign_service::problem::ProblemDocument;

use super::AppState;
use super::caller::Person;
use crate::cloud::Cloud;
use crate::views::state::StateView;

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/v1/state", get(read_state))
}

/// Reads the whole world, with a hash that changes with every action and fault and with nothing else.
#[utoipa::path(
    get, path = "/v1/state", tag = "operators", operation_id = "read_state",
    security(("bearer" = [])),
    responses(
        (status = 200, body = StateView),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn read_state(_: Person, State(cloud): State<Cloud>) -> Json<StateView> {
    Json(cloud.read(StateView::of))
}

//! `/v1/keys`: the API keys of services.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use countersign_service::extract::{Json, Path};
use countersign_service::problem::{Problem, ProblemDocument};

use super::caller::Enforcer;
use super::{AppState, refuse};
use crate::cloud::Cloud;
use crate::views::assets::KeyView;

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/v1/keys/{target_id}/rotate", post(rotate_key))
}

/// Replaces the API key of a service and counts it; the key itself is not answered.
#[utoipa::path(
    post, path = "/v1/keys/{target_id}/rotate", tag = "tools", operation_id = "rotate_key",
    security(("bearer" = [])),
    params(("target_id" = String, Path)),
    responses(
        (status = 200, body = KeyView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn rotate_key(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Path(target_id): Path<String>,
) -> Result<Json<KeyView>, Problem> {
    let key = cloud.change(|world, now| world.rotate_key(now, &target_id));
    key.map(|key| Json(KeyView::of(&key)))
        .map_err(|error| refuse(&error))
}

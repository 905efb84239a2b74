//! `GET /v1/control`

use axum::extract::State;
use countersign_service::credential::ObserverCaller;
use countersign_service::extract::Json;
use countersign_service::problem::{Problem, ProblemDocument};

use crate::authority::Authority;
use crate::command;
use crate::control::ControlView;

/// Reads what is stopped, the policy epoch and the key set: what enforcers hold a copy of.
#[utoipa::path(get, path = "/v1/control", tag = "control", operation_id = "get_control",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The control document", body = ControlView),
        (status = 401, description = "No key", body = ProblemDocument),
        (status = 403, description = "An agent's key", body = ProblemDocument),
    ))]
pub(crate) async fn get_control(
    _caller: ObserverCaller,
    State(authority): State<Authority>,
) -> Result<Json<ControlView>, Problem> {
    let now = authority.now();
    let mut connection = authority.read().await?;
    Ok(Json(
        command::document(&authority, &mut connection, now).await?,
    ))
}

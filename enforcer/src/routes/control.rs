//! `/v1/control`: the authority pushes what is stopped and which keys count.

use axum::extract::State;
use countersign_service::clock::Clock;
use countersign_service::credential::ServiceCaller;
use countersign_service::extract::Json;
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use serde::Serialize;

use crate::control::{Control, ControlDocument, ControlError};
use crate::journal::{Journal, PutError};

/// The generation in force.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ControlTaken {
    generation: u64,
}

/// Puts a control document in force.
///
/// When this answers, the document is recorded and nothing is spent under an older one. A generation
/// behind the one in force is refused.
#[utoipa::path(
    put,
    path = "/v1/control",
    tag = "control",
    operation_id = "put_control",
    request_body = ControlDocument,
    responses(
        (status = 200, description = "It is in force", body = ControlTaken),
        (status = 401, description = "No or unknown key", body = ProblemDocument),
        (status = 403, description = "Not another role", body = ProblemDocument),
        (status = 409, description = "A newer one is in force", body = ProblemDocument),
        (status = 422, description = "A key is not usable", body = ProblemDocument),
        (status = 503, description = "It cannot be recorded", body = ProblemDocument)
    ),
    security(("bearer" = []))
)]
pub(crate) async fn put_control(
    _caller: ServiceCaller,
    State(journal): State<Journal>,
    State(control): State<Control>,
    State(clock): State<Clock>,
    Json(document): Json<ControlDocument>,
) -> Result<Json<ControlTaken>, Problem> {
    let heard = clock.monotonic();
    let generation = if control.is_current(&document) {
        document.generation
    } else {
        journal
            .put_control(document)
            .await
            .map_err(|error| refuse(&error))?
    };
    control.confirm(heard);
    Ok(Json(ControlTaken { generation }))
}

fn refuse(error: &PutError) -> Problem {
    let kind = match error {
        PutError::Refused(ControlError::Behind { .. }) => ProblemType::Conflict,
        PutError::Refused(ControlError::Key(_)) => ProblemType::Invalid,
        PutError::Unrecorded => ProblemType::STORE_UNAVAILABLE,
    };
    Problem::new(kind, error.to_string())
}

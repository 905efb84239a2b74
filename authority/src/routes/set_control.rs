//! `POST /v1/control`

use axum::extract::State;
use countersign_service::credential::OperatorCaller;
use countersign_service::extract::Json;
use countersign_service::problem::{Problem, ProblemDocument};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::authority::Authority;
use crate::command::{self, Action, Command};
use crate::control::Scope;

/// A command.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlRequest {
    /// Stop, or let run.
    pub(crate) action: Action,
    /// What: `all`, `tenant:T`, `agent:A`, `tool:T`, `plan:P` or `key:KID`.
    #[schema(value_type = String)]
    pub(crate) scope: Scope,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// Who took a command.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ControlAnswer {
    /// The generation of the control document now.
    pub(crate) generation: u64,
    /// The enforcers that took it.
    pub(crate) acknowledged: Vec<String>,
    /// Those that did not: they learn it at their next poll, and stop by themselves within 5 s if they
    /// cannot.
    pub(crate) missing: Vec<String>,
}

/// Stops a scope or lets it run again, and tells every enforcer before it answers.
#[utoipa::path(post, path = "/v1/control", tag = "control", operation_id = "set_control",
    request_body = ControlRequest, security(("bearer" = [])),
    responses(
        (status = 200, description = "Recorded", body = ControlAnswer),
        (status = 401, description = "No operator's key", body = ProblemDocument),
        (status = 422, description = "No command", body = ProblemDocument),
    ))]
pub(crate) async fn set_control(
    OperatorCaller(operator): OperatorCaller,
    State(authority): State<Authority>,
    Json(request): Json<ControlRequest>,
) -> Result<Json<ControlAnswer>, Problem> {
    let ControlRequest {
        action,
        scope,
        reason,
    } = request;
    let command = Command {
        action,
        scope,
        by: operator.id.to_string(),
        reason,
    };
    let (generation, taken) = command::carry_out(&authority, command).await?;
    Ok(Json(ControlAnswer {
        generation,
        acknowledged: taken.acknowledged,
        missing: taken.missing,
    }))
}

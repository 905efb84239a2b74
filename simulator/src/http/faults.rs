//! `/v1/faults`: break things, see what is broken, heal it. For operators alone.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get};
use countersign_service::extract::{Json, Path};
use countersign_service::problem::{Problem, ProblemDocument};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Person;
use super::{AppState, refuse};
use crate::cloud::Cloud;
use crate::views::state::FaultView;
use crate::world::faults::FaultKind;
use crate::world::ids::FaultId;

/// Active faults, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Faults {
    faults: Vec<FaultView>,
}

/// What to break.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Inject {
    kind: Kind,
    /// The service; for a storm the number of probes, 1 to 500; for a reset nothing.
    #[serde(default)]
    target: String,
}

/// The kinds of faults, and the end of all of them.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// The process ends.
    Crash,
    /// The process answers many times slower.
    Degrade,
    /// A new version fails its health checks.
    BadDeploy,
    /// Memory fills up.
    MemoryLeak,
    /// Two and a half times the ordinary load.
    TrafficSpike,
    /// Many monitoring probes hang at once.
    Storm,
    /// Everything is as at the start.
    Reset,
}

/// That the world is as at the start.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorldReset {
    /// `reset`.
    kind: &'static str,
    at: Timestamp,
}

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/v1/faults", get(list_faults).post(inject_fault))
        .route("/v1/faults/{fault_id}", delete(clear_fault))
}

/// Lists active faults. A fault that was healed, by whomever, is gone from here.
#[utoipa::path(
    get, path = "/v1/faults", tag = "operators", operation_id = "list_faults",
    security(("bearer" = [])),
    responses(
        (status = 200, body = Faults),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_faults(_: Person, State(cloud): State<Cloud>) -> Json<Faults> {
    let faults = cloud.read(|world| world.faults().iter().map(FaultView::of).collect());
    Json(Faults { faults })
}

/// Breaks something, or with `reset` restores the world.
#[utoipa::path(
    post, path = "/v1/faults", tag = "operators", operation_id = "inject_fault",
    security(("bearer" = [])),
    request_body = Inject,
    responses(
        (status = 200, body = WorldReset),
        (status = 201, body = FaultView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn inject_fault(
    _: Person,
    State(cloud): State<Cloud>,
    Json(body): Json<Inject>,
) -> Result<Response, Problem> {
    let kind = match body.kind {
        Kind::Crash => FaultKind::Crash,
        Kind::Degrade => FaultKind::Degrade,
        Kind::BadDeploy => FaultKind::BadDeploy,
        Kind::MemoryLeak => FaultKind::MemoryLeak,
        Kind::TrafficSpike => FaultKind::TrafficSpike,
        Kind::Storm => FaultKind::Storm,
        Kind::Reset => {
            let at = cloud.change(|world, now| {
                world.reset(now);
                world.now()
            });
            return Ok(Json(WorldReset { kind: "reset", at }).into_response());
        }
    };
    let fault = cloud
        .change(|world, now| world.inject(now, kind, &body.target))
        .map_err(|error| refuse(&error))?;
    Ok((StatusCode::CREATED, Json(FaultView::of(&fault))).into_response())
}

/// Heals one fault.
#[utoipa::path(
    delete, path = "/v1/faults/{fault_id}", tag = "operators", operation_id = "clear_fault",
    security(("bearer" = [])),
    params(("fault_id" = String, Path)),
    responses(
        (status = 200, body = FaultView, description = "The fault that was healed"),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn clear_fault(
    _: Person,
    State(cloud): State<Cloud>,
    Path(fault_id): Path<String>,
) -> Result<Json<FaultView>, Problem> {
    let fault = cloud.change(|world, now| world.clear_fault(now, &FaultId::new(fault_id)));
    fault
        .map(|fault| Json(FaultView::of(&fault)))
        .map_err(|error| refuse(&error))
}

//! `/v1/services`: read, restart, scale, change of version, shutdown.

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use countersign_service::extract::{Json, Path, RawBody, read_json};
use countersign_service::problem::{Problem, ProblemDocument};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Enforcer;
use super::{AppState, refuse};
use crate::cloud::Cloud;
use crate::views::infra::ServiceView;
use crate::world::World;
use crate::world::actions::ActionError;
use crate::world::ids::ServiceId;

/// All services.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Services {
    /// By name.
    services: Vec<ServiceView>,
}

/// How many replicas are wanted.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scale {
    /// 0 to 100.
    #[schema(maximum = 100)]
    replicas: u64,
}

/// Which version is wanted.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rollback {
    /// One of the service's versions; the one before the current one when absent.
    version: Option<String>,
}

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/v1/services", get(list_services))
        .route("/v1/services/{service_id}", get(read_service))
        .route("/v1/services/{service_id}/restart", post(restart_service))
        .route("/v1/services/{service_id}/scale", post(scale_service))
        .route("/v1/services/{service_id}/rollback", post(rollback_service))
        .route("/v1/services/{service_id}/shutdown", post(shutdown_service))
}

/// Lists all services.
#[utoipa::path(
    get, path = "/v1/services", tag = "tools", operation_id = "list_services",
    security(("bearer" = [])),
    responses(
        (status = 200, body = Services),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_services(_: Enforcer, State(cloud): State<Cloud>) -> Json<Services> {
    Json(Services {
        services: cloud.read(ServiceView::all),
    })
}

/// Reads one service.
#[utoipa::path(
    get, path = "/v1/services/{service_id}", tag = "tools", operation_id = "read_service",
    security(("bearer" = [])),
    params(("service_id" = String, Path)),
    responses(
        (status = 200, body = ServiceView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn read_service(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Path(service_id): Path<String>,
) -> Result<Json<ServiceView>, Problem> {
    cloud
        .read(|world| view(world, &service_id))
        .map(Json)
        .map_err(|error| refuse(&error))
}

/// Replaces all processes of a service.
#[utoipa::path(
    post, path = "/v1/services/{service_id}/restart", tag = "tools",
    operation_id = "restart_service",
    security(("bearer" = [])),
    params(("service_id" = String, Path)),
    responses(
        (status = 200, body = ServiceView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn restart_service(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Path(service_id): Path<String>,
) -> Result<Json<ServiceView>, Problem> {
    act(&cloud, |world, now| world.restart(now, &service_id))
}

/// Sets how many replicas a service has.
#[utoipa::path(
    post, path = "/v1/services/{service_id}/scale", tag = "tools", operation_id = "scale_service",
    security(("bearer" = [])),
    params(("service_id" = String, Path)),
    request_body = Scale,
    responses(
        (status = 200, body = ServiceView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn scale_service(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Path(service_id): Path<String>,
    Json(body): Json<Scale>,
) -> Result<Json<ServiceView>, Problem> {
    act(&cloud, |world, now| {
        world.scale(now, &service_id, body.replicas)
    })
}

/// Puts an earlier version of a service into service. The body may be absent.
#[utoipa::path(
    post, path = "/v1/services/{service_id}/rollback", tag = "tools",
    operation_id = "rollback_service",
    security(("bearer" = [])),
    params(("service_id" = String, Path)),
    request_body = Option<Rollback>,
    responses(
        (status = 200, body = ServiceView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn rollback_service(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Path(service_id): Path<String>,
    RawBody(body): RawBody,
) -> Result<Json<ServiceView>, Problem> {
    let body = if body.is_empty() {
        Rollback::default()
    } else {
        read_json(&body)?
    };
    act(&cloud, |world, now| {
        world.set_version(now, &service_id, body.version.as_deref())
    })
}

/// Stops a service until somebody starts it again.
#[utoipa::path(
    post, path = "/v1/services/{service_id}/shutdown", tag = "tools",
    operation_id = "shutdown_service",
    security(("bearer" = [])),
    params(("service_id" = String, Path)),
    responses(
        (status = 200, body = ServiceView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn shutdown_service(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Path(service_id): Path<String>,
) -> Result<Json<ServiceView>, Problem> {
    act(&cloud, |world, now| world.shutdown(now, &service_id))
}

fn act(
    cloud: &Cloud,
    action: impl FnOnce(&mut World, Timestamp) -> Result<ServiceId, ActionError>,
) -> Result<Json<ServiceView>, Problem> {
    cloud
        .change(|world, now| {
            let id = action(world, now)?;
            view(world, id.as_str())
        })
        .map(Json)
        .map_err(|error| refuse(&error))
}

fn view(world: &World, id: &str) -> Result<ServiceView, ActionError> {
    world
        .service(id)
        .map(|(service, metrics)| ServiceView::of(service, metrics))
}

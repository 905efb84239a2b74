//! `/v1/alerts`: list, resolve; `/mcp/alerts/create`: report by hand.

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use countersign_service::extract::{Json, Path, Query};
use countersign_service::problem::{Problem, ProblemDocument};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{Enforcer, Person, Reader};
use super::{AppState, refuse, text};
use crate::cloud::Cloud;
use crate::views::infra::{AlertStatus, AlertView};
use crate::world::alerts::{Alert, Severity};

/// Alerts, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alerts {
    alerts: Vec<AlertView>,
}

/// Which alerts are wanted; all when nothing is named.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Only those that are open, or resolved.
    status: Option<AlertStatus>,
    /// Only those of this urgency.
    severity: Option<Severity>,
}

/// Why an alert needs no further attention.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolution {
    /// 1 to 2,000 characters.
    note: String,
}

/// What a person saw.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    /// The service or database that it is about.
    resource_id: String,
    severity: Severity,
    /// 1 to 2,000 characters.
    msg: String,
}

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/v1/alerts", get(list_alerts))
        .route("/v1/alerts/{alert_id}/resolve", post(resolve_alert))
        .route("/mcp/alerts/create", post(create_alert))
}

/// Lists alerts; also with an operator key.
#[utoipa::path(
    get, path = "/v1/alerts", tag = "tools", operation_id = "list_alerts",
    security(("bearer" = [])),
    params(
        ("status" = Option<AlertStatus>, Query, description = "Only open or resolved ones"),
        ("severity" = Option<Severity>, Query, description = "Only those of this urgency"),
    ),
    responses(
        (status = 200, body = Alerts),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_alerts(
    _: Reader,
    State(cloud): State<Cloud>,
    Query(filter): Query<Filter>,
) -> Json<Alerts> {
    let wanted = |alert: &&Alert| {
        filter
            .status
            .is_none_or(|status| AlertStatus::of(alert) == status)
            && filter
                .severity
                .is_none_or(|severity| alert.severity == severity)
    };
    let alerts = cloud.read(|world| {
        world
            .alerts()
            .iter()
            .rev()
            .filter(wanted)
            .map(AlertView::of)
            .collect()
    });
    Json(Alerts { alerts })
}

/// Closes an alert with a note. While its cause persists, another one follows.
#[utoipa::path(
    post, path = "/v1/alerts/{alert_id}/resolve", tag = "tools", operation_id = "resolve_alert",
    security(("bearer" = [])),
    params(("alert_id" = String, Path)),
    request_body = Resolution,
    responses(
        (status = 200, body = AlertView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn resolve_alert(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Path(alert_id): Path<String>,
    Json(body): Json<Resolution>,
) -> Result<Json<AlertView>, Problem> {
    let note = text("note", body.note, 2_000)?;
    let alert = cloud.change(|world, now| world.resolve_alert(now, &alert_id, note));
    alert
        .map(|alert| Json(AlertView::of(&alert)))
        .map_err(|error| refuse(&error))
}

/// Adds an alert that a person reports.
#[utoipa::path(
    post, path = "/mcp/alerts/create", tag = "operators", operation_id = "create_alert",
    security(("bearer" = [])),
    request_body = Report,
    responses(
        (status = 201, body = AlertView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_alert(
    person: Person,
    State(cloud): State<Cloud>,
    Json(body): Json<Report>,
) -> Result<(StatusCode, Json<AlertView>), Problem> {
    let resource = text("resource_id", body.resource_id, 128)?;
    let msg = text("msg", body.msg, 2_000)?;
    let alert = cloud
        .change(|world, now| world.create_alert(now, &person.name, &resource, body.severity, msg));
    let alert = alert.map_err(|error| refuse(&error))?;
    Ok((StatusCode::CREATED, Json(AlertView::of(&alert))))
}

//! `/v1/databases`: backup, restore, wipe.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use countersign_service::extract::{Json, Path};
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Enforcer;
use super::{AppState, refuse};
use crate::cloud::Cloud;
use crate::views::assets::{BackupView, DatabaseView};
use crate::world::World;
use crate::world::actions::ActionError;
use crate::world::data::Database;

/// A backup that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackedUp {
    db_id: String,
    #[serde(flatten)]
    backup: BackupView,
}

/// Which backup is wanted.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restore {
    backup_id: String,
}

/// That the wipe is meant.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wipe {
    /// The name of the database again.
    confirm: String,
}

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/v1/databases/{db_id}/backups", post(create_backup))
        .route("/v1/databases/{db_id}/restore", post(restore_database))
        .route("/v1/databases/{db_id}/wipe", post(wipe_database))
}

/// Copies what a database holds.
#[utoipa::path(
    post, path = "/v1/databases/{db_id}/backups", tag = "tools", operation_id = "create_backup",
    security(("bearer" = [])),
    params(("db_id" = String, Path)),
    responses(
        (status = 201, body = BackedUp),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_backup(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Path(db_id): Path<String>,
) -> Result<(StatusCode, Json<BackedUp>), Problem> {
    let (database, backup) = cloud
        .change(|world, now| world.back_up(now, &db_id))
        .map_err(|error| refuse(&error))?;
    let made = BackedUp {
        db_id: database.id.to_string(),
        backup: BackupView::of(&backup),
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Replaces what a database holds by a backup.
#[utoipa::path(
    post, path = "/v1/databases/{db_id}/restore", tag = "tools", operation_id = "restore_database",
    security(("bearer" = [])),
    params(("db_id" = String, Path)),
    request_body = Restore,
    responses(
        (status = 200, body = DatabaseView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn restore_database(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Path(db_id): Path<String>,
    Json(body): Json<Restore>,
) -> Result<Json<DatabaseView>, Problem> {
    act(&cloud, |world, now| {
        world.restore(now, &db_id, &body.backup_id)
    })
}

/// Deletes everything in a database.
#[utoipa::path(
    post, path = "/v1/databases/{db_id}/wipe", tag = "tools", operation_id = "wipe_database",
    security(("bearer" = [])),
    params(("db_id" = String, Path)),
    request_body = Wipe,
    responses(
        (status = 200, body = DatabaseView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn wipe_database(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Path(db_id): Path<String>,
    Json(body): Json<Wipe>,
) -> Result<Json<DatabaseView>, Problem> {
    if body.confirm != db_id {
        let detail = "`confirm` is not the name of the database";
        return Err(Problem::new(ProblemType::Invalid, detail).field("field", "confirm"));
    }
    act(&cloud, |world, now| world.wipe(now, &db_id))
}

fn act(
    cloud: &Cloud,
    action: impl FnOnce(&mut World, Timestamp) -> Result<Database, ActionError>,
) -> Result<Json<DatabaseView>, Problem> {
    cloud
        .change(|world, now| {
            let database = action(world, now)?;
            Ok(DatabaseView::of(world, &database))
        })
        .map(Json)
        .map_err(|error| refuse(&error))
}

//! `/v1/users`: accounts.

use axum::Router;
use axum::extract::State;
use axum::routing::{delete, get, post, put};
use countersign_service::extract::{Json, Path};
use countersign_service::problem::{Problem, ProblemDocument};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Enforcer;
use super::{AppState, refuse, text};
use crate::cloud::Cloud;
use crate::views::assets::UserView;
use crate::world::World;
use crate::world::actions::ActionError;
use crate::world::identity::{Lock, NewUser, User};

/// All accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Users {
    /// By name.
    users: Vec<UserView>,
}

/// What a new account is made of; each text has 1 to 200 characters.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateUser {
    user_id: String,
    name: String,
    email: String,
    role: String,
}

/// Another role.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeRole {
    /// 1 to 200 characters.
    role: String,
}

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/v1/users", get(list_users).post(create_user))
        .route("/v1/users/{user_id}", delete(delete_user))
        .route("/v1/users/{user_id}/role", put(change_user_role))
        .route(
            "/v1/users/{user_id}/password-reset",
            post(reset_user_password),
        )
        .route("/v1/users/{user_id}/lock", post(lock_user))
        .route("/v1/users/{user_id}/unlock", post(unlock_user))
}

/// Lists all accounts.
#[utoipa::path(
    get, path = "/v1/users", tag = "tools", operation_id = "list_users",
    security(("bearer" = [])),
    responses(
        (status = 200, body = Users),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_users(_: Enforcer, State(cloud): State<Cloud>) -> Json<Users> {
    Json(Users {
        users: cloud.read(|world| world.users().map(UserView::of).collect()),
    })
}

/// Creates an account.
#[utoipa::path(
    post, path = "/v1/users", tag = "tools", operation_id = "create_user",
    security(("bearer" = [])),
    request_body = CreateUser,
    responses(
        (status = 201, body = UserView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_user(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Json(body): Json<CreateUser>,
) -> Result<(StatusCode, Json<UserView>), Problem> {
    let new = NewUser {
        id: text("user_id", body.user_id, 200)?,
        name: text("name", body.name, 200)?,
        email: text("email", body.email, 200)?,
        role: text("role", body.role, 200)?,
    };
    let user = act(&cloud, |world, now| world.create_user(now, new))?;
    Ok((StatusCode::CREATED, user))
}

/// Removes an account; answers what it was.
#[utoipa::path(
    delete, path = "/v1/users/{user_id}", tag = "tools", operation_id = "delete_user",
    security(("bearer" = [])),
    params(("user_id" = String, Path)),
    responses(
        (status = 200, body = UserView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_user(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Path(user_id): Path<String>,
) -> Result<Json<UserView>, Problem> {
    act(&cloud, |world, now| world.remove_user(now, &user_id))
}

/// Gives an account another role.
#[utoipa::path(
    put, path = "/v1/users/{user_id}/role", tag = "tools", operation_id = "change_user_role",
    security(("bearer" = [])),
    params(("user_id" = String, Path)),
    request_body = ChangeRole,
    responses(
        (status = 200, body = UserView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_user_role(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Path(user_id): Path<String>,
    Json(body): Json<ChangeRole>,
) -> Result<Json<UserView>, Problem> {
    let role = text("role", body.role, 200)?;
    act(&cloud, |world, now| world.change_role(now, &user_id, role))
}

/// Makes the password of an account useless and counts it.
#[utoipa::path(
    post, path = "/v1/users/{user_id}/password-reset", tag = "tools",
    operation_id = "reset_user_password",
    security(("bearer" = [])),
    params(("user_id" = String, Path)),
    responses(
        (status = 200, body = UserView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn reset_user_password(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Path(user_id): Path<String>,
) -> Result<Json<UserView>, Problem> {
    act(&cloud, |world, now| world.reset_password(now, &user_id))
}

/// Stops an account from signing in.
#[utoipa::path(
    post, path = "/v1/users/{user_id}/lock", tag = "tools", operation_id = "lock_user",
    security(("bearer" = [])),
    params(("user_id" = String, Path)),
    responses(
        (status = 200, body = UserView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn lock_user(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Path(user_id): Path<String>,
) -> Result<Json<UserView>, Problem> {
    act(&cloud, |world, now| {
        world.set_lock(now, &user_id, Lock::Locked)
    })
}

/// Lets an account sign in again.
#[utoipa::path(
    post, path = "/v1/users/{user_id}/unlock", tag = "tools", operation_id = "unlock_user",
    security(("bearer" = [])),
    params(("user_id" = String, Path)),
    responses(
        (status = 200, body = UserView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn unlock_user(
    _: Enforcer,
    State(cloud): State<Cloud>,
    Path(user_id): Path<String>,
) -> Result<Json<UserView>, Problem> {
    act(&cloud, |world, now| {
        world.set_lock(now, &user_id, Lock::Open)
    })
}

fn act(
    cloud: &Cloud,
    action: impl FnOnce(&mut World, Timestamp) -> Result<User, ActionError>,
) -> Result<Json<UserView>, Problem> {
    cloud
        .change(action)
        .map(|user| Json(UserView::of(&user)))
        .map_err(|error| refuse(&error))
}

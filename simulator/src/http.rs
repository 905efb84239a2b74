//! The mini cloud over HTTP: the tool API for the enforcer, everything else for operators.

mod alerts;
mod audit_log;
mod caller;
mod databases;
mod faults;
mod keys;
mod services;
mod state;
mod users;

use axum::Router;
use axum::extract::FromRef;
use countersign_service::credential::Credentials;
use countersign_service::problem::{Problem, ProblemType};
use utoipa::OpenApi;

use crate::cloud::Cloud;
use crate::world::actions::ActionError;

/// What the handlers work with.
#[derive(Clone, Debug)]
pub(crate) struct AppState {
    pub(crate) cloud: Cloud,
    pub(crate) credentials: Credentials,
}

/// All routes of the simulator beside those that every server has.
pub(crate) fn router(state: AppState) -> Router {
    Router::new()
        .merge(services::routes())
        .merge(alerts::routes())
        .merge(users::routes())
        .merge(databases::routes())
        .merge(keys::routes())
        .merge(audit_log::routes())
        .merge(faults::routes())
        .merge(state::routes())
        .with_state(state)
}

/// The description of all handlers.
#[derive(Debug, OpenApi)]
#[openapi(paths(
    services::list_services,
    services::read_service,
    services::restart_service,
    services::scale_service,
    services::rollback_service,
    services::shutdown_service,
    alerts::list_alerts,
    alerts::resolve_alert,
    alerts::create_alert,
    users::list_users,
    users::create_user,
    users::delete_user,
    users::change_user_role,
    users::reset_user_password,
    users::lock_user,
    users::unlock_user,
    databases::create_backup,
    databases::restore_database,
    databases::wipe_database,
    keys::rotate_key,
    audit_log::list_audit_entries,
    faults::list_faults,
    faults::inject_fault,
    faults::clear_fault,
    state::read_state,
))]
pub(crate) struct Paths;

impl FromRef<AppState> for Cloud {
    fn from_ref(state: &AppState) -> Self {
        state.cloud.clone()
    }
}

impl FromRef<AppState> for Credentials {
    fn from_ref(state: &AppState) -> Self {
        state.credentials.clone()
    }
}

/// The answer to an action that was not carried out.
fn refuse(error: &ActionError) -> Problem {
    let kind = match error {
        ActionError::Unknown { .. } => ProblemType::NotFound,
        ActionError::Conflict(_) => ProblemType::Conflict,
        ActionError::Invalid(_) => ProblemType::Invalid,
    };
    Problem::new(kind, error.to_string())
}

/// Takes a text of 1 to `limit` characters.
fn text(field: &'static str, value: String, limit: usize) -> Result<String, Problem> {
    if value.trim().is_empty() || value.chars().count() > limit {
        let detail = format!("`{field}` has 1 to {limit} characters");
        return Err(Problem::new(ProblemType::Invalid, detail).field("field", field));
    }
    Ok(value)
}

#[cfg(test)]
mod tests;

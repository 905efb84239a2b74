//! What the console is connected to.

use axum::extract::State;
use countersign_service::extract::Json;
use countersign_service::problem::ProblemDocument;
use jiff::Timestamp;
use serde::Serialize;

use super::session::Session;
use super::{AppState, Demo};

/// What the console is connected to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ConsoleMeta {
    /// The roles behind it.
    services: Vec<&'static str>,
    /// Whether a simulator is among them.
    simulator: bool,
    /// Whether this is the demo.
    demo: bool,
    /// The console's version.
    version: &'static str,
    /// Its time now.
    time: Timestamp,
}

/// Says what the console is connected to.
#[utoipa::path(
    get,
    path = "/api/meta",
    tag = "console",
    operation_id = "get_console_meta",
    responses(
        (status = 200, description = "The roles behind it", body = ConsoleMeta),
        (status = 401, description = "Nobody is signed in", body = ProblemDocument)
    ),
    security(("session" = []))
)]
pub(super) async fn get_console_meta(
    _session: Session,
    State(state): State<AppState>,
) -> Json<ConsoleMeta> {
    Json(ConsoleMeta {
        services: state.roles.keys().copied().collect(),
        simulator: state.roles.contains_key("simulator"),
        demo: state.demo == Demo::Yes,
        version: env!("CARGO_PKG_VERSION"),
        time: state.clock.now(),
    })
}

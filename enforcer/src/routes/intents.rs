//! `/v1/intents/{jti}`: what became of a token, for the authority.

use axum::extract::State;
use countersign_intent::id::IntentId;
use countersign_service::credential::ServiceCaller;
use countersign_service::extract::{Json, Path};
use countersign_service::problem::{Problem, ProblemDocument};
use jiff::Timestamp;
use serde::Serialize;

use crate::execution::Resolution;
use crate::journal::Journal;

/// The state of a token.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct IntentState {
    /// The token's id.
    jti: IntentId,
    /// `unused`, or the state of its call.
    state: &'static str,
    /// How a doubt was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<Resolution>,
    /// The enforcer's time: a token that is unused and has expired by then will never run.
    now: Timestamp,
}

/// Says what became of a token.
///
/// The time is never behind what the journal has seen. Of an `unused` token the journal keeps it durably,
/// and refuses every token that expired by then, whatever the clock does later: so `unused` with an
/// expiry before `now` is final.
#[utoipa::path(
    get,
    path = "/v1/intents/{jti}",
    tag = "intents",
    operation_id = "get_intent",
    params(("jti" = IntentId, Path, description = "The token's id")),
    responses(
        (status = 200, description = "The token's state", body = IntentState),
        (status = 401, description = "No or unknown key", body = ProblemDocument),
        (status = 403, description = "Not another role", body = ProblemDocument),
        (status = 503, description = "The journal does not answer", body = ProblemDocument)
    ),
    security(("bearer" = []))
)]
pub(crate) async fn show_intent(
    _caller: ServiceCaller,
    State(journal): State<Journal>,
    Path(jti): Path<IntentId>,
) -> Result<Json<IntentState>, Problem> {
    let now = journal.shared().now()?;
    let call = journal.look_up(jti.clone()).await?;
    // Of an unused token the journal kept the time that it saw; a clock may go back in between.
    let now = match &call {
        Some(_) => now,
        None => now.min(journal.shared().high_water()),
    };
    let state = call.as_ref().map_or("unused", |call| call.state.as_str());
    let resolution = call.as_ref().and_then(|call| call.state.resolution());
    Ok(Json(IntentState {
        jti,
        state,
        resolution,
        now,
    }))
}

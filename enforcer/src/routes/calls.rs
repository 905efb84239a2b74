//! `/v1/calls`: running calls, and what became of them.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use countersign_intent::id::AttemptId;
use countersign_service::credential::AnyCaller;
use countersign_service::database::Database;
use countersign_service::extract::{Json, Path, Query};
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::door;
use crate::execute::CallAnswer;
use crate::execution::State as CallState;
use crate::gate::Knock;
use crate::journal::Journal;
use crate::journal::call::{Call, CallView};
use crate::journal::store::calls::{self, Listing};
use crate::journal::store::words;
use crate::state::Doorway;

/// Calls in one answer, at most.
const MAX_LISTED: u32 = 500;
const LISTED: u32 = 100;

/// A call.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "documents the body, which is read by the strict reader"
)]
pub(crate) struct CallRequest {
    /// The tool.
    tool: String,
    /// Its parameters, exactly as approved.
    #[schema(value_type = Object)]
    params: Map<String, Value>,
}

/// Runs a call that an intent token authorizes, at most once.
///
/// The request is rendered again from tool and parameters; what was sent here is never forwarded.
#[utoipa::path(
    post,
    path = "/v1/calls",
    tag = "calls",
    operation_id = "run_call",
    request_body = CallRequest,
    params(
        ("Intent-Token" = String, Header, description = "The intent token"),
        ("Intent-Approvals" = Option<String>, Header, description = "The approvals that the token names"),
        ("Intent-Proof" = Option<String>, Header, description = "The agent's proof of possession, where it registered a key")
    ),
    responses(
        (status = 200, description = "What became of the call", body = CallAnswer),
        (status = 400, description = "The body cannot be read", body = ProblemDocument),
        (status = 401, description = "No agent key, or no valid token", body = ProblemDocument),
        (status = 403, description = "Not the approved call, or stopped", body = ProblemDocument),
        (status = 409, description = "The token was used", body = ProblemDocument),
        (status = 422, description = "The parameters do not fit the tool", body = ProblemDocument),
        (status = 502, description = "Sent, but the outcome is not recorded", body = ProblemDocument),
        (status = 429, description = "Too many calls are being refused", body = ProblemDocument),
        (status = 503, description = "Nothing can be started now", body = ProblemDocument)
    ),
    security(("bearer" = [], "intent_token" = []))
)]
#[tracing::instrument(level = "debug", skip_all)]
pub(crate) async fn run_call(
    State(doorway): State<Doorway>,
    request: Request,
) -> Result<Json<CallAnswer>, Problem> {
    let (head, body) = request.into_parts();
    let token = match door::token_header(&head.headers) {
        Ok(token) => token,
        Err(problem) => return Err(door::reject(&doorway, std::convert::identity, problem).await),
    };
    // What is wrong with the body counts only once the token is known to be genuine.
    let body = door::read_body(&head, body).await;
    let asked = body.and_then(|body| door::asked(&body, "tool", "params", &[]));
    let knock = Knock {
        token,
        head: &head,
        asked,
    };
    door::pass(&doorway, std::convert::identity, knock)
        .await
        .map(Json)
}

/// Which calls to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallQuery {
    /// `consumed`, `done`, `not_sent`, `in_doubt` or `resolved`.
    state: Option<String>,
    /// How many, at most 500.
    limit: Option<u32>,
}

/// Calls, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CallList {
    calls: Vec<CallView>,
}

/// Lists calls, newest first. An agent sees its own.
#[utoipa::path(
    get,
    path = "/v1/calls",
    tag = "calls",
    operation_id = "list_calls",
    params(CallQuery),
    responses(
        (status = 200, description = "The calls", body = CallList),
        (status = 401, description = "No or unknown key", body = ProblemDocument),
        (status = 422, description = "There is no such state", body = ProblemDocument)
    ),
    security(("bearer" = []))
)]
pub(crate) async fn list_calls(
    caller: AnyCaller,
    State(journal): State<Journal>,
    State(database): State<Database>,
    Query(query): Query<CallQuery>,
) -> Result<Json<CallList>, Problem> {
    let agent = match caller {
        AnyCaller::Agent(agent) => Some(agent.id.clone()),
        AnyCaller::Operator(_) | AnyCaller::Service => None,
    };
    let limit = i64::from(query.limit.unwrap_or(LISTED).clamp(1, MAX_LISTED));
    let state = query.state.as_deref().map(state_name).transpose()?;
    let listing = Listing {
        state,
        agent,
        limit,
    };
    let tenant = &journal.shared().tenant;
    let found = calls::list(database.read(), tenant, &listing).await?;
    let mut words = BTreeMap::new();
    if found.iter().any(|call| call.state == CallState::InDoubt) {
        words = words::of_doubts(database.read(), tenant).await?;
    }
    let view = |call: &Call| call.view_with(words.remove(&call.jti).unwrap_or_default());
    Ok(Json(CallList {
        calls: found.iter().map(view).collect(),
    }))
}

fn state_name(text: &str) -> Result<&'static str, Problem> {
    const STATES: [&str; 5] = ["consumed", "done", "not_sent", "in_doubt", "resolved"];
    STATES
        .into_iter()
        .find(|state| *state == text)
        .ok_or_else(|| {
            let detail = format!("`state` is one of {}", STATES.join(", "));
            Problem::new(ProblemType::Invalid, detail).field("field", "state")
        })
}

/// Shows one call. An agent sees its own.
#[utoipa::path(
    get,
    path = "/v1/calls/{attempt}",
    tag = "calls",
    operation_id = "get_call",
    params(("attempt" = AttemptId, Path, description = "The attempt")),
    responses(
        (status = 200, description = "The call", body = CallView),
        (status = 401, description = "No or unknown key", body = ProblemDocument),
        (status = 404, description = "No such call", body = ProblemDocument)
    ),
    security(("bearer" = []))
)]
pub(crate) async fn show_call(
    caller: AnyCaller,
    State(journal): State<Journal>,
    State(database): State<Database>,
    Path(attempt): Path<AttemptId>,
) -> Result<Json<CallView>, Problem> {
    let call = calls::by_attempt(database.read(), &journal.shared().tenant, &attempt).await?;
    let visible = call.filter(|call| match &caller {
        AnyCaller::Agent(agent) => agent.id == call.agent,
        AnyCaller::Operator(_) | AnyCaller::Service => true,
    });
    let call = visible.ok_or_else(|| unknown(&attempt))?;
    let words = match call.state {
        CallState::InDoubt | CallState::Resolved(_) => {
            words::of(database.read(), &call.tenant, &call.jti).await?
        }
        CallState::Consumed | CallState::NotSent | CallState::Done(_) => Vec::new(),
    };
    Ok(Json(call.view_with(words)))
}

/// There is no call of this attempt, or none that the caller may see.
pub(super) fn unknown(attempt: &AttemptId) -> Problem {
    Problem::new(
        ProblemType::NotFound,
        format!("there is no call `{attempt}`"),
    )
}

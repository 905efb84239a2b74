//! `/v1/calls/{attempt}/resolution`: an operator settles a doubt.

use axum::extract::State;
use countersign_intent::id::AttemptId;
use countersign_service::credential::{Credentials, OperatorCaller};
use countersign_service::database::Database;
use countersign_service::extract::{Json, Path};
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use http::StatusCode;
use serde::Deserialize;

use super::calls::unknown;
use crate::execution::{Event, Resolution};
use crate::journal::Journal;
use crate::journal::call::CallView;
use crate::journal::settle::{Settle, SettleError};
use crate::journal::store::calls;
use crate::journal::words::Word;
use crate::stamp;

/// The longest evidence or reason, in bytes: two people's words, escaped, fit one record.
const MAX_TEXT: usize = 2_000;

/// What an operator found out.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResolutionRequest {
    /// Whether the call ran.
    resolution: Resolution,
    /// What shows it: an upstream's log line, a state that was read.
    evidence: String,
    /// Why this was concluded.
    reason: String,
}

/// Settles a call in doubt. `not_executed` lets the authority issue a new token for the step; the old
/// one never runs.
///
/// A call on data, or one that destroys, takes the same word of two people: the first is recorded and
/// answered 202, and a person's later word stands in place of their earlier one.
#[utoipa::path(
    post,
    path = "/v1/calls/{attempt}/resolution",
    tag = "calls",
    operation_id = "resolve_call",
    params(("attempt" = AttemptId, Path, description = "The attempt in doubt")),
    request_body = ResolutionRequest,
    responses(
        (status = 200, description = "The call as it is now", body = CallView),
        (status = 202, description = "Recorded; one more person must say the same", body = CallView),
        (status = 401, description = "No or unknown key", body = ProblemDocument),
        (status = 403, description = "Not an operator", body = ProblemDocument),
        (status = 404, description = "No such call", body = ProblemDocument),
        (status = 409, description = "The call is not in doubt, or another person said otherwise", body = ProblemDocument),
        (status = 422, description = "Evidence or reason is missing", body = ProblemDocument)
    ),
    security(("bearer" = []))
)]
#[tracing::instrument(skip_all, fields(call.attempt = %attempt))]
pub(crate) async fn resolve_call(
    OperatorCaller(operator): OperatorCaller,
    State(journal): State<Journal>,
    State(database): State<Database>,
    State(credentials): State<Credentials>,
    Path(attempt): Path<AttemptId>,
    Json(body): Json<ResolutionRequest>,
) -> Result<(StatusCode, Json<CallView>), Problem> {
    let evidence = text("evidence", &body.evidence)?;
    let reason = text("reason", &body.reason)?;
    let call = calls::by_attempt(database.read(), &journal.shared().tenant, &attempt).await?;
    let call = call.ok_or_else(|| unknown(&attempt))?;
    let word = Word {
        by: operator.id.clone(),
        resolution: body.resolution,
        evidence,
        reason,
        at: stamp::whole_millis(journal.shared().clock.now()),
    };
    // Who is no longer an operator has no say, whatever they said before.
    let directory = credentials.directory().snapshot();
    let people = directory.operators().map(|person| person.id.clone());
    let settle = Settle::of(&call.jti, &attempt, Event::Settled(body.resolution))
        .on_word_of(word)
        .among(people.collect());
    match journal.settle(settle).await {
        Ok(settled) => {
            let moved = settled.moved();
            let resolution = body.resolution.as_str();
            tracing::info!(
                call.resolution = resolution,
                call.settled = moved,
                "took a word on a doubt"
            );
            let status = if moved {
                StatusCode::OK
            } else {
                StatusCode::ACCEPTED
            };
            Ok((status, Json(settled.call.view_with(settled.words))))
        }
        Err(SettleError::Differs(other)) => {
            let (by, said) = (&other.by, other.resolution.as_str());
            let detail = format!(
                "`{by}` said `{said}`: two people must say the same, so one of you looks again"
            );
            Err(Problem::new(ProblemType::Conflict, detail).field("said", said))
        }
        Err(SettleError::Unknown) => Err(unknown(&attempt)),
        Err(SettleError::NoTransition(state)) => {
            let detail = format!("the call is {state}, and only a call in doubt can be resolved");
            Err(Problem::new(ProblemType::Conflict, detail).field("state", state.as_str()))
        }
        Err(SettleError::Unrecorded) => {
            let detail = "the resolution cannot be recorded";
            Err(Problem::new(ProblemType::STORE_UNAVAILABLE, detail))
        }
    }
}

fn text(field: &'static str, value: &str) -> Result<String, Problem> {
    let value = value.trim().to_owned();
    if value.is_empty() || value.len() > MAX_TEXT {
        let detail = format!("`{field}` has 1 to {MAX_TEXT} bytes");
        return Err(Problem::new(ProblemType::Invalid, detail).field("field", field));
    }
    Ok(value)
}

//! What the doors share: reading a body in bounded time, knocking, and taking note of refusals.

use std::time::Duration;

use axum::extract::{FromRequest as _, Request};
use bytes::Bytes;
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_service::extract::RawBody;
use countersign_service::problem::{Problem, ProblemType};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use crate::execute::CallAnswer;
use crate::gate::{Asked, Knock};
use crate::refusals::Subject;
use crate::state::Doorway;

/// How long a caller may take to send a body.
const BODY_LIMIT: Duration = Duration::from_secs(10);

/// Reads the body of a request to a door.
pub(super) async fn read_body(request: Request) -> Result<Bytes, Problem> {
    let reading = tokio::time::timeout(BODY_LIMIT, RawBody::from_request(request, &()));
    match reading.await {
        Ok(body) => body.map(|RawBody(bytes)| bytes),
        Err(_) => Err(Problem::new(
            ProblemType::Timeout,
            "the body did not come in time",
        )),
    }
}

/// The intent token of the header `Intent-Token`; a repeated or unreadable one is malformed.
pub(super) fn token_header(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all("intent-token").iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(malformed("the `Intent-Token` header is not readable")),
        },
        (Some(_), Some(_)) => Err(malformed("`Intent-Token` was sent more than once")),
    }
}

fn malformed(message: &str) -> Problem {
    Refusal::new(RefusalCode::TokenMalformed, message).into()
}

/// A problem with the parameters as they came: `params_invalid`, answered 400 when unreadable.
pub(super) fn unreadable(message: impl Into<String>) -> Problem {
    let refusal = Refusal::new(RefusalCode::ParamsInvalid, message);
    Problem::from(refusal).answered(StatusCode::BAD_REQUEST)
}

/// Tool and parameters out of a body's members; other members are refused.
pub(super) fn asked(
    body: &[u8],
    tool_name: &str,
    params_name: &str,
    others: &[&str],
) -> Result<Asked, Problem> {
    let wrong = |message: String| Problem::from(Refusal::new(RefusalCode::ParamsInvalid, message));
    let value = countersign_intent::json::read(body)
        .map_err(|error| unreadable(format!("the body cannot be read: {error}")))?;
    let Value::Object(mut members) = value else {
        return Err(unreadable("the body is not a JSON object"));
    };
    let tool = match members.remove(tool_name) {
        Some(Value::String(tool)) => tool,
        Some(_) => return Err(wrong(format!("`{tool_name}` is not a string"))),
        None => return Err(wrong(format!("`{tool_name}` is missing"))),
    };
    let params = match members.remove(params_name) {
        Some(Value::Object(params)) => params,
        None => Map::new(),
        Some(_) => return Err(wrong(format!("`{params_name}` is not an object"))),
    };
    match members.keys().find(|name| !others.contains(&name.as_str())) {
        Some(other) => Err(wrong(format!("`{other}` is not a member of a call"))),
        None => Ok(Asked { tool, params }),
    }
}

/// How a door words what the gate refuses.
pub(super) type Wording = fn(Problem) -> Problem;

/// Lets a call through the gate and runs it; a refusal is counted, shown and recorded as it is
/// answered.
pub(super) async fn pass(
    doorway: &Doorway,
    wording: Wording,
    knock: Knock<'_>,
) -> Result<CallAnswer, Problem> {
    let mut subject = Subject::default();
    let outcome = match doorway.gate.admit(knock, &mut subject) {
        Ok(admitted) => match doorway.places.take() {
            Ok(place) => doorway.executor.run(admitted, place).await,
            Err(refusal) => Err(refusal.into()),
        },
        Err(problem) => Err(problem),
    };
    outcome.map_err(|problem| {
        let problem = wording(problem);
        doorway.refusals.note(&problem, &subject);
        problem
    })
}

/// Takes note of a refusal before the gate.
pub(super) fn refuse(doorway: &Doorway, wording: Wording, problem: Problem) -> Problem {
    let problem = wording(problem);
    doorway.refusals.note(&problem, &Subject::default());
    problem
}

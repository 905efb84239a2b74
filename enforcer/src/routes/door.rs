//! What the doors share: reading a body, knocking, and taking note of refusals.

use axum::body::Body;
use bytes::Bytes;
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_service::extract;
use countersign_service::problem::Problem;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use crate::execute::CallAnswer;
use crate::gate::{Asked, Knock};
use crate::header;
use crate::refusals::Subject;
use crate::state::Doorway;

/// Reads the body of a request to a door.
pub(super) async fn read_body(head: &Parts, body: Body) -> Result<Bytes, Problem> {
    extract::read_body(&head.headers, body).await
}

/// The intent token of the header `Intent-Token`; a repeated or unreadable one is malformed.
pub(super) fn token_header(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    header::single(headers, "Intent-Token")
        .map_err(|why| Refusal::new(RefusalCode::TokenMalformed, why).into())
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
/// answered, and what fails at the gate is answered at the pace of refusals.
pub(super) async fn pass(
    doorway: &Doorway,
    wording: Wording,
    knock: Knock<'_>,
) -> Result<CallAnswer, Problem> {
    let mut subject = Subject::default();
    let admitted = match doorway.gate.admit(knock, &mut subject) {
        Ok(admitted) => admitted,
        Err(problem) => return Err(refuse(doorway, wording, problem, &subject).await),
    };
    let outcome = match doorway.places.take() {
        Ok(place) => doorway.executor.run(admitted, place).await,
        Err(refusal) => Err(refusal.into()),
    };
    outcome.map_err(|problem| {
        let problem = wording(problem);
        doorway.refusals.note(&problem, &subject);
        problem
    })
}

/// Takes note of a refusal before the gate; its answer waits for the pace of refusals.
pub(super) async fn refuse(
    doorway: &Doorway,
    wording: Wording,
    problem: Problem,
    subject: &Subject,
) -> Problem {
    let problem = wording(problem);
    doorway.refusals.note(&problem, subject);
    doorway.pace.hold(problem).await
}

/// As [`refuse`], of a request that is about nothing known yet.
pub(super) async fn reject(doorway: &Doorway, wording: Wording, problem: Problem) -> Problem {
    refuse(doorway, wording, problem, &Subject::default()).await
}

//! What passes through: the upstream's status, a safe content type, the body, and the receipt.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use countersign_intent::receipt::Outcome;
use countersign_intent::tool::is_json_type;
use countersign_service::problem::{Problem, ProblemType};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::execute::CallAnswer;

static ATTEMPT: HeaderName = HeaderName::from_static("intent-attempt");
static OUTCOME: HeaderName = HeaderName::from_static("intent-outcome");
static RECEIPT: HeaderName = HeaderName::from_static("intent-receipt");

/// Types besides JSON's that no browser runs.
const PLAIN: [&str; 3] = ["text/plain", "application/yaml", "application/octet-stream"];

/// The answer to a request whose call was admitted: the upstream's; or a problem with attempt, outcome
/// and receipt, 502 when nothing was sent or the answer cannot pass whole, 504 when it is not known
/// whether the call ran.
pub(super) fn relay(answer: &CallAnswer) -> Response {
    let (status, detail) = match answer.outcome {
        Outcome::Done if answer.truncated => {
            let detail = "the call was done, and its answer is too long to pass through";
            (StatusCode::BAD_GATEWAY, detail.to_owned())
        }
        Outcome::Done => match answer.status.map(StatusCode::from_u16) {
            Some(Ok(status)) => return passed(status, answer),
            Some(Err(_)) | None => (
                StatusCode::BAD_GATEWAY,
                "the call was done, and its answer has no status".to_owned(),
            ),
        },
        Outcome::NotSent => (StatusCode::BAD_GATEWAY, because("nothing was sent", answer)),
        Outcome::InDoubt | Outcome::ResolvedExecuted | Outcome::ResolvedNotExecuted => (
            StatusCode::GATEWAY_TIMEOUT,
            because("whether the call ran is not known", answer),
        ),
    };
    let problem = Problem::new(ProblemType::UpstreamFailed, detail)
        .answered(status)
        .field("attempt", answer.attempt.as_str())
        .field("outcome", text(answer.outcome))
        .field("receipt", answer.receipt.as_str());
    let mut response = problem.into_response();
    mark(&mut response, answer);
    response
}

fn because(what: &str, answer: &CallAnswer) -> String {
    match &answer.cause {
        Some(cause) => format!("{what}: {cause}"),
        None => what.to_owned(),
    }
}

fn passed(status: StatusCode, answer: &CallAnswer) -> Response {
    let mut response = Response::new(Body::from(answer.passed.body.clone()));
    *response.status_mut() = status;
    if !answer.passed.body.is_empty() || answer.passed.content_type.is_some() {
        let content_type = safe(answer.passed.content_type.as_ref());
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    mark(&mut response, answer);
    response
}

/// The upstream's content type where no browser runs such a thing; else that of plain bytes.
fn safe(given: Option<&HeaderValue>) -> HeaderValue {
    let text = given
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    let is_safe = is_json_type(&essence) || PLAIN.contains(&essence.as_str());
    match given {
        Some(value) if is_safe => value.clone(),
        Some(_) | None => HeaderValue::from_static("application/octet-stream"),
    }
}

fn mark(response: &mut Response, answer: &CallAnswer) {
    let values = [
        (&ATTEMPT, answer.attempt.as_str()),
        (&OUTCOME, text(answer.outcome)),
        (&RECEIPT, answer.receipt.as_str()),
    ];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name.clone(), value);
        }
    }
}

/// The outcome's word, as in answers and receipts.
const fn text(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::NotSent => "not_sent",
        Outcome::InDoubt => "in_doubt",
        Outcome::ResolvedExecuted => "resolved_executed",
        Outcome::ResolvedNotExecuted => "resolved_not_executed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_a_browser_runs_do_not_pass() {
        for (given, passed) in [
            ("application/json", "application/json"),
            (
                "application/json; charset=utf-8",
                "application/json; charset=utf-8",
            ),
            ("application/problem+json", "application/problem+json"),
            ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
            ("text/html", "application/octet-stream"),
            ("image/svg+xml", "application/octet-stream"),
            ("text/html; x=application/json", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            let value = HeaderValue::from_static(given);
            assert_eq!(safe(Some(&value)), passed, "{given}");
        }
        assert_eq!(safe(None), "application/octet-stream");
    }
}

//! `/proxy/{upstream}/{path}`: a plain HTTP request to the real path, with a token.
//!
//! Method, path, query and body say which tool is meant and with which parameters; the checks are those
//! of every door, and what goes upstream is rendered from tool and parameters. The received bytes are
//! read, compared and dropped.

mod answer;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use countersign_intent::catalogue::Catalogue;
use countersign_intent::json;
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::route::Received;
use countersign_intent::tool::is_json_type;
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::door;
use crate::gate::{Asked, Knock};
use crate::refusals::Subject;
use crate::state::Doorway;

/// Where the door is.
pub(super) const PREFIX: &str = "/proxy/";

/// Forwards the call that a plain HTTP request means, as its tool renders it, at most once.
///
/// Takes GET, HEAD, POST, PUT, PATCH and DELETE. The tool is found by upstream, method and path; its
/// parameters come from path, query and body. The upstream's status, content type and body pass
/// through, with what the enforcer did in the header fields `Intent-Attempt`, `Intent-Outcome` and
/// `Intent-Receipt`. A request without a token is told which tool and parameters it means, so that its
/// sender knows what to ask the authority for.
#[utoipa::path(
    get,
    path = "/proxy/{upstream}/{path}",
    tag = "proxy",
    operation_id = "proxy_call",
    params(
        ("upstream" = String, Path, description = "An upstream of the catalogue"),
        ("path" = String, Path, description = "The real path, with any query, and any of the methods that tools have"),
        ("Intent-Token" = String, Header, description = "The intent token"),
        ("Intent-Approvals" = Option<String>, Header, description = "The approvals that the token names"),
        ("Intent-Proof" = Option<String>, Header, description = "The agent's proof of possession, where it registered a key")
    ),
    responses(
        (status = 200, description = "What the upstream answered, whatever its status", headers(
            ("Intent-Attempt" = String, description = "The attempt"),
            ("Intent-Outcome" = String, description = "`done`"),
            ("Intent-Receipt" = String, description = "The enforcer's signed word on it")
        )),
        (status = 400, description = "The body cannot be read, or is no JSON", body = ProblemDocument),
        (status = 401, description = "No agent key, or no valid token; `tool` and `params` say what the request means", body = ProblemDocument),
        (status = 403, description = "Not the approved call, or stopped", body = ProblemDocument),
        (status = 404, description = "No tool has this method and path", body = ProblemDocument),
        (status = 405, description = "No tool has this method anywhere", body = ProblemDocument),
        (status = 409, description = "The token was used", body = ProblemDocument),
        (status = 422, description = "The request does not fit the tool, is ambiguous, or its path can be read in two ways", body = ProblemDocument),
        (status = 502, description = "Nothing was sent, or the answer cannot pass", body = ProblemDocument),
        (status = 429, description = "Too many calls are being refused", body = ProblemDocument),
        (status = 503, description = "Nothing can be started now", body = ProblemDocument),
        (status = 504, description = "Sent, and whether it ran is not known", body = ProblemDocument)
    ),
    security(("bearer" = [], "intent_token" = []))
)]
#[tracing::instrument(level = "debug", skip_all)]
pub(crate) async fn proxy_call(
    State(doorway): State<Doorway>,
    request: Request,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let token = match door::token_header(&head.headers) {
        Ok(token) => token,
        Err(problem) => return Err(door::reject(&doorway, wording, problem).await),
    };
    let body = door::read_body(&head, body).await;
    let asked = body.and_then(|body| asked(&doorway.gate.books.snapshot(), &head, &body));
    if token.is_none_or(|token| token.trim().is_empty()) {
        let (problem, subject) = without_token(asked);
        return Err(door::refuse(&doorway, wording, problem, &subject).await);
    }
    let knock = Knock {
        token,
        head: &head,
        asked,
    };
    let answer = door::pass(&doorway, wording, knock).await?;
    Ok(answer::relay(&answer))
}

/// The statuses of this door: those of every door, but 404 for a path that no tool has.
fn wording(problem: Problem) -> Problem {
    if problem.kind() == ProblemType::Refused(RefusalCode::ToolUnknown) {
        problem.answered(StatusCode::NOT_FOUND)
    } else {
        problem
    }
}

/// What the request means, for a sender who has no token yet.
fn without_token(asked: Result<Asked, Problem>) -> (Problem, Subject) {
    let mut subject = Subject::default();
    let problem = match asked {
        Err(problem) => problem,
        Ok(asked) => {
            subject.tool = asked.tool.parse().ok();
            let message = "no intent token came with the request: ask the authority for one for this tool and these parameters, and send it in the `Intent-Token` header";
            Problem::from(Refusal::new(RefusalCode::TokenMissing, message))
                .field("tool", asked.tool)
                .field("params", Value::Object(asked.params))
        }
    };
    (problem, subject)
}

/// The tool and the parameters that the request means.
fn asked(catalogue: &Catalogue, head: &Parts, body: &Bytes) -> Result<Asked, Problem> {
    let (upstream, path) = target(head.uri.path())?;
    let media_type = media_type(&head.headers, body)?;
    let body = match body.as_ref() {
        b"" => None,
        bytes => Some(
            json::read(bytes)
                .map_err(|error| door::unreadable(format!("the body cannot be read: {error}")))?,
        ),
    };
    let routed = catalogue.route(&Received {
        upstream,
        method: head.method.as_str(),
        path,
        query: head.uri.query(),
        media_type: media_type.as_deref(),
        body: body.as_ref(),
    })?;
    Ok(Asked {
        tool: routed.tool.name.to_string(),
        params: routed.params,
    })
}

/// The upstream's name and the path below it, as they stand in the request line.
fn target(path: &str) -> Result<(&str, &str), Problem> {
    let rest = path.strip_prefix(PREFIX).unwrap_or_default();
    let end = rest.find('/').unwrap_or(rest.len());
    let (upstream, path) = rest.split_at_checked(end).unwrap_or_default();
    if path.is_empty() || upstream.is_empty() {
        let message = "write `/proxy/UPSTREAM/PATH`: nothing stands here";
        return Err(Refusal::new(RefusalCode::ToolUnknown, message).into());
    }
    Ok((upstream, path))
}

/// The media type of a body: one of JSON's, in UTF-8, or none given.
fn media_type(headers: &HeaderMap, body: &Bytes) -> Result<Option<String>, Problem> {
    let wrong = || {
        door::unreadable(
            "`Content-Type` of a body is `application/json` or `application/…+json`, once, in UTF-8",
        )
    };
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (first, second) = (values.next(), values.next());
    let Some(value) = first.filter(|_| !body.is_empty()) else {
        return Ok(None);
    };
    let text = value
        .to_str()
        .map_err(|_cause| wrong())?
        .to_ascii_lowercase();
    let (essence, params) = text.split_once(';').unwrap_or((&text, ""));
    let essence = essence.trim();
    let utf8 = matches!(params.trim(), "" | "charset=utf-8" | "charset=\"utf-8\"");
    if second.is_some() || !utf8 || !is_json_type(essence) {
        return Err(wrong());
    }
    Ok(Some(essence.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_is_the_name_and_everything_below_it() {
        assert_eq!(target("/proxy/cloud/v1/x").unwrap(), ("cloud", "/v1/x"));
        assert_eq!(target("/proxy/cloud//v1/").unwrap(), ("cloud", "//v1/"));
        assert_eq!(target("/proxy/cloud/").unwrap(), ("cloud", "/"));
        for path in ["/proxy/cloud", "/proxy//v1", "/proxy/"] {
            assert_eq!(target(path).unwrap_err().code(), "tool_unknown", "{path}");
        }
    }

    #[test]
    fn bodies_are_json_or_of_its_family() {
        let of = |value: &str, body: &'static [u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
            media_type(&headers, &Bytes::from_static(body)).ok()
        };
        let patch = Some("application/merge-patch+json".to_owned());
        assert_eq!(
            of("Application/Merge-Patch+JSON; charset=utf-8", b"{}"),
            Some(patch)
        );
        assert_eq!(of("text/html", b""), Some(None));
        for value in [
            "text/html",
            "application/x-www-form-urlencoded",
            "application/json; charset=utf-16",
            "application/json, text/html",
            "application/+json",
            "application/xml",
        ] {
            assert_eq!(of(value, b"{}"), None, "{value}");
        }
    }
}

//! How a refusal is worded: as a problem, or as Kubernetes' API tells of failures.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use countersign_service::client::PeerError;
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::json;

/// How refusals are worded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wording {
    /// RFC 9457.
    Problem,
    /// `Status` of Kubernetes' API.
    Kubernetes,
}

/// A request that is not forwarded, or whose call did not go well.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Box<ProblemDocument>);

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem.document()))
    }
}

impl From<PeerError> for Refused {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Problem(problem) => Self(problem),
            other @ (PeerError::Unreachable { .. } | PeerError::Unreadable { .. } | _) => {
                Problem::new(ProblemType::UpstreamFailed, other.to_string()).into()
            }
        }
    }
}

impl Refused {
    /// The answer to the client.
    pub(super) fn answer(&self, wording: Wording) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let (content_type, body) = match wording {
            Wording::Problem => (
                "application/problem+json",
                serde_json::to_vec(&self.0).unwrap_or_default(),
            ),
            Wording::Kubernetes => ("application/json", status_object(&self.0).into_bytes()),
        };
        let mut response = (status, Body::from(body)).into_response();
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }
}

/// The problem as a `Status`, whose message names the policies.
fn status_object(problem: &ProblemDocument) -> String {
    let reason = match problem.status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        409 => "Conflict",
        422 => "Invalid",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    let object = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": sentence(problem),
        "reason": reason,
        "code": problem.status,
    });
    object.to_string()
}

/// What happened and why, on one line.
pub(super) fn sentence(problem: &ProblemDocument) -> String {
    let mut parts = vec![format!("{}: {}", problem.code, problem.detail)];
    for reason in &problem.reasons {
        parts.push(match &reason.policy {
            Some(policy) => format!("{} (policy {policy})", reason.message),
            None => reason.message.clone(),
        });
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use countersign_service::problem::Reason;

    use super::*;

    #[test]
    fn a_denial_names_its_policies_in_both_wordings() {
        let reason = Reason {
            code: "forbidden".to_owned(),
            message: "no agent deletes a namespace".to_owned(),
            policy: Some("k8s-namespaces-stay".to_owned()),
        };
        let problem = Problem::new(
            ProblemType::PlanDenied,
            "policy denies `k8s.namespace.delete`",
        );
        let refused = Refused::from(problem.reasons([reason]).policies(["k8s-namespaces-stay"]));
        let object: serde_json::Value = serde_json::from_str(&status_object(&refused.0)).unwrap();
        assert_eq!(
            (&object["kind"], &object["code"]),
            (&json!("Status"), &json!(403))
        );
        assert_eq!(
            object["message"],
            "plan_denied: policy denies `k8s.namespace.delete`; no agent deletes a namespace (policy k8s-namespaces-stay)"
        );
        let answer = refused.answer(Wording::Problem);
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
    }
}

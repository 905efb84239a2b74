//! Problems (RFC 9457): the one shape of every failed answer.
//!
//! A [`ProblemType`] gives URI, title and status; a [`Problem`] adds what happened. Each type has a row in
//! `docs/problems.md`.

mod kind;
mod log;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use countersign_intent::refusal::{self, Refusal};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::server::request_id;

pub use kind::{ProblemType, UnknownProblem};
pub use log::error_chain;

/// One reason of a verdict or a refusal.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Stable, `snake_case`.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
    /// The policy that gave it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// A problem as it travels: `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProblemDocument {
    /// `https://countersign.dev/problems/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The type in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable, `snake_case`; clients decide by it.
    pub code: String,
    /// What happened this time, for a person.
    pub detail: String,
    /// Why, for a denial.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// The ids of the policies that decided, for a denial.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// To be quoted when asking the operator; it stands in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Further members of some types, such as `field` or `approval_id`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A failed request: type, what happened, and for denials why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {detail}", kind.code())]
pub struct Problem {
    kind: ProblemType,
    status: Option<StatusCode>,
    detail: Cow<'static, str>,
    reasons: Vec<Reason>,
    policies: Vec<String>,
    extra: BTreeMap<String, Value>,
    retry_after: Option<Duration>,
}

impl Problem {
    /// A problem of `kind`; `detail` tells a person what happened, in one sentence without a full stop. Of
    /// a long one the beginning is kept: it may quote what a stranger sent.
    ///
    /// The detail of an `internal` problem goes to the log and never to the client.
    pub fn new(kind: ProblemType, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            status: None,
            detail: match detail.into() {
                Cow::Owned(detail) => Cow::Owned(refusal::shortened(detail)),
                detail @ Cow::Borrowed(_) => detail,
            },
            reasons: Vec::new(),
            policies: Vec::new(),
            extra: BTreeMap::new(),
            retry_after: None,
        }
    }

    /// A 500 caused by `error`, whose chain goes to the log now; the client learns the request id only.
    pub fn internal(error: &(dyn Error + 'static)) -> Self {
        Self::caused(
            ProblemType::Internal,
            "the request failed inside the server",
            error,
        )
    }

    /// A problem of `kind` caused by `error`, whose chain goes to the log now; the client reads `detail`.
    pub fn caused(
        kind: ProblemType,
        detail: impl Into<Cow<'static, str>>,
        error: &(dyn Error + 'static),
    ) -> Self {
        log::failure(kind, &error_chain(error));
        Self::new(kind, detail)
    }

    /// Adds why it was denied.
    #[must_use]
    pub fn reasons(mut self, reasons: impl IntoIterator<Item = Reason>) -> Self {
        self.reasons.extend(reasons);
        self
    }

    /// Adds the ids of the policies that decided.
    #[must_use]
    pub fn policies(mut self, policies: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.policies.extend(policies.into_iter().map(Into::into));
        self
    }

    /// Adds a member. The members of RFC 9457 and our own cannot be replaced by it.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        const TAKEN: [&str; 8] = [
            "type",
            "title",
            "status",
            "code",
            "detail",
            "reasons",
            "policies",
            "request_id",
        ];
        if !TAKEN.contains(&name) {
            self.extra.insert(name.to_owned(), value.into());
        }
        self
    }

    /// Says when to try again (`Retry-After`, in whole seconds, at least one).
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// The type.
    pub fn kind(&self) -> ProblemType {
        self.kind
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// Answers `status` in place of the type's own: a door whose contract has fewer statuses.
    #[must_use]
    pub fn answered(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status.unwrap_or_else(|| self.kind.status())
    }

    /// What happened, as the server knows it (an `internal` detail is not shown to clients).
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The document as it travels, with the id of the request being served.
    pub fn document(&self) -> ProblemDocument {
        let hidden = self.kind == ProblemType::Internal;
        let detail = if hidden {
            "the request failed inside the server"
        } else {
            self.detail.as_ref()
        };
        ProblemDocument {
            kind: self.kind.uri(),
            title: self.kind.title().to_owned(),
            status: self.status().as_u16(),
            code: self.code().to_owned(),
            detail: detail.to_owned(),
            reasons: self.reasons.clone(),
            policies: self.policies.clone(),
            request_id: request_id(),
            extra: self.extra.clone().into_iter().collect(),
        }
    }

    /// The document as a JSON value, for envelopes of other protocols.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self.document()).unwrap_or_default()
    }

    fn retry_seconds(&self) -> Option<u64> {
        let unavailable = matches!(
            self.status(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        let after = self
            .retry_after
            .or_else(|| unavailable.then_some(Duration::from_secs(1)))?;
        Some(after.as_secs().max(1))
    }

    fn challenge(&self) -> Option<HeaderValue> {
        if self.status() != StatusCode::UNAUTHORIZED {
            return None;
        }
        let code = self.code();
        let challenge = if self.kind == ProblemType::CredentialMissing {
            r#"Bearer realm="countersign""#.to_owned()
        } else if let ProblemType::Refused(_) = self.kind {
            format!(
                r#"Bearer realm="countersign", Intent-Token realm="countersign", error="{code}""#
            )
        } else {
            r#"Bearer realm="countersign", error="invalid_token""#.to_owned()
        };
        HeaderValue::from_str(&challenge).ok()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(ProblemType::Refused(refusal.code), refusal.message)
    }
}

impl From<sqlx::Error> for Problem {
    /// A store that does not answer is `store_unavailable`; every other database error is `internal`.
    fn from(error: sqlx::Error) -> Self {
        if crate::database::is_unavailable(&error) {
            let kind = ProblemType::STORE_UNAVAILABLE;
            Self::caused(kind, "the database does not answer", &error)
        } else {
            Self::internal(&error)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if self.kind == ProblemType::Internal {
            tracing::error!(problem.detail = %self.detail, "answering an internal error");
        }
        let body = serde_json::to_vec(&self.document()).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_seconds() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self.kind);
        response
    }
}

#[cfg(test)]
mod tests;

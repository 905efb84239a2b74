//! The enforcer as an agent sees it: one door, one token per call.

use countersign_intent::id::{AttemptId, ToolName};
use countersign_service::client::{Peer, PeerError};
use http::{HeaderMap, HeaderValue, Method};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::authority::IssuedToken;
use crate::run::event::{Answer, Outcome};
use crate::run::view::Failure;

/// The enforcer, called with the agent's key.
#[derive(Clone, Debug)]
pub(crate) struct Enforcer(Peer);

#[derive(Serialize)]
struct CallRequest<'a> {
    tool: &'a ToolName,
    params: &'a Map<String, Value>,
}

#[derive(Deserialize)]
struct CallAnswer {
    #[serde(default)]
    attempt: Option<AttemptId>,
    outcome: String,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    result: Option<Value>,
    #[serde(default)]
    receipt: Option<String>,
}

/// Why a call brought no answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CallError {
    /// The enforcer refused it.
    Refused(Failure),
    /// The enforcer cannot work now; nothing was consumed and the same token may be shown again.
    Busy(Failure),
    /// The call did not reach the enforcer.
    NotSent(String),
    /// Whether it ran is not known.
    Lost(String),
}

/// Refusals that say "not now" and consume nothing.
const BUSY: [&str; 4] = [
    "overload",
    "control_stale",
    "store_unavailable",
    "clock_behind",
];
/// Refusals after which the call may have run.
const IN_DOUBT: [&str; 2] = ["consume_unknown", "outcome_unrecorded"];

impl Enforcer {
    /// The enforcer behind `peer`, whose key is the agent's.
    pub(crate) fn new(peer: Peer) -> Self {
        Self(peer)
    }

    /// Sends one call under its token.
    pub(crate) async fn call(
        &self,
        token: &IssuedToken,
        tool: &ToolName,
        params: &Map<String, Value>,
    ) -> Result<Answer, CallError> {
        let mut headers = HeaderMap::new();
        let value = |text: &str| {
            let unusable = || {
                Failure::new(
                    "token_malformed",
                    "the token cannot stand in a header field",
                )
            };
            HeaderValue::from_str(text).map_err(|_cause| CallError::Refused(unusable()))
        };
        let mut secret = value(&token.token)?;
        secret.set_sensitive(true);
        headers.insert("intent-token", secret);
        if let Some(approvals) = &token.approvals {
            headers.insert("intent-approvals", value(approvals)?);
        }
        let body = CallRequest { tool, params };
        let answer = self
            .0
            .call::<_, CallAnswer>(Method::POST, "/v1/calls", &headers, Some(&body))
            .await;
        match answer {
            Ok(answer) => Ok(read(answer.body)),
            Err(error) => Err(failed(&error)),
        }
    }
}

fn read(answer: CallAnswer) -> Answer {
    let outcome = match answer.outcome.as_str() {
        "done" => Outcome::Done,
        "not_sent" => Outcome::NotSent,
        // An outcome that is not known is one in doubt.
        _ => Outcome::InDoubt,
    };
    Answer {
        attempt: answer.attempt,
        outcome,
        status: answer.status,
        result: answer.result,
        receipt: answer.receipt,
    }
}

fn failed(error: &PeerError) -> CallError {
    if error.not_sent() {
        return CallError::NotSent(error.to_string());
    }
    let Some(problem) = error.problem() else {
        return CallError::Lost(error.to_string());
    };
    let code = problem.code.as_str();
    let failure = Failure::new(code, problem.detail.clone());
    if BUSY.contains(&code) {
        CallError::Busy(failure)
    } else if IN_DOUBT.contains(&code) || (problem.status >= 500 && code != "unavailable") {
        CallError::Lost(problem.detail.clone())
    } else {
        CallError::Refused(failure)
    }
}

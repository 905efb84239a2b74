//! The authority as an agent sees it.

use std::sync::Arc;

use countersign_intent::id::{ApprovalId, AttemptId, PlanId, StepId};
use countersign_intent::plan::PlanRequest;
use countersign_intent::tool::{Effect, ToolError};
use countersign_service::client::{Peer, PeerError};
use countersign_service::problem::Reason;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::run::event::{JudgedStep, Judgement};
use crate::run::view::Verdict;
use crate::tools::{ToolList, Toolbox};

/// The authority, asked with the agent's key.
#[derive(Clone, Debug)]
pub(crate) struct Authority(Peer);

/// A plan as the authority answers it, as far as the planner reads it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PlanAnswer {
    pub(crate) plan_id: PlanId,
    pub(crate) verdict: Verdict,
    pub(crate) steps: Vec<StepAnswer>,
}

/// A step of a [`PlanAnswer`].
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct StepAnswer {
    pub(crate) id: StepId,
    #[serde(default)]
    pub(crate) effect: Option<Effect>,
    pub(crate) verdict: Verdict,
    #[serde(default)]
    pub(crate) reasons: Vec<Reason>,
    #[serde(default)]
    pub(crate) policies: Vec<String>,
    #[serde(default)]
    pub(crate) approval_id: Option<ApprovalId>,
    #[serde(default)]
    pub(crate) request: Option<Value>,
    #[serde(default)]
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) attempt: Option<AttemptId>,
    #[serde(default)]
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) receipt: Option<String>,
}

/// What a token request came to.
#[derive(Clone, Debug)]
pub(crate) enum Token {
    /// The token, with the approvals that go with it.
    Issued(IssuedToken),
    /// A person has not answered yet.
    Waiting(Option<ApprovalId>),
}

/// A token in the hand of its agent: never stored, never logged.
#[derive(Clone, Deserialize)]
pub(crate) struct IssuedToken {
    /// The compact JWS.
    pub(crate) token: String,
    /// When it expires.
    pub(crate) expires_at: jiff::Timestamp,
    /// The header `Intent-Approvals`.
    #[serde(default)]
    pub(crate) approvals: Option<String>,
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("IssuedToken")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Waiting {
    #[serde(default)]
    approval_id: Option<ApprovalId>,
}

#[derive(Serialize)]
struct TokenRequest<'a> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    receipts: &'a [String],
}

/// The tools could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolsError {
    /// No answer, or a problem.
    #[error("the authority does not tell its tools")]
    Peer(#[from] PeerError),
    /// A tool does not fit.
    #[error("the authority tells a tool that does not fit")]
    Tool(#[from] ToolError),
}

impl Authority {
    /// The authority behind `peer`, whose key is the agent's.
    pub(crate) fn new(peer: Peer) -> Self {
        Self(peer)
    }

    /// Every tool that may be proposed.
    pub(crate) async fn tools(&self) -> Result<Arc<Toolbox>, ToolsError> {
        let list: ToolList = self.0.get("/v1/tools").await?;
        Ok(Arc::new(Toolbox::new(list)?))
    }

    /// Has a plan judged.
    pub(crate) async fn submit(&self, plan: &PlanRequest) -> Result<PlanAnswer, PeerError> {
        Ok(self.0.post("/v1/plans", plan).await?.body)
    }

    /// Reads a plan.
    pub(crate) async fn plan(&self, plan: &PlanId) -> Result<PlanAnswer, PeerError> {
        self.0.get(&format!("/v1/plans/{plan}")).await
    }

    /// Asks for a step's token, with the receipts of the steps before it: the enforcer may not have
    /// brought them to the authority yet.
    pub(crate) async fn token(
        &self,
        plan: &PlanId,
        step: &StepId,
        receipts: &[String],
    ) -> Result<Token, PeerError> {
        let path = format!("/v1/plans/{plan}/steps/{step}/token");
        let answer = self
            .0
            .post::<_, Value>(&path, &TokenRequest { receipts })
            .await?;
        let unreadable = |error: serde_json::Error| PeerError::Unreadable {
            base: self.0.base().to_owned(),
            status: answer.status,
            message: error.to_string(),
        };
        if answer.status == StatusCode::ACCEPTED {
            let waiting = Waiting::deserialize(&answer.body).map_err(unreadable)?;
            return Ok(Token::Waiting(waiting.approval_id));
        }
        IssuedToken::deserialize(&answer.body)
            .map(Token::Issued)
            .map_err(unreadable)
    }

    /// Withdraws a plan.
    pub(crate) async fn cancel(&self, plan: &PlanId) -> Result<(), PeerError> {
        let empty = serde_json::Map::new();
        self.0
            .post::<_, Value>(&format!("/v1/plans/{plan}/cancel"), &empty)
            .await
            .map(drop)
    }
}

impl PlanAnswer {
    /// What the run needs of it, with the steps in the order of `steps`; `None` when it is not about them.
    pub(crate) fn judgement<'a>(
        self,
        steps: impl Iterator<Item = &'a StepId>,
    ) -> Option<Judgement> {
        let mut answers: Vec<StepAnswer> = self.steps;
        let mut ordered = Vec::new();
        for id in steps {
            let at = answers.iter().position(|answer| answer.id == *id)?;
            let answer = answers.swap_remove(at);
            ordered.push(JudgedStep {
                id: answer.id,
                effect: answer.effect,
                verdict: answer.verdict,
                reasons: answer.reasons,
                policies: answer.policies,
                approval_id: answer.approval_id,
                request: answer.request,
            });
        }
        answers.is_empty().then_some(Judgement {
            plan_id: self.plan_id,
            verdict: self.verdict,
            steps: ordered,
        })
    }
}

//! One spent token and what became of it: the row, and how it reads to others.

use std::sync::Arc;

use countersign_intent::digest::Digest;
use countersign_intent::id::{AgentId, AttemptId, IntentId, PlanId, StepId, TenantId, ToolName};
use countersign_intent::receipt::{Looked, Outcome};
use countersign_intent::tool::Effect;
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::words::{self, Word};
use crate::execution::{Resolution, State};

/// A row of `consumed`.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) tenant: TenantId,
    pub(crate) jti: IntentId,
    pub(crate) attempt: AttemptId,
    pub(crate) state: State,
    pub(crate) cause: Option<String>,
    pub(crate) agent: AgentId,
    pub(crate) plan: PlanId,
    pub(crate) step: StepId,
    pub(crate) tool: ToolName,
    pub(crate) effect: Effect,
    /// The resource as policy names it, such as `Service::"payments"`.
    pub(crate) resource: String,
    pub(crate) params_sha256: Digest,
    pub(crate) request_sha256: Digest,
    pub(crate) definition_sha256: Digest,
    pub(crate) token_sha256: Digest,
    /// How the precondition was looked at, where the token has one.
    pub(crate) precondition: Option<Looked>,
    pub(crate) body: Option<BodyDigest>,
    /// How often it was sent, where that is more than once; the outcome's record keeps it.
    pub(crate) sends: Option<u32>,
    /// The status of a late answer that settled the doubt; the resolution's record keeps it.
    pub(crate) late: Option<u16>,
    pub(crate) exp: Timestamp,
    pub(crate) consumed_at: Timestamp,
    pub(crate) deadline: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    /// The latest receipt.
    pub(crate) receipt: Option<String>,
}

/// What is kept of an answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BodyDigest {
    pub(crate) sha256: Digest,
    pub(crate) length: u64,
}

/// A call as lists, answers and events show it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CallView {
    /// The attempt.
    pub(crate) attempt: AttemptId,
    /// The spent token's id.
    pub(crate) jti: IntentId,
    /// The agent.
    pub(crate) agent: AgentId,
    /// The plan.
    pub(crate) plan: PlanId,
    /// The step.
    pub(crate) step: StepId,
    /// The tool.
    pub(crate) tool: ToolName,
    /// What the tool may do.
    pub(crate) effect: Effect,
    /// The resource as policy names it, such as `Service::"payments"`.
    pub(crate) resource: String,
    /// SHA-256 of the canonical parameters.
    pub(crate) params_sha256: Digest,
    /// SHA-256 of the rendered call.
    pub(crate) request_sha256: Digest,
    /// `consumed`, `done`, `not_sent`, `in_doubt` or `resolved`.
    pub(crate) state: &'static str,
    /// How a doubt was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resolution: Option<Resolution>,
    /// The upstream's HTTP status, when a complete answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// While the call is in doubt: how many more people must say the same to settle it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) people_needed: Option<usize>,
    /// What people said of the doubt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) words: Vec<Word>,
    /// Why nothing was sent, or why it is not known what happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
    /// When the token was spent.
    pub(crate) consumed_at: Timestamp,
    /// When the attempt ended, or its doubt was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at: Option<Timestamp>,
    /// The latest signed receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) receipt: Option<String>,
}

/// A call to be shown when somebody looks.
pub(crate) struct Shown {
    call: Arc<Call>,
    words: Vec<Word>,
}

impl Shown {
    pub(crate) fn new(call: Arc<Call>, words: Vec<Word>) -> Self {
        Self { call, words }
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = self.call.view_with(self.words.clone());
        view.serialize(serializer)
    }
}

impl Call {
    /// How the call reads to others.
    pub(crate) fn view(&self) -> CallView {
        self.view_with(Vec::new())
    }

    /// How the call reads to others, with what people said of it.
    pub(crate) fn view_with(&self, words: Vec<Word>) -> CallView {
        let needed = words::needed(self.effect).saturating_sub(words.len());
        CallView {
            attempt: self.attempt.clone(),
            jti: self.jti.clone(),
            agent: self.agent.clone(),
            plan: self.plan.clone(),
            step: self.step.clone(),
            tool: self.tool.clone(),
            effect: self.effect,
            resource: self.resource.clone(),
            params_sha256: self.params_sha256,
            request_sha256: self.request_sha256,
            state: self.state.as_str(),
            resolution: self.state.resolution(),
            status: self.state.status(),
            people_needed: (self.state == State::InDoubt).then_some(needed),
            words,
            cause: self.cause.clone(),
            consumed_at: self.consumed_at,
            ended_at: self.ended_at,
            receipt: self.receipt.clone(),
        }
    }

    /// The outcome that a receipt states; `None` while the call runs.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match self.state {
            State::Consumed => None,
            State::NotSent => Some(Outcome::NotSent),
            State::Done(_) => Some(Outcome::Done),
            State::InDoubt => Some(Outcome::InDoubt),
            State::Resolved(Resolution::Executed) => Some(Outcome::ResolvedExecuted),
            State::Resolved(Resolution::NotExecuted) => Some(Outcome::ResolvedNotExecuted),
        }
    }
}

/// An outcome's name in receipts.
pub(crate) const fn outcome_str(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::NotSent => "not_sent",
        Outcome::InDoubt => "in_doubt",
        Outcome::ResolvedExecuted => "resolved_executed",
        Outcome::ResolvedNotExecuted => "resolved_not_executed",
    }
}

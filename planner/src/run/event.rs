//! What the shell reports to a run.

use std::collections::BTreeSet;

use countersign_intent::id::{ApprovalId, AttemptId, OperatorId, PlanId, StepId, ToolName};
use countersign_intent::tool::Effect;
use countersign_service::problem::Reason;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::view::{CheckView, Failure, Sense, Source, Verdict};

/// A plan before the authority saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Proposal {
    /// Who proposes it.
    pub(crate) source: Source,
    /// The runbooks, or the model.
    pub(crate) names: Vec<String>,
    /// What it is for, in one sentence.
    pub(crate) summary: String,
    /// The steps, in an order in which they may run.
    pub(crate) steps: Vec<ProposedStep>,
    /// Resources whose alerts must close for the plan to have worked; none for an explicit request.
    pub(crate) heals: BTreeSet<String>,
}

/// One step of a [`Proposal`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProposedStep {
    /// Its name within the proposal.
    pub(crate) id: StepId,
    /// The tool.
    pub(crate) tool: ToolName,
    /// The parameters.
    pub(crate) params: Map<String, Value>,
    /// Why.
    pub(crate) reason: String,
    /// Steps of the proposal that must be done before.
    pub(crate) after: Vec<StepId>,
}

/// What the authority made of a plan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judgement {
    /// The plan.
    pub(crate) plan_id: PlanId,
    /// The whole plan's verdict.
    pub(crate) verdict: Verdict,
    /// The steps, in the plan's order.
    pub(crate) steps: Vec<JudgedStep>,
}

/// What the authority made of a step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JudgedStep {
    /// The step.
    pub(crate) id: StepId,
    /// What the tool may do.
    pub(crate) effect: Option<Effect>,
    /// May it run?
    pub(crate) verdict: Verdict,
    /// Why.
    pub(crate) reasons: Vec<Reason>,
    /// The policies that decided.
    pub(crate) policies: Vec<String>,
    /// The approval that is asked for.
    pub(crate) approval_id: Option<ApprovalId>,
    /// The rendered call.
    pub(crate) request: Option<Value>,
}

/// How an attempt of the enforcer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A complete answer came.
    Done,
    /// Nothing was sent.
    NotSent,
    /// Something was sent and no complete answer came.
    InDoubt,
}

impl Outcome {
    /// The one spelling.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotSent => "not_sent",
            Self::InDoubt => "in_doubt",
        }
    }
}

/// What the enforcer answered to a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// The attempt.
    pub(crate) attempt: Option<AttemptId>,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// The upstream's HTTP status.
    pub(crate) status: Option<u16>,
    /// The upstream's answer.
    pub(crate) result: Option<Value>,
    /// The signed receipt.
    pub(crate) receipt: Option<String>,
}

/// What follows from an answered call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The tool's definition says how to see that it worked.
    Check,
    /// It does not.
    Believe,
}

/// One thing that happened to a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// Services and alerts were read.
    Sensed(Sense),
    /// There is a plan.
    Proposed(Proposal),
    /// There is nothing to do, for the reason given.
    Idle(String),
    /// The authority judged the plan.
    Judged(Judgement),
    /// Something happened to the step whose turn it is.
    Step(StepEvent),
    /// These resources within the goal's scope still have open alerts.
    Verified(BTreeSet<String>),
    /// The plan can go no further and should be replaced, for the reason given.
    Outdated(String),
    /// A person withdrew the run.
    Cancelled(OperatorId),
    /// A server could not be asked, or something else broke.
    Broke(Failure),
}

/// One thing that happened to a step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StepEvent {
    /// A person is asked before it may run.
    Waits(StepId, Option<ApprovalId>),
    /// Its token is here; the claims are for display.
    Issued(StepId, Value),
    /// What the tool's check read before the call.
    Before(StepId, Value),
    /// The call is about to be sent.
    Calling(StepId),
    /// The call was answered.
    Called(StepId, Answer, Next),
    /// The call was sent and no answer can be had.
    Lost(StepId),
    /// The enforcer refused the call.
    Refused(StepId, Failure),
    /// The authority gives no token: policy or a person said no.
    Denied(StepId, Failure),
    /// The check was made, with what was read last.
    Checked(StepId, Option<Value>, CheckView),
}

impl Event {
    /// The event's name, for messages.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Sensed(_) => "sensed",
            Self::Proposed(_) => "proposed",
            Self::Idle(_) => "idle",
            Self::Judged(_) => "judged",
            Self::Step(event) => event.name(),
            Self::Verified(_) => "verified",
            Self::Outdated(_) => "outdated",
            Self::Cancelled(_) => "cancelled",
            Self::Broke(_) => "broke",
        }
    }
}

impl StepEvent {
    /// The step.
    pub(crate) const fn step(&self) -> &StepId {
        match self {
            Self::Waits(id, _)
            | Self::Issued(id, _)
            | Self::Before(id, _)
            | Self::Calling(id)
            | Self::Called(id, ..)
            | Self::Lost(id)
            | Self::Refused(id, _)
            | Self::Denied(id, _)
            | Self::Checked(id, ..) => id,
        }
    }

    /// The event's name, for messages.
    const fn name(&self) -> &'static str {
        match self {
            Self::Waits(..) => "waits",
            Self::Issued(..) => "issued",
            Self::Before(..) => "before",
            Self::Calling(_) => "calling",
            Self::Called(..) => "called",
            Self::Lost(_) => "lost",
            Self::Refused(..) => "refused",
            Self::Denied(..) => "denied",
            Self::Checked(..) => "checked",
        }
    }
}

//! A run as it is stored, told and shown.

use std::fmt;

use countersign_intent::id::{
    AgentId, ApprovalId, AttemptId, OperatorId, PlanId, RunId, StepId, ToolName,
};
use countersign_intent::tool::Effect;
use countersign_service::problem::Reason;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Where a run stands. The last five are ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunState {
    /// Reads services and alerts.
    Sensing,
    /// Looks for a runbook, or asks the model.
    Planning,
    /// The authority judges the plan.
    Governing,
    /// A person is asked.
    Waiting,
    /// Runs the plan's steps, one after the other.
    Acting,
    /// Looks whether the alerts closed.
    Verifying,
    /// Every step ran, and every check passed.
    Completed,
    /// Policy or a person said no.
    Blocked,
    /// There was nothing to do, or nothing that the planner knows how to do.
    NoAction,
    /// A step, a check or a server failed.
    Failed,
    /// A person withdrew it.
    Cancelled,
}

impl RunState {
    /// The one spelling.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sensing => "sensing",
            Self::Planning => "planning",
            Self::Governing => "governing",
            Self::Waiting => "waiting",
            Self::Acting => "acting",
            Self::Verifying => "verifying",
            Self::Completed => "completed",
            Self::Blocked => "blocked",
            Self::NoAction => "no_action",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing follows.
    pub(crate) const fn ended(self) -> bool {
        match self {
            Self::Completed | Self::Blocked | Self::NoAction | Self::Failed | Self::Cancelled => {
                true
            }
            Self::Sensing
            | Self::Planning
            | Self::Governing
            | Self::Waiting
            | Self::Acting
            | Self::Verifying => false,
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepState {
    /// Its turn has not come.
    Pending,
    /// A person is asked.
    Waiting,
    /// Its token is here.
    Issued,
    /// Its call is on the way.
    Running,
    /// Its call was answered with success; the check runs.
    Verifying,
    /// It ran and its check passed.
    Done,
    /// It was answered with an error, or its check did not pass.
    Failed,
    /// The enforcer refused its call.
    Refused,
    /// Its call did not leave the enforcer.
    NotSent,
    /// Whether its call ran is not known.
    InDoubt,
    /// Policy or a person said no.
    Denied,
    /// The run ended before its turn.
    Skipped,
}

/// What the authority says of a step or a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It may run.
    Allow,
    /// It may not.
    Deny,
    /// A person must say yes first.
    NeedsApproval,
}

/// Who proposed the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// A runbook.
    Runbook,
    /// A language model.
    Model,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RunView {
    /// The run.
    pub(crate) run_id: RunId,
    /// Where it stands.
    pub(crate) state: RunState,
    /// What should be true afterwards, in the caller's words.
    pub(crate) goal: String,
    /// What started it, in the caller's words; `alert` names an alert that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) trigger: Option<Value>,
    /// The person for whom it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requested_by: Option<OperatorId>,
    /// The agent as which it acts.
    pub(crate) agent: AgentId,
    /// Who proposed the current plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<Source>,
    /// The runbooks that proposed it, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) runbook: Option<String>,
    /// The model that proposed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// When it began.
    pub(crate) created_at: Timestamp,
    /// When anything last changed.
    pub(crate) updated_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) finished_at: Option<Timestamp>,
    /// What came of it, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) summary: Option<String>,
    /// Why it failed or was blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Failure>,
    /// How often it planned again after a failure, at most twice.
    pub(crate) replans: u32,
    /// The plans whose steps it ran or wanted to run, oldest first.
    pub(crate) plan_ids: Vec<PlanId>,
    /// What it read last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sense: Option<Sense>,
    /// What happened, oldest first.
    pub(crate) timeline: Vec<Moment>,
    /// The steps that count: those of the current plan, after those of earlier ones that went well.
    pub(crate) steps: Vec<RunStep>,
    /// Plans that failed and were replaced by another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) superseded: Vec<SupersededPlan>,
}

/// What the enforcer's reads showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Sense {
    /// When the last of them was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<Timestamp>,
    /// Services, those with open alerts and their dependencies in full.
    #[schema(value_type = Vec<Object>)]
    pub(crate) services: Vec<Value>,
    /// Open alerts.
    #[schema(value_type = Vec<Object>)]
    pub(crate) alerts: Vec<Value>,
    /// The plans under which the reads were allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) plan_ids: Vec<PlanId>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Moment {
    /// When.
    pub(crate) at: Timestamp,
    /// The state that the run was in afterwards.
    pub(crate) state: RunState,
    /// What, for a person.
    pub(crate) message: String,
}

/// Why something did not happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Failure {
    /// Stable, `snake_case`.
    pub(crate) code: String,
    /// One sentence for a person.
    pub(crate) message: String,
}

impl Failure {
    /// A failure with `code` for the reason in `message`.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

/// A plan that failed, with its steps as they ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct SupersededPlan {
    /// The plan; absent when the authority never took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plan_id: Option<PlanId>,
    /// Why it was replaced.
    pub(crate) why: String,
    /// Its steps.
    pub(crate) steps: Vec<RunStep>,
}

/// How a step's result compares with what its tool's definition expects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct CheckView {
    /// The expectation, as the definition states it.
    pub(crate) expect: String,
    /// What stood at its place last.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) actual: Value,
    /// Whether it held within the time allowed.
    pub(crate) passed: bool,
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RunStep {
    /// Its name, unique within the run.
    pub(crate) id: StepId,
    /// The plan that holds it.
    pub(crate) plan_id: PlanId,
    /// The tool.
    pub(crate) tool: ToolName,
    /// The parameters.
    #[schema(value_type = Object)]
    pub(crate) params: Map<String, Value>,
    /// What the tool may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) effect: Option<Effect>,
    /// Why, in the proposer's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// The steps that must be done before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) depends_on: Vec<StepId>,
    /// What the authority says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) verdict: Option<Verdict>,
    /// Why it says so.
    #[serde(default)]
    pub(crate) reasons: Vec<Reason>,
    /// The policies that decided.
    #[serde(default)]
    pub(crate) policies: Vec<String>,
    /// The approval that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) approval_id: Option<ApprovalId>,
    /// The rendered call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) request: Option<Value>,
    /// Where it stands.
    pub(crate) state: StepState,
    /// The claims of its token, for display; nobody decides by them here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) token: Option<Value>,
    /// The enforcer's attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attempt: Option<AttemptId>,
    /// How the attempt ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<String>,
    /// The upstream's HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// The upstream's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) result: Option<Value>,
    /// The enforcer's signed receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) receipt: Option<String>,
    /// What the tool's check read before the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) before: Option<Value>,
    /// What it read after the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) after: Option<Value>,
    /// The check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) check: Option<CheckView>,
    /// Why the enforcer refused it, or the authority gave no token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<Failure>,
}

impl RunStep {
    /// Whether it ran, was answered with success, and no check says otherwise.
    pub(crate) fn sound(&self) -> bool {
        self.state == StepState::Done
            && self.refusal.is_none()
            && self.verdict != Some(Verdict::Deny)
            && self.check.as_ref().is_none_or(|check| check.passed)
    }
}

impl RunView {
    /// The run without what its steps were answered, for lists and the stream of all runs.
    pub(crate) fn brief(&self) -> Self {
        let mut brief = self.clone();
        let superseded = brief
            .superseded
            .iter_mut()
            .flat_map(|plan| plan.steps.iter_mut());
        for step in brief.steps.iter_mut().chain(superseded) {
            step.result = None;
            step.before = None;
            step.after = None;
            step.receipt = None;
            step.token = None;
        }
        brief.sense = None;
        brief
    }
}

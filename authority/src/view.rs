//! Plans and approvals as the API shows them.

use std::collections::BTreeMap;

use countersign_intent::digest::Digest;
use countersign_intent::id::{
    AgentId, ApprovalId, AttemptId, IntentId, OperatorId, PlanId, RunId, StepId, ToolName,
};
use countersign_intent::tool::Effect;
use countersign_service::problem::Reason;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::approval::{Approval, GivenAnswer, Signature};
use crate::plan::{Plan, Step, StoredPlan};
use crate::policy::Verdict;
use crate::quorum::Rule;
use crate::state::{Answer, ApprovalState, PlanState, StepState};

/// A plan and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct PlanView {
    /// The plan.
    pub(crate) plan_id: PlanId,
    /// SHA-256 of the plan's canonical bytes: what people approve.
    pub(crate) plan_hash: Digest,
    /// What the agent wants to reach, in its own words: not checked.
    pub(crate) goal: String,
    /// The run that the plan belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<RunId>,
    /// The agent that proposed it.
    pub(crate) agent: AgentId,
    /// The person for whom the agent asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requested_by: Option<OperatorId>,
    /// Where it stands.
    pub(crate) state: PlanState,
    /// The worst verdict of its steps.
    pub(crate) verdict: Verdict,
    /// The policy bundle that judged it.
    pub(crate) bundle: Digest,
    /// The policy epoch at that time.
    pub(crate) policy_epoch: u64,
    /// Whether it was made after reading text of unknown authors.
    pub(crate) tainted: bool,
    /// When it was judged.
    pub(crate) created_at: Timestamp,
    /// Its steps, in the agent's order.
    pub(crate) steps: Vec<StepView>,
}

/// A step and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct StepView {
    /// The step's name in its plan.
    pub(crate) id: StepId,
    /// The tool.
    pub(crate) tool: ToolName,
    /// What the tool may do.
    pub(crate) effect: Effect,
    /// The resource as policy names it, such as `Service::"payments"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resource: Option<String>,
    /// The parameters.
    #[schema(value_type = Object)]
    pub(crate) params: Map<String, Value>,
    /// JSON Schemas of the parameters that may still move.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub(crate) bounds: BTreeMap<String, Value>,
    /// What was seen where the tool's precondition looks: it must still be there when the call runs.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "countersign_intent::precondition::seen"
    )]
    #[schema(value_type = Option<Object>)]
    pub(crate) precondition: Option<Value>,
    /// Steps that must be done before.
    pub(crate) after: Vec<StepId>,
    /// Why, in the agent's own words: not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// What policy says.
    pub(crate) verdict: Verdict,
    /// Why.
    pub(crate) reasons: Vec<Reason>,
    /// The policies that decided.
    pub(crate) policies: Vec<String>,
    /// The approval that it waits for or was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) approval_id: Option<ApprovalId>,
    /// The rendered call: what will be sent. Absent while a bounded parameter is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<countersign_intent::render::RenderedCall>)]
    pub(crate) request: Option<Value>,
    /// SHA-256 of the canonical parameters.
    pub params_sha256: Digest,
    /// SHA-256 of the rendered call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_sha256: Option<Digest>,
    /// Where it stands.
    pub(crate) state: StepState,
    /// The last token's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jti: Option<IntentId>,
    /// When the last token expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
    /// The enforcer's attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attempt: Option<AttemptId>,
    /// The upstream's HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// The enforcer's signed receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) receipt: Option<String>,
}

impl From<StoredPlan> for PlanView {
    fn from(StoredPlan { plan, hash }: StoredPlan) -> Self {
        Self {
            plan_id: plan.id,
            plan_hash: hash,
            goal: plan.goal,
            run: plan.run,
            agent: plan.agent,
            requested_by: plan.requested_by,
            state: plan.state,
            verdict: plan.verdict,
            bundle: plan.bundle,
            policy_epoch: plan.policy_epoch,
            tainted: plan.tainted,
            created_at: plan.created_at,
            steps: plan.steps.into_iter().map(StepView::from).collect(),
        }
    }
}

impl From<Step> for StepView {
    fn from(step: Step) -> Self {
        Self {
            id: step.id,
            tool: step.tool,
            effect: step.effect,
            resource: step.resource,
            params: step.params,
            bounds: step.bounds,
            precondition: step.precondition,
            after: step.after,
            reason: step.reason,
            verdict: step.verdict,
            reasons: step.reasons,
            policies: step.policies,
            approval_id: step.approval,
            request: step.request,
            params_sha256: step.params_sha256,
            request_sha256: step.request_sha256,
            state: step.state,
            jti: step.jti,
            expires_at: step.expires_at,
            attempt: step.attempt,
            status: step.status,
            receipt: step.receipt,
        }
    }
}

/// A request for people's approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ApprovalView {
    /// The approval.
    pub(crate) approval_id: ApprovalId,
    /// The plan.
    pub(crate) plan_id: PlanId,
    /// The step of it that waits.
    pub(crate) step: StepId,
    /// SHA-256 of the plan's canonical bytes: a decision must carry it.
    pub(crate) plan_hash: Digest,
    /// Where it stands.
    pub(crate) state: ApprovalState,
    /// The tool.
    pub(crate) tool: ToolName,
    /// What the tool may do.
    pub(crate) effect: Effect,
    /// The resource as policy names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resource: Option<String>,
    /// The parameters.
    #[schema(value_type = Object)]
    pub(crate) params: Map<String, Value>,
    /// JSON Schemas of the parameters that may still move.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub(crate) bounds: BTreeMap<String, Value>,
    /// What was seen where the tool's precondition looks: it must still be there when the call runs.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "countersign_intent::precondition::seen"
    )]
    #[schema(value_type = Option<Object>)]
    pub(crate) precondition: Option<Value>,
    /// The rendered call: what will be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<countersign_intent::render::RenderedCall>)]
    pub(crate) request: Option<Value>,
    /// Why it asks.
    pub(crate) reasons: Vec<Reason>,
    /// The policies that ask.
    pub(crate) policies: Vec<String>,
    /// Who must say yes.
    pub(crate) rule: Vec<Rule>,
    /// Who answered what.
    pub(crate) given: Vec<GivenView>,
    /// The agent that asks.
    pub(crate) agent: AgentId,
    /// The person for whom it asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requested_by: Option<OperatorId>,
    /// The plan's goal in the agent's own words: not checked.
    pub(crate) goal: String,
    /// The step's reason in the agent's own words: not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Whether the plan was made after reading text of unknown authors.
    pub(crate) tainted: bool,
    /// The counted change as policy saw it: `attribute`, `before`, `after`. Context, not hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) change: Option<Value>,
    /// Whether a yes must be signed with the approver's own key.
    pub(crate) signature_required: bool,
    /// When it was asked.
    pub(crate) created_at: Timestamp,
    /// When nobody may answer any more.
    pub(crate) expires_at: Timestamp,
    /// Whether the caller may answer now. Absent in events, which have no caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) can_decide: Option<bool>,
    /// Why not, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why_not: Option<String>,
    /// The exact bytes that `plan_hash` covers, in base64; only when one approval is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plan_bytes: Option<String>,
}

/// One person's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct GivenView {
    /// Who.
    pub(crate) by: OperatorId,
    /// The roles of the rule that they hold, separated by commas.
    pub(crate) role: String,
    /// What they said.
    pub(crate) decision: Answer,
    /// Why.
    pub(crate) reason: String,
    /// When.
    pub(crate) at: Timestamp,
    /// Their Ed25519 signature over the 32 bytes of the plan hash, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<String>,
}

impl From<GivenAnswer> for GivenView {
    fn from(given: GivenAnswer) -> Self {
        Self {
            by: given.by,
            role: given.roles.into_iter().collect::<Vec<_>>().join(", "),
            decision: given.answer,
            reason: given.reason,
            at: given.at,
            signature: given.signature,
        }
    }
}

/// What an approval's view needs beside the approval.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) step: &'a Step,
    pub(crate) now: Timestamp,
}

impl ApprovalView {
    /// The view of `approval` for nobody in particular.
    pub(crate) fn of(approval: Approval, around: Around<'_>) -> Self {
        let Around { plan, step, now } = around;
        Self {
            state: approval.state_at(now),
            approval_id: approval.id,
            plan_id: approval.plan,
            step: approval.step,
            plan_hash: approval.plan_hash,
            tool: step.tool.clone(),
            effect: step.effect,
            resource: step.resource.clone(),
            params: step.params.clone(),
            bounds: step.bounds.clone(),
            precondition: step.precondition.clone(),
            request: step.request.clone(),
            reasons: approval.reasons,
            policies: approval.policies,
            rule: approval.rule,
            given: approval.given.into_iter().map(GivenView::from).collect(),
            agent: plan.agent.clone(),
            requested_by: plan.requested_by.clone(),
            goal: plan.goal.clone(),
            reason: step.reason.clone(),
            tainted: plan.tainted,
            change: approval.change,
            signature_required: approval.signature == Signature::Required,
            created_at: approval.created_at,
            expires_at: approval.expires_at,
            can_decide: None,
            why_not: None,
            plan_bytes: None,
        }
    }
}

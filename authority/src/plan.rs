//! A judged plan and its steps, as the authority keeps them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_intent::digest::Digest;
use countersign_intent::id::{
    AgentId, ApprovalId, AttemptId, IntentId, OperatorId, PlanId, RunId, StepId, TenantId, ToolName,
};
use countersign_intent::tool::Effect;
use countersign_service::problem::Reason;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::policy::Verdict;
use crate::state::{PlanState, StepState};

/// A judged plan.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) id: PlanId,
    pub(crate) tenant: TenantId,
    pub(crate) agent: AgentId,
    pub(crate) requested_by: Option<OperatorId>,
    pub(crate) run: Option<RunId>,
    pub(crate) goal: String,
    pub(crate) state: PlanState,
    pub(crate) verdict: Verdict,
    pub(crate) bundle: Digest,
    pub(crate) policy_epoch: u64,
    /// Whether it was made after reading text of unknown authors.
    pub(crate) tainted: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) steps: Vec<Step>,
}

/// One step of it.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) id: StepId,
    pub(crate) tool: ToolName,
    pub(crate) effect: Effect,
    /// The resource as policy names it, `Service::"payments"`; `None` for tools without one.
    pub(crate) resource: Option<String>,
    pub(crate) params: Map<String, Value>,
    /// Parameters that may differ when the token is asked for, each with its JSON Schema.
    pub(crate) bounds: BTreeMap<String, Value>,
    /// What was seen where the tool's precondition looks.
    pub(crate) precondition: Option<Value>,
    pub(crate) after: Vec<StepId>,
    /// The agent's own words; not checked by anybody.
    pub(crate) reason: Option<String>,
    pub(crate) verdict: Verdict,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) policies: Vec<String>,
    pub(crate) definition_sha256: Digest,
    pub(crate) params_sha256: Digest,
    /// The rendered call; `None` while a bounded parameter is not known yet.
    pub(crate) request: Option<Value>,
    pub(crate) request_sha256: Option<Digest>,
    pub(crate) approval: Option<ApprovalId>,
    pub(crate) state: StepState,
    pub(crate) jti: Option<IntentId>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) attempt: Option<AttemptId>,
    pub(crate) status: Option<u16>,
    /// The enforcer's signed receipt, as it came.
    pub(crate) receipt: Option<String>,
}

/// A stored plan with the hash of the bytes that stand for it.
#[derive(Clone, Debug)]
pub(crate) struct StoredPlan {
    pub(crate) plan: Plan,
    pub(crate) hash: Digest,
}

impl Plan {
    /// The step called `id`.
    pub(crate) fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// The value whose canonical bytes are hashed, shown to people and signed by them: everything
    /// that an approval covers (SECURITY-DESIGN §6). `nonce` keeps equal plans apart.
    pub(crate) fn document(&self, nonce: [u8; 16]) -> Value {
        let steps: Vec<Value> = self.steps.iter().map(Step::document).collect();
        json!({
            "tenant": self.tenant,
            "plan_id": self.id,
            "agent": self.agent,
            "requested_by": self.requested_by,
            "run": self.run,
            "goal": self.goal,
            "bundle": self.bundle,
            "policy_epoch": self.policy_epoch,
            "tainted": self.tainted,
            "nonce": URL_SAFE_NO_PAD.encode(nonce),
            "steps": steps,
        })
    }

    /// Where the plan stands by its steps; a plan that was denied or withdrawn stays so.
    pub(crate) fn progress(&self) -> PlanState {
        match self.state {
            PlanState::Denied | PlanState::Cancelled => self.state,
            PlanState::Open | PlanState::Done | PlanState::Failed => {
                let any = |state| self.steps.iter().any(|step| step.state == state);
                if any(StepState::Failed) {
                    PlanState::Failed
                } else if self.steps.iter().all(|step| step.state == StepState::Done) {
                    PlanState::Done
                } else {
                    PlanState::Open
                }
            }
        }
    }

    /// The steps that `step` waits for and that are not done, in plan order.
    pub(crate) fn unmet<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = &'a Step> {
        self.steps
            .iter()
            .filter(|other| step.after.contains(&other.id) && other.state != StepState::Done)
    }
}

impl Step {
    fn document(&self) -> Value {
        let mut document = json!({
            "id": self.id,
            "tool": self.tool,
            "resource": self.resource,
            "definition_sha256": self.definition_sha256,
            "params": self.params,
            "params_sha256": self.params_sha256,
            "request": self.request,
            "request_sha256": self.request_sha256,
            "bounds": self.bounds,
            "after": self.after,
            "effect": self.effect,
            "verdict": self.verdict.as_str(),
        });
        // Absent where there is none: what was seen may be `null`.
        if let (Some(members), Some(seen)) = (document.as_object_mut(), &self.precondition) {
            members.insert("precondition".to_owned(), seen.clone());
        }
        document
    }
}

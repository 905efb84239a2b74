//! Taking in a plan: checked, judged, recorded, and put before people where policy says so.

use countersign_intent::canonical;
use countersign_intent::digest::Digest;
use countersign_intent::id::{ApprovalId, OperatorId, PlanId};
use countersign_intent::plan::{PlanError, PlanRequest};
use countersign_intent::tool::Effect;
use countersign_ledger::Kind;
use countersign_service::clock::saturating_add;
use countersign_service::database::Write;
use countersign_service::directory::Agent;
use countersign_service::problem::{Problem, ProblemType};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::approval::{Approval, Signature};
use crate::authority::{Authority, NoBundle};
use crate::history::{self, Made};
use crate::judge::{self, Judged, Judgement, PrepareError, Proposal};
use crate::plan::{Plan, Step, StoredPlan};
use crate::policy::{Bundle, Verdict};
use crate::publish;
use crate::state::{ApprovalState, PlanState};
use crate::store::{self, StoreError};

/// A plan of more steps is not even judged.
const READABLE_STEPS: usize = 100;

/// Why a plan was not taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SubmitError {
    /// Its shape is wrong.
    #[error(transparent)]
    Shape(#[from] PlanError),
    /// `requested_by` is nobody.
    #[error("`requested_by` names `{0}`, who is no operator")]
    Requester(OperatorId),
    /// A step cannot be put before policy.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// There is no policy.
    #[error(transparent)]
    NoBundle(#[from] NoBundle),
    /// The store failed.
    #[error("the plan cannot be stored")]
    Store(#[from] StoreError),
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Shape(error) => Self::new(ProblemType::Invalid, error.to_string()),
            SubmitError::Requester(_) => {
                Self::new(ProblemType::Invalid, error.to_string()).field("field", "requested_by")
            }
            SubmitError::Prepare(PrepareError::Refused { step, refusal }) => {
                let detail = format!("step `{step}`: {}", refusal.message);
                Self::new(ProblemType::Refused(refusal.code), detail).field("step", step.as_str())
            }
            SubmitError::Prepare(PrepareError::Precondition { step, message }) => {
                let detail = format!("step `{step}`: {message}");
                Self::new(ProblemType::Invalid, detail)
                    .field("step", step.as_str())
                    .field("field", "precondition")
            }
            SubmitError::Prepare(PrepareError::Bounds { step, source }) => {
                let detail = format!("step `{step}`: {source}");
                Self::new(ProblemType::Invalid, detail).field("step", step.as_str())
            }
            SubmitError::NoBundle(error) => error.into(),
            SubmitError::Store(error) => error.into(),
        }
    }
}

/// Judges and records the plan of `agent`.
pub(crate) async fn submit(
    authority: &Authority,
    agent: &Agent,
    request: &PlanRequest,
) -> Result<StoredPlan, SubmitError> {
    request.order(READABLE_STEPS)?;
    if let Some(person) = &request.requested_by
        && authority.directory.snapshot().operator(person).is_none()
    {
        return Err(SubmitError::Requester(person.clone()));
    }
    let bundle = authority.bundle()?;
    let now = authority.now();
    let (judged, tainted) = weigh(authority, &bundle, agent, request, now).await?;
    let mut tx = authority.write().await?;
    let head = store::control::head(&mut tx).await?;
    let mut plan = Plan {
        id: PlanId::mint(now, authority.random.bytes()),
        tenant: authority.settings.tenant.clone(),
        agent: agent.id.clone(),
        requested_by: request.requested_by.clone(),
        run: request.run.clone(),
        goal: request.goal.clone(),
        state: match judged.verdict {
            Verdict::Deny => PlanState::Denied,
            Verdict::Allow | Verdict::NeedsApproval => PlanState::Open,
        },
        verdict: judged.verdict,
        bundle: bundle.hash(),
        policy_epoch: head.policy_epoch,
        tainted,
        created_at: now,
        steps: judged.steps,
    };
    let bytes = canonical::to_string(&plan.document(authority.random.bytes()));
    let hash = Digest::of(bytes.as_bytes());
    let mut approvals = Vec::new();
    let asked = Asked {
        plan: plan.id.clone(),
        hash,
        now,
    };
    for step in &mut plan.steps {
        if let Some(judgement) = judged.asks.get(&step.id) {
            let approval = ask(authority, &asked, step, judgement);
            step.approval = Some(approval.id.clone());
            approvals.push(approval);
        }
    }
    store::plans::insert(&mut tx, &plan, &hash, &bytes).await?;
    let stored = StoredPlan { plan, hash };
    record(authority, &mut tx, &stored).await?;
    for approval in &approvals {
        store::approvals::insert(&mut tx, &authority.settings.tenant, approval).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    publish::plan(authority, &stored);
    for approval in approvals {
        publish::approval(authority, &stored.plan, approval);
    }
    count(&stored.plan);
    Ok(stored)
}

/// Judges the plan after what happened before it; also whether it was made after untrusted text.
async fn weigh(
    authority: &Authority,
    bundle: &Bundle,
    agent: &Agent,
    request: &PlanRequest,
    now: Timestamp,
) -> Result<(Judged, bool), SubmitError> {
    let mut prepared = judge::prepare(bundle, request)?;
    let mut connection = authority.read().await?;
    for step in &mut prepared {
        let tool = step.tool().clone();
        for candidate in step.candidates_mut() {
            candidate.recent =
                history::recent(authority, &mut connection, agent, &tool, candidate, now).await?;
        }
    }
    let made = Made {
        agent: &agent.id,
        run: request.run.as_ref(),
    };
    let tainted = history::is_tainted(authority, &mut connection, bundle, made).await?;
    let proposal = Proposal {
        agent,
        tainted,
        limits: authority.settings.limits,
        now,
    };
    Ok((judge::judge(bundle, proposal, &prepared), tainted))
}

/// The plan for which people are asked.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) plan: PlanId,
    pub(crate) hash: Digest,
    pub(crate) now: Timestamp,
}

/// A new approval for `step`, as its judgement demands it.
pub(crate) fn ask(
    authority: &Authority,
    asked: &Asked,
    step: &Step,
    judgement: &Judgement,
) -> Approval {
    Approval {
        id: ApprovalId::mint(asked.now, authority.random.bytes()),
        plan: asked.plan.clone(),
        step: step.id.clone(),
        plan_hash: asked.hash,
        state: ApprovalState::Pending,
        reasons: judgement.reasons.clone(),
        policies: judgement.policies.clone(),
        rule: judgement.rules.clone(),
        change: judgement.change.clone(),
        signature: match step.effect {
            Effect::Read | Effect::Service => Signature::Optional,
            Effect::Destructive | Effect::Data => Signature::Required,
        },
        created_at: asked.now,
        expires_at: saturating_add(asked.now, authority.settings.approval_ttl),
        used: None,
        given: Vec::new(),
    }
}

/// One record for the plan and one per step's decision: hashes and verdicts, never parameters.
async fn record(
    authority: &Authority,
    tx: &mut Write,
    stored: &StoredPlan,
) -> Result<(), StoreError> {
    let StoredPlan { plan, hash } = stored;
    let body = json!({
        "plan": plan.id, "plan_sha256": hash, "agent": plan.agent, "requested_by": plan.requested_by,
        "run": plan.run, "verdict": plan.verdict.as_str(), "policy": plan.bundle,
        "policy_epoch": plan.policy_epoch, "steps": plan.steps.len(),
    });
    authority
        .record(tx, Kind::Plan, plan.created_at, body)
        .await?;
    for step in &plan.steps {
        authority
            .record(
                tx,
                Kind::Decision,
                plan.created_at,
                decision(plan, hash, step),
            )
            .await?;
    }
    Ok(())
}

fn decision(plan: &Plan, hash: &Digest, step: &Step) -> Value {
    let codes: Vec<&str> = step
        .reasons
        .iter()
        .map(|reason| reason.code.as_str())
        .collect();
    json!({
        "plan": plan.id, "plan_sha256": hash, "step": step.id, "agent": plan.agent, "tool": step.tool,
        "effect": step.effect.as_str(), "resource": step.resource, "verdict": step.verdict.as_str(),
        "reasons": codes, "policies": step.policies, "approval": step.approval,
        "params_sha256": step.params_sha256, "request_sha256": step.request_sha256,
        "definition_sha256": step.definition_sha256, "policy": plan.bundle,
        "policy_epoch": plan.policy_epoch,
    })
}

fn count(plan: &Plan) {
    for step in &plan.steps {
        metrics::counter!("countersign_decisions_total",
            "verdict" => step.verdict.as_str(), "effect" => step.effect.as_str())
        .increment(1);
    }
    tracing::info!(target: "audit", plan_id = %plan.id, agent = %plan.agent,
        verdict = plan.verdict.as_str(), steps = plan.steps.len(), "judged a plan");
}

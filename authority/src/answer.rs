//! Taking a person's answer to an approval.

use std::collections::BTreeSet;

use countersign_intent::approval;
use countersign_intent::digest::Digest;
use countersign_intent::id::{ApprovalId, OperatorId};
use countersign_ledger::Kind;
use countersign_service::database::Write;
use countersign_service::directory::Operator;
use countersign_service::problem::{Problem, ProblemType};
use jiff::Timestamp;
use serde_json::json;
use sqlx::AnyConnection;

use crate::approval::{Approval, GivenAnswer, Requester, Signature};
use crate::authority::{Authority, NoBundle};
use crate::plan::{Plan, Step, StoredPlan};
use crate::policy::{ApprovalInput, Bundle};
use crate::publish;
use crate::state::{Answer, ApprovalState, PlanState, StepState};
use crate::store::{self, StoreError};

/// The longest reason, in bytes.
const MAX_REASON: usize = 4_096;

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AnswerError {
    /// No such approval.
    #[error("there is no approval `{0}`")]
    NotFound(ApprovalId),
    /// The answer is for other bytes than the plan's.
    #[error("the answer is for plan hash {given}, what waits is {expected}: look at it again")]
    Hash {
        /// The hash in the answer.
        given: Digest,
        /// The plan's.
        expected: Digest,
    },
    /// Nobody may answer any more.
    #[error("the approval is {}", .0.as_str())]
    Closed(ApprovalState),
    /// The bundle that judged the plan is no longer active.
    #[error("the policies changed since the plan was judged: it must be submitted again")]
    Stale,
    /// The one who asked.
    #[error("you asked for this plan: somebody else must answer")]
    OwnRequest,
    /// Not one of those who may.
    #[error("`{operator}` holds no role that may answer this: {wanted}")]
    NotAnApprover {
        /// Who answered.
        operator: OperatorId,
        /// The roles that may.
        wanted: String,
    },
    /// Policy lets this person not approve this.
    #[error("policy does not let `{0}` answer this")]
    Policy(OperatorId, Vec<String>),
    /// Said already.
    #[error("`{0}` answered this already")]
    Twice(OperatorId),
    /// No signature where one is required.
    #[error(
        "a yes to a {effect} call must be signed with your own approver key over the plan hash"
    )]
    Unsigned {
        /// The effect.
        effect: &'static str,
    },
    /// A signature that is not theirs.
    #[error("the signature is not that of `{operator}` over the plan hash{hint}")]
    Signature {
        /// Who answered.
        operator: OperatorId,
        /// What may be missing.
        hint: &'static str,
    },
    /// The reason is too long.
    #[error("a reason has at most {MAX_REASON} bytes")]
    Reason,
    /// There is no policy.
    #[error(transparent)]
    NoBundle(#[from] NoBundle),
    /// The store failed.
    #[error("the answer cannot be recorded")]
    Store(#[from] StoreError),
}

impl From<AnswerError> for Problem {
    fn from(error: AnswerError) -> Self {
        let kind = match error {
            AnswerError::NotFound(_) => ProblemType::NotFound,
            AnswerError::Hash { expected, .. } => {
                return Self::new(ProblemType::PlanHashMismatch, error.to_string())
                    .field("plan_hash", expected.to_string());
            }
            AnswerError::Closed(_) => ProblemType::ApprovalClosed,
            AnswerError::Stale => ProblemType::PlanStale,
            AnswerError::OwnRequest => ProblemType::OwnRequest,
            AnswerError::NotAnApprover { .. } => ProblemType::NotAnApprover,
            AnswerError::Policy(_, ref policies) => {
                return Self::new(ProblemType::NotAnApprover, error.to_string())
                    .policies(policies.clone());
            }
            AnswerError::Twice(_) => ProblemType::Conflict,
            AnswerError::Unsigned { .. } => ProblemType::SignatureMissing,
            AnswerError::Signature { .. } => ProblemType::SignatureInvalid,
            AnswerError::Reason => ProblemType::Invalid,
            AnswerError::NoBundle(error) => return error.into(),
            AnswerError::Store(error) => return error.into(),
        };
        Self::new(kind, error.to_string())
    }
}

/// A person's answer, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Given<'a> {
    pub(crate) operator: &'a Operator,
    pub(crate) approval: &'a ApprovalId,
    pub(crate) answer: Answer,
    pub(crate) plan_hash: Digest,
    pub(crate) reason: String,
    pub(crate) signature: Option<String>,
}

/// An approval with the plan around it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) stored: StoredPlan,
    pub(crate) approval: Approval,
}

impl Found {
    /// The step that waits.
    pub(crate) fn step(&self) -> Result<&Step, StoreError> {
        let missing = || StoreError::corrupt("approval", "its step is missing");
        self.stored
            .plan
            .step(&self.approval.step)
            .ok_or_else(missing)
    }
}

/// Reads an approval with its plan.
pub(crate) async fn find(
    authority: &Authority,
    connection: &mut AnyConnection,
    id: &ApprovalId,
) -> Result<Option<Found>, StoreError> {
    let tenant = &authority.settings.tenant;
    let Some(approval) = store::approvals::find(connection, tenant, id).await? else {
        return Ok(None);
    };
    let stored = store::plans::find(connection, tenant, &approval.plan).await?;
    Ok(stored.map(|stored| Found { stored, approval }))
}

/// Whether `operator` may answer now: the roles in which they may, or why not.
pub(crate) fn may_answer(
    found: &Found,
    operator: &Operator,
    bundle: &Bundle,
    now: Timestamp,
) -> Result<BTreeSet<String>, AnswerError> {
    let (plan, approval) = (&found.stored.plan, &found.approval);
    let state = approval.state_at(now);
    if state != ApprovalState::Pending {
        return Err(AnswerError::Closed(state));
    }
    if plan.bundle != bundle.hash() {
        return Err(AnswerError::Stale);
    }
    let requester = Requester {
        agent: &plan.agent,
        person: plan.requested_by.as_ref(),
    };
    if requester.is(&operator.id) {
        return Err(AnswerError::OwnRequest);
    }
    let roles = approval.wanted_roles(&operator.roles);
    if roles.is_empty() {
        let wanted: Vec<&str> = crate::quorum::roles(&approval.rule).into_iter().collect();
        let wanted = wanted.join(", ");
        return Err(AnswerError::NotAnApprover {
            operator: operator.id.clone(),
            wanted,
        });
    }
    may_by_policy(plan, found.step()?, operator, bundle)?;
    if approval.given.iter().any(|given| given.by == operator.id) {
        return Err(AnswerError::Twice(operator.id.clone()));
    }
    Ok(roles)
}

fn may_by_policy(
    plan: &Plan,
    step: &Step,
    operator: &Operator,
    bundle: &Bundle,
) -> Result<(), AnswerError> {
    let input = ApprovalInput {
        operator,
        agent: &plan.agent,
        requested_by: plan.requested_by.as_ref(),
        tool: &step.tool,
        effect: step.effect,
        resource: step.resource.as_deref(),
    };
    let permission = bundle.may_approve(&input);
    if permission.allowed {
        return Ok(());
    }
    Err(AnswerError::Policy(
        operator.id.clone(),
        permission.policies,
    ))
}

/// Takes one person's answer.
pub(crate) async fn answer(authority: &Authority, given: Given<'_>) -> Result<Found, AnswerError> {
    let bundle = authority.bundle()?;
    let now = authority.now();
    if given.reason.len() > MAX_REASON {
        return Err(AnswerError::Reason);
    }
    let mut tx = authority.write().await?;
    // Takes the row before it is read, so that two people's answers are counted one after the other.
    let pending = ApprovalState::Pending;
    store::approvals::move_state(&mut tx, given.approval, pending, pending).await?;
    let found = find(authority, &mut tx, given.approval)
        .await?
        .ok_or_else(|| AnswerError::NotFound(given.approval.clone()))?;
    if given.plan_hash != found.approval.plan_hash {
        let expected = found.approval.plan_hash;
        return Err(AnswerError::Hash {
            given: given.plan_hash,
            expected,
        });
    }
    let roles = may_answer(&found, given.operator, &bundle, now)?;
    check_signature(&found, &given)?;
    let said = GivenAnswer {
        by: given.operator.id.clone(),
        roles,
        answer: given.answer,
        reason: given.reason,
        signature: given.signature,
        at: now,
    };
    if !store::approvals::insert_answer(&mut tx, given.approval, &said).await? {
        return Err(AnswerError::Twice(given.operator.id.clone()));
    }
    record(authority, &mut tx, &found, &said).await?;
    match given.answer {
        Answer::Approve => count_quorum(&mut tx, found, said).await?,
        Answer::Deny => close(&mut tx, &found).await?,
    }
    tx.commit().await.map_err(StoreError::from)?;
    metrics::counter!("countersign_approval_answers_total", "decision" => given.answer.as_str())
        .increment(1);
    reread(authority, given.approval).await
}

fn check_signature(found: &Found, given: &Given<'_>) -> Result<(), AnswerError> {
    let operator = || given.operator.id.clone();
    let required =
        found.approval.signature == Signature::Required && given.answer == Answer::Approve;
    match (&given.signature, &given.operator.approver_key) {
        (None, _) if required => Err(AnswerError::Unsigned {
            effect: found.step()?.effect.as_str(),
        }),
        (None, _) => Ok(()),
        (Some(_), None) => Err(AnswerError::Signature {
            operator: operator(),
            hint: ": no `approver_key` stands in `operators.toml`",
        }),
        (Some(signature), Some(key)) => {
            if approval::verify(key, &found.approval.plan_hash, signature) {
                Ok(())
            } else {
                Err(AnswerError::Signature {
                    operator: operator(),
                    hint: "",
                })
            }
        }
    }
}

async fn count_quorum(
    tx: &mut Write,
    mut found: Found,
    said: GivenAnswer,
) -> Result<(), StoreError> {
    found.approval.given.push(said);
    if found.approval.has_quorum() {
        let (from, to) = (ApprovalState::Pending, ApprovalState::Approved);
        store::approvals::move_state(tx, &found.approval.id, from, to).await?;
    }
    Ok(())
}

/// One no closes the step, its plan, and everything that the plan still waits for.
async fn close(tx: &mut Write, found: &Found) -> Result<(), StoreError> {
    let (plan, approval) = (&found.stored.plan, &found.approval);
    let (pending, denied) = (ApprovalState::Pending, ApprovalState::Denied);
    store::approvals::move_state(tx, &approval.id, pending, denied).await?;
    for from in [StepState::Pending, StepState::NotSent] {
        store::plans::move_step(tx, &plan.id, &approval.step, from, StepState::Denied).await?;
    }
    store::plans::move_plan(tx, &plan.id, PlanState::Open, PlanState::Denied).await?;
    void_open(tx, plan).await?;
    store::plans::cancel_waiting(tx, &plan.id).await
}

/// Voids every approval of `plan` that led to no token.
pub(crate) async fn void_open(tx: &mut Write, plan: &Plan) -> Result<Vec<ApprovalId>, StoreError> {
    let mut voided = Vec::new();
    for approval in store::approvals::open_of(tx, &plan.id).await? {
        let void = ApprovalState::Void;
        if store::approvals::move_state(tx, &approval.id, approval.state, void).await? {
            voided.push(approval.id);
        }
    }
    Ok(voided)
}

async fn record(
    authority: &Authority,
    tx: &mut Write,
    found: &Found,
    said: &GivenAnswer,
) -> Result<(), StoreError> {
    let body = json!({
        "event": "answered", "approval": found.approval.id, "plan": found.approval.plan,
        "plan_sha256": found.approval.plan_hash, "step": found.approval.step, "by": said.by,
        "roles": said.roles, "decision": said.answer.as_str(), "reason": said.reason,
        "signature": said.signature,
    });
    authority.record(tx, Kind::Approval, said.at, body).await
}

/// The approval after its answer, told to everybody who watches.
async fn reread(authority: &Authority, id: &ApprovalId) -> Result<Found, AnswerError> {
    let mut connection = authority.read().await?;
    let found = find(authority, &mut connection, id).await?;
    let found = found.ok_or_else(|| AnswerError::NotFound(id.clone()))?;
    for approval in store::approvals::of_plan(&mut connection, &found.approval.plan).await? {
        publish::approval(authority, &found.stored.plan, approval);
    }
    publish::plan(authority, &found.stored);
    Ok(found)
}

//! Issuing a step's token: at the last moment, for exactly one call, once.

mod check;
mod gate;
mod mint;

use countersign_intent::id::{ApprovalId, PlanId, StepId};
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::render::{RenderedCall, render};
use countersign_intent::tool::{Effect, Params, Tool};
use countersign_service::database::Write;
use countersign_service::directory::Agent;
use countersign_service::problem::{Problem, ProblemType, Reason};
use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::AnyConnection;

use crate::authority::{Authority, NoBundle};
use crate::history::{self, Made};
use crate::judge::{self, Candidate, Judgement, Question};
use crate::plan::{Plan, Step, StoredPlan};
use crate::policy::{Bundle, RecentFacts, Verdict};
use crate::publish;
use crate::store::{self, StoreError};
use gate::Gate;

/// Why a token was not issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum IssueError {
    /// No such plan or step, or another agent's.
    #[error("{0}")]
    NotFound(String),
    /// Policy or a person denies.
    #[error("{detail}")]
    Denied {
        /// What was denied.
        detail: String,
        /// Why.
        reasons: Vec<Reason>,
        /// By which policies.
        policies: Vec<String>,
    },
    /// The state of the plan, the step or its approval does not allow it.
    #[error("{1}")]
    State(ProblemType, String),
    /// The call itself is refused: its parameters, or the kill switch.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// There is no policy.
    #[error(transparent)]
    NoBundle(#[from] NoBundle),
    /// The store failed.
    #[error("the token cannot be recorded")]
    Store(#[from] StoreError),
}

impl From<Refusal> for IssueError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<sqlx::Error> for IssueError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::NotFound(detail) => Self::new(ProblemType::NotFound, detail),
            IssueError::Denied {
                detail,
                reasons,
                policies,
            } => Self::new(ProblemType::PlanDenied, detail)
                .reasons(reasons)
                .policies(policies),
            IssueError::State(kind, detail) => Self::new(kind, detail),
            IssueError::Refused(refusal) => refusal.into(),
            IssueError::NoBundle(error) => error.into(),
            IssueError::Store(error) => error.into(),
        }
    }
}

/// What a token request came to.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The signed token.
    Token {
        /// Its text: known to the agent alone from here on.
        token: String,
        /// When it expires.
        expires_at: Timestamp,
        /// The approvals that the agent sends along, encoded.
        approvals: Option<String>,
    },
    /// People were asked and have not answered yet.
    Waiting(ApprovalId),
}

/// Which step, for whom, with which exact parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) agent: &'a Agent,
    pub(crate) plan: &'a PlanId,
    pub(crate) step: &'a StepId,
    pub(crate) params: Option<&'a Map<String, Value>>,
}

/// Issues the token of a step, or says why not.
pub(crate) async fn issue(authority: &Authority, wanted: Wanted<'_>) -> Result<Answer, IssueError> {
    let bundle = authority.bundle()?;
    let now = authority.now();
    let mut connection = authority.read().await?;
    let found = find(authority, &mut connection, wanted).await?;
    drop(connection);
    let step = step_of(&found.plan, wanted)?;
    check::runnable(&found.plan, step, &bundle)?;
    check::last_token_is_spent(authority, step).await?;
    let call = call(&bundle, &found.plan, step, wanted)?;
    let judgement = decide_again(authority, &bundle, wanted.agent, &found.plan, &call, now).await?;

    // What was read may have changed since: it is read again in the transaction that records the token.
    let mut tx = authority.write().await?;
    let found = find(authority, &mut tx, wanted).await?;
    let current = step_of(&found.plan, wanted)?;
    check::runnable(&found.plan, current, &bundle)?;
    check::same_token(step, current)?;
    check::epoch_is_current(&mut tx, &found.plan).await?;
    check::nothing_is_stopped(authority, &mut tx, &found.plan, current).await?;
    let approval = match gate::pass(authority, &mut tx, &found, current, &judgement, now).await? {
        Gate::Open(approval) => approval.map(|approval| *approval),
        Gate::Waiting { id, new } => {
            tx.commit().await?;
            if let Some(approval) = new {
                publish::plan_again(authority, &found.plan.id).await;
                publish::approval(authority, &found.plan, *approval);
            }
            return Ok(Answer::Waiting(id));
        }
    };
    let approvals = match &approval {
        Some(approval) => Some(approval.to_set(signed_plan(&mut tx, &found.plan, &call).await?)),
        None => None,
    };
    let minted = mint::mint(authority, &found, &call, approvals, now);
    mint::record(
        authority,
        &mut tx,
        &found,
        &call,
        approval.as_ref(),
        &minted,
        now,
    )
    .await?;
    tx.commit().await?;
    metrics::counter!("countersign_tokens_issued_total", "effect" => call.tool.effect.as_str())
        .increment(1);
    tracing::info!(target: "audit", jti = %minted.jti, plan_id = %found.plan.id,
        step = %call.step.id, tool = %call.tool.name, "issued a token");
    publish::plan_again(authority, &found.plan.id).await;
    if let Some(approval) = approval {
        publish::approval_again(authority, &approval.id).await;
    }
    Ok(Answer::Token {
        token: minted.token,
        expires_at: minted.expires_at,
        approvals: minted.approvals,
    })
}

async fn find(
    authority: &Authority,
    connection: &mut AnyConnection,
    wanted: Wanted<'_>,
) -> Result<StoredPlan, IssueError> {
    let found = store::plans::find(connection, &authority.settings.tenant, wanted.plan).await?;
    found
        .filter(|found| found.plan.agent == wanted.agent.id)
        .ok_or_else(|| IssueError::NotFound(format!("there is no plan `{}`", wanted.plan)))
}

fn step_of<'a>(plan: &'a Plan, wanted: Wanted<'_>) -> Result<&'a Step, IssueError> {
    let missing = || IssueError::NotFound(format!("the plan has no step `{}`", wanted.step));
    plan.step(wanted.step).ok_or_else(missing)
}

/// The one call that a token is for, and the agent that may make it.
struct Call<'a> {
    agent: &'a Agent,
    step: &'a Step,
    tool: &'a Tool,
    params: Params,
    request: RenderedCall,
}

fn call<'a>(
    bundle: &'a Bundle,
    plan: &Plan,
    step: &'a Step,
    wanted: Wanted<'a>,
) -> Result<Call<'a>, IssueError> {
    let tool = judge::find_tool(bundle, &step.tool)?;
    if tool.definition_sha256() != step.definition_sha256 {
        let detail = format!(
            "`{}` changed since plan `{}` was judged",
            tool.name, plan.id
        );
        return Err(IssueError::State(ProblemType::PlanStale, detail));
    }
    let params = judge::fitting(tool, check::exact_params(step, wanted.params)?)?;
    let request = render(tool, &params)
        .map_err(|error| Refusal::new(RefusalCode::RenderRefused, error.to_string()))?;
    Ok(Call {
        agent: wanted.agent,
        step,
        tool,
        params,
        request,
    })
}

/// Policy has the last word, over the exact call at the time when it may run.
async fn decide_again(
    authority: &Authority,
    bundle: &Bundle,
    agent: &Agent,
    plan: &Plan,
    call: &Call<'_>,
    now: Timestamp,
) -> Result<Judgement, IssueError> {
    let resource = judge::resource_name(call.tool, &call.params);
    let recent = RecentFacts::default();
    let mut candidate = Candidate {
        params: call.params.clone(),
        resource,
        recent,
    };
    let mut connection = authority.read().await?;
    candidate.recent = history::recent(
        authority,
        &mut connection,
        agent,
        call.tool,
        &candidate,
        now,
    )
    .await?;
    // A value that fills a bound is made now, after whatever was read since.
    let made = Made {
        agent: &plan.agent,
        run: plan.run.as_ref(),
    };
    let tainted = plan.tainted
        || (!call.step.bounds.is_empty()
            && history::is_tainted(authority, &mut connection, bundle, made).await?);
    drop(connection);
    let plan_facts = judge::facts(
        plan.steps
            .iter()
            .map(|step| (step.effect, step.resource.clone())),
    );
    let question = Question {
        agent,
        tool: call.tool,
        candidate: &candidate,
        plan: plan_facts,
        tainted,
        now,
    };
    let judgement = judge::decide(bundle, question);
    match judgement.verdict {
        Verdict::Allow | Verdict::NeedsApproval => Ok(judgement),
        Verdict::Deny => Err(IssueError::Denied {
            detail: "policy denies this call as it stands now".to_owned(),
            reasons: judgement.reasons,
            policies: judgement.policies,
        }),
    }
}

/// What the approvers signed, where the enforcer checks their signatures: for it to see that they were
/// given for this very call.
async fn signed_plan(
    tx: &mut Write,
    plan: &Plan,
    call: &Call<'_>,
) -> Result<Option<String>, StoreError> {
    match call.tool.effect {
        Effect::Read | Effect::Service => Ok(None),
        Effect::Destructive | Effect::Data => store::plans::bytes(tx, &plan.id).await,
    }
}

//! The authority's routes, one file each.

pub(crate) mod cancel_plan;
pub(crate) mod decide_approval;
pub(crate) mod explain_call;
pub(crate) mod get_approval;
pub(crate) mod get_control;
pub(crate) mod get_jwks;
pub(crate) mod get_plan;
pub(crate) mod get_policies;
pub(crate) mod issue_token;
pub(crate) mod list_agents;
pub(crate) mod list_approvals;
pub(crate) mod list_entries;
pub(crate) mod list_plans;
pub(crate) mod list_tools;
mod optional;
mod query;
pub(crate) mod reload_policies;
pub(crate) mod set_control;
pub(crate) mod submit_plan;
pub(crate) mod submit_receipts;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use countersign_intent::id::AgentId;
use countersign_service::credential::{AnyCaller, Credentials};
use jiff::Timestamp;
use utoipa::OpenApi;

use crate::answer::{self, AnswerError, Found};
use crate::authority::{Authority, NoBundle};
use crate::store::StoreError;
use crate::store::plans::Whose;
use crate::view::{ApprovalView, Around};

/// What the routes work with.
#[derive(Clone, Debug)]
pub(crate) struct AppState {
    pub(crate) authority: Authority,
    pub(crate) credentials: Credentials,
}

impl FromRef<AppState> for Authority {
    fn from_ref(state: &AppState) -> Self {
        state.authority.clone()
    }
}

impl FromRef<AppState> for Credentials {
    fn from_ref(state: &AppState) -> Self {
        state.credentials.clone()
    }
}

/// The paths and schemas of this role's own routes.
#[derive(Debug, OpenApi)]
#[openapi(paths(
    submit_plan::submit_plan,
    list_plans::list_plans,
    get_plan::get_plan,
    cancel_plan::cancel_plan,
    issue_token::issue_token,
    list_approvals::list_approvals,
    get_approval::get_approval,
    decide_approval::decide_approval,
    submit_receipts::submit_receipts,
    explain_call::explain_call,
    list_tools::list_tools,
    list_agents::list_agents,
    get_policies::get_policies,
    reload_policies::reload_policies,
    get_control::get_control,
    set_control::set_control,
    get_jwks::get_jwks,
    list_entries::list_entries,
))]
pub(crate) struct Paths;

/// The routes with their state.
pub(crate) fn router(state: AppState) -> Router {
    Router::new()
        .route(
            "/v1/plans",
            get(list_plans::list_plans).post(submit_plan::submit_plan),
        )
        .route("/v1/plans/{plan_id}", get(get_plan::get_plan))
        .route("/v1/plans/{plan_id}/cancel", post(cancel_plan::cancel_plan))
        .route(
            "/v1/plans/{plan_id}/steps/{step}/token",
            post(issue_token::issue_token),
        )
        .route("/v1/approvals", get(list_approvals::list_approvals))
        .route(
            "/v1/approvals/{approval_id}",
            get(get_approval::get_approval),
        )
        .route(
            "/v1/approvals/{approval_id}/decision",
            post(decide_approval::decide_approval),
        )
        .route("/v1/receipts", post(submit_receipts::submit_receipts))
        .route("/v1/explain", post(explain_call::explain_call))
        .route("/v1/tools", get(list_tools::list_tools))
        .route("/v1/agents", get(list_agents::list_agents))
        .route("/v1/policies", get(get_policies::get_policies))
        .route(
            "/v1/policies/reload",
            post(reload_policies::reload_policies),
        )
        .route(
            "/v1/control",
            get(get_control::get_control).post(set_control::set_control),
        )
        .route("/.well-known/jwks.json", get(get_jwks::get_jwks))
        .route("/v1/ledger/entries", get(list_entries::list_entries))
        .with_state(state)
}

/// Whose plans and approvals a caller sees.
fn whose(caller: &AnyCaller) -> Whose<'_> {
    match caller {
        AnyCaller::Agent(agent) => Whose::Agent(&agent.id),
        AnyCaller::Operator(_) | AnyCaller::Service => Whose::All,
    }
}

/// Whether a caller sees what belongs to `agent`.
fn is_theirs(caller: &AnyCaller, agent: &AgentId) -> bool {
    match whose(caller) {
        Whose::All => true,
        Whose::Agent(own) => own == agent,
    }
}

/// The caller's name, for records.
fn name(caller: &AnyCaller) -> String {
    match caller {
        AnyCaller::Agent(agent) => agent.id.to_string(),
        AnyCaller::Operator(operator) => operator.id.to_string(),
        AnyCaller::Service => "service".to_owned(),
    }
}

/// An approval as `caller` sees it.
fn approval_view(
    authority: &Authority,
    caller: &AnyCaller,
    found: Found,
    now: Timestamp,
) -> Result<ApprovalView, StoreError> {
    let why_not = match (caller, authority.bundle()) {
        (AnyCaller::Operator(operator), Ok(bundle)) => {
            match answer::may_answer(&found, operator, &bundle, now) {
                Ok(_) => None,
                Err(AnswerError::Store(error)) => return Err(error),
                Err(error) => Some(error.to_string()),
            }
        }
        (AnyCaller::Operator(_), Err(NoBundle)) => Some(NoBundle.to_string()),
        (AnyCaller::Agent(_) | AnyCaller::Service, _) => {
            Some("only a person may answer".to_owned())
        }
    };
    let step = found.step()?.clone();
    let around = Around {
        plan: &found.stored.plan,
        step: &step,
        now,
    };
    let mut view = ApprovalView::of(found.approval, around);
    view.can_decide = Some(why_not.is_none());
    view.why_not = why_not;
    Ok(view)
}

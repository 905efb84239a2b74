//! `POST /v1/plans/{plan_id}/steps/{step}/token`

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_intent::id::{ApprovalId, PlanId, StepId};
use countersign_service::credential::AgentCaller;
use countersign_service::extract::{Json, Path};
use countersign_service::problem::{Problem, ProblemDocument};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::optional::OptionalJson;
use crate::authority::Authority;
use crate::issue::{self, Answer, Wanted};
use crate::receive;

/// What a token request may say.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRequest {
    /// The exact parameters, where the step has bounds. Others must equal the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) params: Option<Map<String, Value>>,
    /// Receipts of earlier steps, which may not have arrived from the enforcer yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) receipts: Vec<String>,
}

/// A step's token.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct IssuedToken {
    /// The intent token: a compact JWS, to be sent in `Intent-Token`. It is shown once.
    pub(crate) token: String,
    /// When it expires.
    pub(crate) expires_at: Timestamp,
    /// The approvals, to be sent along in `Intent-Approvals`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) approvals: Option<String>,
}

/// People were asked.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ApprovalPending {
    /// The approval that the step waits for.
    pub(crate) approval_id: ApprovalId,
}

/// Issues the token of a step that may run now.
///
/// Everything before the step must be done, policy is asked once more about the exact call, and people
/// must have approved it where policy says so. One step gets one token; another only after the enforcer
/// says that the first expired unused or that its call was never sent.
#[utoipa::path(post, path = "/v1/plans/{plan_id}/steps/{step}/token", tag = "tokens",
    operation_id = "issue_token", request_body = TokenRequest, security(("bearer" = [])),
    params(("plan_id" = PlanId, Path, description = "The plan"),
        ("step" = StepId, Path, description = "The step of it")),
    responses(
        (status = 201, description = "The token", body = IssuedToken),
        (status = 202, description = "People have not answered yet", body = ApprovalPending),
        (status = 401, description = "No agent's key", body = ProblemDocument),
        (status = 403, description = "Denied, or stopped by the kill switch", body = ProblemDocument),
        (status = 404, description = "No such plan or step of this agent", body = ProblemDocument),
        (status = 409, description = "Not now, or never again", body = ProblemDocument),
        (status = 422, description = "Parameters outside the bounds, or a receipt that is refused",
            body = ProblemDocument),
    ))]
pub(crate) async fn issue_token(
    AgentCaller(agent): AgentCaller,
    State(authority): State<Authority>,
    Path((plan, step)): Path<(PlanId, StepId)>,
    OptionalJson(request): OptionalJson<TokenRequest>,
) -> Result<Response, Problem> {
    receive::receive(&authority, &request.receipts).await?;
    let params = request.params.as_ref();
    let wanted = Wanted {
        agent: &agent,
        plan: &plan,
        step: &step,
        params,
    };
    match issue::issue(&authority, wanted).await? {
        Answer::Token {
            token,
            expires_at,
            approvals,
        } => {
            let body = Json(IssuedToken {
                token,
                expires_at,
                approvals,
            });
            Ok((StatusCode::CREATED, body).into_response())
        }
        Answer::Waiting(approval_id) => {
            Ok((StatusCode::ACCEPTED, Json(ApprovalPending { approval_id })).into_response())
        }
    }
}

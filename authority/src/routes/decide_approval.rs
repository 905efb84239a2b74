//! `POST /v1/approvals/{approval_id}/decision`

use axum::extract::State;
use countersign_intent::digest::Digest;
use countersign_intent::id::ApprovalId;
use countersign_service::credential::{AnyCaller, OperatorCaller};
use countersign_service::extract::{Json, Path};
use countersign_service::problem::{Problem, ProblemDocument};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::approval_view;
use crate::answer::{self, Given};
use crate::authority::Authority;
use crate::state::Answer;
use crate::view::ApprovalView;

/// A person's answer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionRequest {
    /// Yes or no.
    pub(crate) decision: Answer,
    /// The hash of the plan that the person looked at.
    pub(crate) plan_hash: Digest,
    /// Why.
    #[serde(default)]
    pub(crate) reason: String,
    /// The person's Ed25519 signature over the 32 bytes of the plan hash, base64url without padding.
    /// Required for a yes to `destructive` and `data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<String>,
}

/// Answers an approval.
///
/// The hash must be that of the plan that was shown. Who asked may not answer; policy and the rule's
/// roles say who may. One no closes the step and its plan.
#[utoipa::path(post, path = "/v1/approvals/{approval_id}/decision", tag = "approvals",
    operation_id = "decide_approval", request_body = DecisionRequest, security(("bearer" = [])),
    params(("approval_id" = ApprovalId, Path, description = "The approval")),
    responses(
        (status = 200, description = "Answered", body = ApprovalView),
        (status = 401, description = "No operator's key", body = ProblemDocument),
        (status = 403, description = "Not this person, or not their signature", body = ProblemDocument),
        (status = 404, description = "No such approval", body = ProblemDocument),
        (status = 409, description = "Another plan hash, or closed", body = ProblemDocument),
        (status = 422, description = "No answer, or no signature", body = ProblemDocument),
    ))]
pub(crate) async fn decide_approval(
    OperatorCaller(operator): OperatorCaller,
    State(authority): State<Authority>,
    Path(id): Path<ApprovalId>,
    Json(request): Json<DecisionRequest>,
) -> Result<Json<ApprovalView>, Problem> {
    let given = Given {
        operator: &operator,
        approval: &id,
        answer: request.decision,
        plan_hash: request.plan_hash,
        reason: request.reason,
        signature: request.signature,
    };
    let found = answer::answer(&authority, given).await?;
    let now = authority.now();
    Ok(Json(approval_view(
        &authority,
        &AnyCaller::Operator(operator),
        found,
        now,
    )?))
}

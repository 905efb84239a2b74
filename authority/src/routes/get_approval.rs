//! `GET /v1/approvals/{approval_id}`

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_intent::id::ApprovalId;
use countersign_service::credential::AnyCaller;
use countersign_service::extract::{Json, Path};
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};

use super::{approval_view, is_theirs};
use crate::answer;
use crate::authority::Authority;
use crate::store;
use crate::view::ApprovalView;

/// Reads an approval, with the exact bytes that its plan hash covers.
#[utoipa::path(get, path = "/v1/approvals/{approval_id}", tag = "approvals",
    operation_id = "get_approval", security(("bearer" = [])),
    params(("approval_id" = ApprovalId, Path, description = "The approval")),
    responses(
        (status = 200, description = "The approval as it is now", body = ApprovalView),
        (status = 401, description = "No key", body = ProblemDocument),
        (status = 404, description = "No such approval", body = ProblemDocument),
    ))]
pub(crate) async fn get_approval(
    caller: AnyCaller,
    State(authority): State<Authority>,
    Path(id): Path<ApprovalId>,
) -> Result<Json<ApprovalView>, Problem> {
    let mut connection = authority.read().await?;
    let found = answer::find(&authority, &mut connection, &id).await?;
    let Some(found) = found.filter(|found| is_theirs(&caller, &found.stored.plan.agent)) else {
        return Err(Problem::new(
            ProblemType::NotFound,
            format!("there is no approval `{id}`"),
        ));
    };
    let bytes = store::plans::bytes(&mut connection, &found.stored.plan.id).await?;
    let mut view = approval_view(&authority, &caller, found, authority.now())?;
    view.plan_bytes = bytes.map(|bytes| STANDARD.encode(bytes));
    Ok(Json(view))
}

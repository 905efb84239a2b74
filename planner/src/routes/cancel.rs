//! `POST /v1/runs/{run_id}/cancel`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use countersign_intent::id::RunId;
use countersign_service::credential::OperatorCaller;
use countersign_service::extract::{Json, Path};
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use http::StatusCode;

use super::runs;
use crate::driver::Context;
use crate::run::view::RunView;

/// How long the answer waits for the run to end. A call that was sent is waited for by the run.
const WAIT: Duration = Duration::from_secs(2);

/// Withdraws a run. A call that was sent is finished first; nothing is sent after it.
#[utoipa::path(
    post, path = "/v1/runs/{run_id}/cancel", tag = "runs", operation_id = "cancel_run",
    security(("bearer" = [])),
    params(("run_id" = RunId, Path)),
    responses(
        (status = 200, body = RunView, description = "It has ended"),
        (status = 202, body = RunView, description = "It ends once the call that was sent is answered"),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn cancel_run(
    OperatorCaller(operator): OperatorCaller,
    State(context): State<Arc<Context>>,
    Path(run_id): Path<RunId>,
) -> Result<(StatusCode, Json<RunView>), Problem> {
    let Some(live) = context.registry.get(&run_id) else {
        let run = runs::find(&context, &run_id).await?;
        let detail = format!("run `{run_id}` is {} already", run.state());
        return Err(Problem::new(ProblemType::Conflict, detail));
    };
    let mut views = live.watch();
    live.cancel(operator.id.clone());
    let ended = views.wait_for(|view| view.state.ended());
    let ended = tokio::time::timeout(WAIT, ended)
        .await
        .is_ok_and(|view| view.is_ok());
    let status = if ended {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let view = views.borrow().as_ref().clone();
    Ok((status, Json(view)))
}

//! `GET /v1/runs` and `GET /v1/runs/{run_id}`.

use std::sync::Arc;

use axum::extract::State;
use countersign_intent::id::RunId;
use countersign_service::credential::ObserverCaller;
use countersign_service::extract::{Json, Path, Query};
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::DEFAULT_LIMIT;
use crate::driver::Context;
use crate::run::Run;
use crate::run::view::RunView;
use crate::store;

/// The newest runs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct RunList {
    /// Newest first, without what their steps were answered.
    runs: Vec<RunView>,
}

/// How many runs are wanted.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// 1 to 500; 100 when absent.
    limit: Option<u16>,
}

/// Lists the newest runs.
#[utoipa::path(
    get, path = "/v1/runs", tag = "runs", operation_id = "list_runs",
    security(("bearer" = [])),
    params(("limit" = Option<u16>, Query, description = "1 to 500; 100 when absent")),
    responses(
        (status = 200, body = RunList),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_runs(
    _: ObserverCaller,
    State(context): State<Arc<Context>>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<RunList>, Problem> {
    let limit = wanted
        .limit
        .map_or(DEFAULT_LIMIT, |limit| i64::from(limit.clamp(1, 500)));
    let runs = store::list(&context.database, limit).await?;
    Ok(Json(RunList {
        runs: runs.iter().map(|run| run.view().brief()).collect(),
    }))
}

/// Reads one run.
#[utoipa::path(
    get, path = "/v1/runs/{run_id}", tag = "runs", operation_id = "get_run",
    security(("bearer" = [])),
    params(("run_id" = RunId, Path)),
    responses(
        (status = 200, body = RunView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn get_run(
    _: ObserverCaller,
    State(context): State<Arc<Context>>,
    Path(run_id): Path<RunId>,
) -> Result<Json<RunView>, Problem> {
    let run = find(&context, &run_id).await?;
    Ok(Json(run.view().clone()))
}

/// The run called `run_id`, or `not_found`.
pub(super) async fn find(context: &Context, run_id: &RunId) -> Result<Run, Problem> {
    let run = store::find(&context.database, run_id).await?;
    run.ok_or_else(|| Problem::new(ProblemType::NotFound, format!("there is no run `{run_id}`")))
}

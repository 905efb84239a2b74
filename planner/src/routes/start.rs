//! `POST /v1/runs`: starts a run and answers at once.

use std::sync::Arc;

use axum::extract::State;
use countersign_intent::id::{AgentId, OperatorId, RunId};
use countersign_intent::plan::MAX_TEXT;
use countersign_service::credential::OperatorCaller;
use countersign_service::extract::Json;
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use countersign_service::random::Random;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::driver::{self, Context};
use crate::live::{Live, TooMany};
use crate::run::{Order, Run};
use crate::store::{self, StoreError};

/// The largest trigger, in bytes of JSON.
const MAX_TRIGGER: usize = 4_096;

/// Why a run was not started.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    /// The goal is empty or too long.
    #[error("a goal has 1 to {MAX_TEXT} bytes")]
    Goal,
    /// The trigger is too large.
    #[error("a trigger has at most {MAX_TRIGGER} bytes")]
    Trigger,
    /// Enough is going on.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The run cannot be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Goal => {
                Self::new(ProblemType::Invalid, error.to_string()).field("field", "goal")
            }
            StartError::Trigger => {
                Self::new(ProblemType::Invalid, error.to_string()).field("field", "trigger")
            }
            StartError::TooMany(error) => {
                Self::new(ProblemType::TooManyRequests, error.to_string())
            }
            StartError::Store(error) => error.into(),
        }
    }
}

/// What should be true afterwards.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunRequest {
    /// In the caller's words: an explicit request such as `scale payments to 4`, or something about health
    /// such as `restore payments`.
    #[schema(min_length = 1, max_length = 4096)]
    goal: String,
    /// What started the run; `alert` names an alert that it is about.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    trigger: Option<Value>,
}

/// The run that was started.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Started {
    /// The run.
    run_id: RunId,
}

/// Starts runs.
#[derive(Clone, Debug)]
pub(crate) struct Starter {
    context: Arc<Context>,
    agent: AgentId,
    random: Random,
}

impl Starter {
    /// Starts runs in `context` as `agent`.
    pub(super) fn new(context: Arc<Context>, agent: AgentId, random: Random) -> Self {
        Self {
            context,
            agent,
            random,
        }
    }

    /// Admits, stores and starts a run.
    pub(super) async fn start(
        &self,
        goal: &str,
        trigger: Option<Value>,
        by: OperatorId,
    ) -> Result<(RunId, Arc<Live>), StartError> {
        let goal = goal.trim();
        if goal.is_empty() || goal.len() > MAX_TEXT {
            return Err(StartError::Goal);
        }
        let trigger = trigger.filter(|trigger| !trigger.is_null());
        if trigger
            .as_ref()
            .is_some_and(|trigger| trigger.to_string().len() > MAX_TRIGGER)
        {
            return Err(StartError::Trigger);
        }
        let now = self.context.clock.now();
        let run_id = RunId::mint(now, self.random.bytes());
        let order = Order {
            run_id: run_id.clone(),
            goal: goal.to_owned(),
            trigger,
            requested_by: Some(by),
            agent: self.agent.clone(),
        };
        let run = Run::new(now, order);
        let live = Live::new(run.view().clone(), self.context.tasks.token().child_token());
        let live = self.context.registry.admit(run_id.clone(), live)?;
        if let Err(error) = store::save(&self.context.database, &run).await {
            self.context.registry.dismiss(&run_id);
            return Err(error.into());
        }
        self.context
            .hub
            .publish("run", run_id.as_str(), &run.view().brief());
        driver::spawn(&self.context, Arc::clone(&live), run);
        Ok((run_id, live))
    }
}

/// Starts a run and answers at once.
#[utoipa::path(
    post, path = "/v1/runs", tag = "runs", operation_id = "start_run",
    security(("bearer" = [])),
    request_body = RunRequest,
    responses(
        (status = 202, body = Started),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn start_run(
    OperatorCaller(operator): OperatorCaller,
    State(starter): State<Starter>,
    Json(body): Json<RunRequest>,
) -> Result<(StatusCode, Json<Started>), Problem> {
    let (run_id, _) = starter
        .start(&body.goal, body.trigger, operator.id.clone())
        .await?;
    Ok((StatusCode::ACCEPTED, Json(Started { run_id })))
}

//! The shell around a run: carries out what the state machine wants, reports what came of it, and stores
//! the run after every event.

mod act;
mod reads;
mod sense;
mod verify;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use countersign_intent::id::PlanId;
use countersign_intent::plan::{PlanRequest, StepRequest};
use countersign_service::client::PeerError;
use countersign_service::clock::Clock;
use countersign_service::database::Database;
use countersign_service::events::Hub;
use countersign_service::problem::error_chain;
use countersign_service::tasks::Tasks;
use tokio::sync::Semaphore;

use crate::authority::{Authority, ToolsError};
use crate::config::Pace;
use crate::enforcer::Enforcer;
use crate::live::{Live, Registry};
use crate::planning::Planning;
use crate::run::event::{Event, StepEvent};
use crate::run::view::{Failure, RunState};
use crate::run::{Action, Run};
use crate::store;
use crate::tools::Toolbox;
use reads::Leases;

/// How long a plan's withdrawal may take.
const WITHDRAWAL: Duration = Duration::from_secs(2);

/// What every run works with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) authority: Authority,
    pub(crate) enforcer: Enforcer,
    pub(crate) planning: Planning,
    pub(crate) database: Database,
    pub(crate) hub: Hub,
    pub(crate) clock: Clock,
    pub(crate) pace: Pace,
    pub(crate) registry: Registry,
    /// How many may watch a single run at once.
    pub(crate) watchers: Arc<Semaphore>,
    pub(crate) tasks: Tasks,
}

/// One run being driven.
pub(crate) struct Driver {
    context: Arc<Context>,
    live: Arc<Live>,
    run: Run,
    tools: Arc<Toolbox>,
    leases: Leases,
}

/// Why a driver leaves its run where it is.
#[derive(Debug, thiserror::Error)]
enum Stop {
    /// Something broke; the run fails.
    #[error("{}", .0.message)]
    Broke(Failure),
    /// A person or the process wants an end; the loop sees to it.
    #[error("the run is to stop")]
    Halted,
    /// The run cannot be stored, so nothing more may happen to it in this process.
    #[error("the run cannot be stored")]
    Store(#[from] store::StoreError),
}

impl From<PeerError> for Stop {
    fn from(error: PeerError) -> Self {
        Self::Broke(failure_of(&error))
    }
}

impl From<ToolsError> for Stop {
    fn from(error: ToolsError) -> Self {
        match error {
            ToolsError::Peer(error) => error.into(),
            ToolsError::Tool(error) => Self::Broke(Failure::new("catalogue", error.to_string())),
        }
    }
}

impl Driver {
    /// A driver for `run`.
    pub(crate) fn new(context: Arc<Context>, live: Arc<Live>, run: Run) -> Self {
        Self {
            context,
            live,
            run,
            tools: Arc::default(),
            leases: Leases::default(),
        }
    }

    /// Drives the run to its end, or until the process ends.
    pub(crate) async fn drive(mut self) {
        let id = self.run.view().run_id.clone();
        while self.run.next() != Action::Rest {
            let Err(stop) = self.once().await else {
                continue;
            };
            let recorded = match (stop, self.live.cancelled_by()) {
                (Stop::Broke(failure), _) => self.record(Event::Broke(failure)).await,
                (Stop::Halted, Some(by)) => self.record(Event::Cancelled(by)).await,
                (Stop::Halted, None) => {
                    let state = self.run.state();
                    tracing::info!(run.id = %id, run.state = %state, "the run goes on after a restart");
                    break;
                }
                (stop @ Stop::Store(_), _) => Err(stop),
            };
            if let Err(error) = recorded {
                tracing::error!(run.id = %id, error = %error_chain(&error), "the run stops");
                break;
            }
        }
        if self.run.state().ended() {
            self.told();
        }
        self.context.registry.dismiss(&id);
    }

    /// Does the next thing.
    async fn once(&mut self) -> Result<(), Stop> {
        let action = self.run.next();
        // What is under way is finished first: a call that was sent, and the look at what it did.
        let under_way = matches!(action, Action::Check(_) | Action::Recover(_));
        if self.live.halt().is_cancelled() && (!under_way || self.live.cancelled_by().is_none()) {
            return Err(Stop::Halted);
        }
        match action {
            Action::Sense => {
                let sense = self.sense().await?;
                self.record(Event::Sensed(sense)).await
            }
            Action::Plan => {
                let event = self.plan().await?;
                self.record(event).await
            }
            Action::Submit => self.submit().await,
            Action::Run(step) => self.run_step(&step).await,
            Action::Recover(step) => {
                let event = self.recover(&step).await?;
                self.tell(event).await
            }
            Action::Check(step) => {
                let event = self.check(&step).await?;
                self.tell(event).await
            }
            Action::Verify => {
                let open = self.verify().await?;
                self.record(Event::Verified(open)).await
            }
            Action::Rest => Ok(()),
        }
    }

    async fn plan(&mut self) -> Result<Event, Stop> {
        self.need_tools().await?;
        let now = self.context.clock.now();
        let context = Arc::clone(&self.context);
        let planning = context.planning.plan(&self.run, &self.tools, now);
        self.unless_halted(planning).await
    }

    /// Has the plan judged.
    async fn submit(&mut self) -> Result<(), Stop> {
        let Some(proposal) = self.run.proposal() else {
            return Err(broke("internal", "there is no plan to submit"));
        };
        let view = self.run.view();
        let steps: Vec<StepRequest> = proposal
            .steps
            .iter()
            .map(|step| StepRequest {
                id: step.id.clone(),
                tool: step.tool.clone(),
                params: step.params.clone(),
                bounds: std::collections::BTreeMap::new(),
                precondition: None,
                reason: Some(step.reason.clone()),
                after: step.after.clone(),
            })
            .collect();
        let ids: Vec<_> = steps.iter().map(|step| step.id.clone()).collect();
        let plan = PlanRequest {
            goal: view.goal.clone(),
            run: Some(view.run_id.clone()),
            requested_by: view.requested_by.clone(),
            steps,
        };
        let answer = self
            .patiently(|| self.context.authority.submit(&plan))
            .await?;
        let Some(judgement) = answer.judgement(ids.iter()) else {
            return Err(broke(
                "authority_answer",
                "the authority's answer is not about the plan",
            ));
        };
        self.record(Event::Judged(judgement)).await
    }

    /// Takes what happened to a step.
    async fn tell(&mut self, event: StepEvent) -> Result<(), Stop> {
        self.record(Event::Step(event)).await
    }

    /// Takes an event: the run changes, is stored, and is shown.
    async fn record(&mut self, event: Event) -> Result<(), Stop> {
        let now = self.context.clock.now();
        let plan_before = self.run.plan_id().cloned();
        let mut next = self.run.clone();
        if let Err(error) = next.on(now, event) {
            tracing::error!(run.id = %next.view().run_id, %error, "a run was told something impossible");
            let failure = Failure::new("internal", error.to_string());
            if next.on(now, Event::Broke(failure)).is_err() {
                return Ok(());
            }
        }
        store::save(&self.context.database, &next).await?;
        self.run = next;
        // Before anybody is told: who sees the end finds the plan withdrawn.
        if let Some(plan) = plan_before.filter(|plan| self.gave_up(plan)) {
            self.cancel_plan(&plan).await;
        }
        let view = self.run.view();
        self.context
            .hub
            .publish("run", view.run_id.as_str(), &view.brief());
        self.live.show(view.clone());
        Ok(())
    }

    /// Whether nothing more will happen to `plan` though its steps are not done.
    fn gave_up(&self, plan: &PlanId) -> bool {
        match self.run.state() {
            RunState::Failed | RunState::Cancelled | RunState::Blocked => true,
            RunState::Completed | RunState::NoAction => false,
            RunState::Sensing
            | RunState::Planning
            | RunState::Governing
            | RunState::Waiting
            | RunState::Acting
            | RunState::Verifying => self
                .run
                .view()
                .superseded
                .iter()
                .any(|old| old.plan_id.as_ref() == Some(plan)),
        }
    }

    /// Withdraws a plan, so that nobody is asked about it any more. An authority that does not answer, or
    /// a plan that has ended, is no reason to fail.
    async fn cancel_plan(&self, plan: &PlanId) {
        let asking = self.context.authority.cancel(plan);
        match tokio::time::timeout(WITHDRAWAL, asking).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error = error_chain(&error);
                tracing::debug!(plan.id = %plan, error, "the plan was not withdrawn");
            }
            Err(_) => tracing::debug!(plan.id = %plan, "the plan was not withdrawn in time"),
        }
    }

    async fn need_tools(&mut self) -> Result<(), Stop> {
        if self.tools.iter().next().is_none() {
            self.read_tools().await?;
        }
        Ok(())
    }

    async fn read_tools(&mut self) -> Result<(), Stop> {
        let deadline = self.deadline(self.context.pace.patience);
        loop {
            match self.context.authority.tools().await {
                Ok(tools) => {
                    self.tools = tools;
                    return Ok(());
                }
                Err(ToolsError::Peer(error)) if is_passing(&error) && !self.past(deadline) => {}
                Err(error) => return Err(error.into()),
            }
            self.pause(self.context.pace.look).await?;
        }
    }

    /// Asks a server again while its answer is one that passes, as long as patience lasts.
    async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> Result<T, Stop>
    where
        F: Future<Output = Result<T, PeerError>>,
    {
        let deadline = self.deadline(self.context.pace.patience);
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) if is_passing(&error) && !self.past(deadline) => {}
                Err(error) => return Err(error.into()),
            }
            self.pause(self.context.pace.look).await?;
        }
    }

    /// Waits, unless the run is to stop.
    async fn pause(&self, duration: Duration) -> Result<(), Stop> {
        self.unless_halted(self.context.clock.sleep(duration)).await
    }

    async fn unless_halted<T>(&self, future: impl Future<Output = T>) -> Result<T, Stop> {
        self.live
            .halt()
            .run_until_cancelled(future)
            .await
            .ok_or(Stop::Halted)
    }

    /// The measured time at which `duration` will have passed.
    fn deadline(&self, duration: Duration) -> Duration {
        self.context.clock.monotonic().saturating_add(duration)
    }

    fn past(&self, deadline: Duration) -> bool {
        self.context.clock.monotonic() >= deadline
    }

    fn told(&self) {
        let view = self.run.view();
        let state = view.state.as_str();
        metrics::counter!("planner_runs_total", "state" => state).increment(1);
        tracing::info!(
            run.id = %view.run_id,
            run.state = state,
            run.replans = view.replans,
            run.steps = view.steps.len(),
            "run ended"
        );
    }
}

/// A run's start: admitted, stored, shown and driven.
pub(crate) fn spawn(context: &Arc<Context>, live: Arc<Live>, run: Run) {
    let driver = Driver::new(Arc::clone(context), live, run);
    drop(context.tasks.spawn("run", Box::pin(driver.drive())));
}

fn broke(code: &str, message: &str) -> Stop {
    Stop::Broke(Failure::new(code, message))
}

/// What a server's error means for a run.
fn failure_of(error: &PeerError) -> Failure {
    match error.problem() {
        Some(problem) => Failure::new(&problem.code, problem.detail.clone()),
        None => Failure::new("unreachable", error.to_string()),
    }
}

/// Whether the same request may succeed in a moment.
fn is_passing(error: &PeerError) -> bool {
    match error.problem() {
        Some(problem) => matches!(problem.status, 429 | 502 | 503),
        None => matches!(error, PeerError::Unreachable { .. }),
    }
}

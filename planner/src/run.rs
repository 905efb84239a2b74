//! A run as a state machine: what happened so far decides what is done next.
//!
//! Pure: [`Run::next`] says what the shell should do, [`Run::on`] takes what came of it. A run is stored
//! after every event, so that one which was interrupted goes on where it stood.
//!
//! Two rules hold whatever the shell reports: a run with a step that failed, was refused or denied is
//! never `completed`, and an ended run never changes.

pub(crate) mod event;
mod plan;
mod steps;
pub(crate) mod view;

use std::collections::BTreeSet;

use countersign_intent::digest::Digest;
use countersign_intent::id::{AgentId, OperatorId, PlanId, RunId, StepId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use event::{Event, Proposal};
use view::{Failure, Moment, RunState, RunStep, RunView, StepState};

/// How often a run plans again after a failure.
pub(crate) const MAX_REPLANS: u32 = 2;
/// How many plans in a row may go well and leave alerts for another one.
pub(crate) const MAX_ROUNDS: u32 = 5;

/// What somebody asked for.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) run_id: RunId,
    pub(crate) goal: String,
    pub(crate) trigger: Option<Value>,
    pub(crate) requested_by: Option<OperatorId>,
    pub(crate) agent: AgentId,
}

/// A run with what it remembers between its plans.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    view: RunView,
    #[serde(default)]
    memory: Memory,
}

/// What is not shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Memory {
    /// The plan that is being judged or run.
    proposal: Option<Proposal>,
    /// The current plan, once judged.
    plan_id: Option<PlanId>,
    /// The last proposed calls, oldest first.
    proposed: Vec<Digest>,
    /// Runbooks that failed, each with the resource where it did: another one is tried first.
    tried: BTreeSet<(String, String)>,
    /// How many plans went well.
    rounds: u32,
    /// The number of the last step.
    last_step: u32,
    /// Why plans failed, for a model to read.
    setbacks: Vec<String>,
}

/// What the shell should do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Read services and alerts.
    Sense,
    /// Find a plan.
    Plan,
    /// Have the plan judged.
    Submit,
    /// Get the step's token and send its call.
    Run(StepId),
    /// The call was sent before an interruption: find out what came of it, and never send it again.
    Recover(StepId),
    /// Look whether the step did what it should.
    Check(StepId),
    /// Look whether the alerts closed.
    Verify,
    /// Nothing more.
    Rest,
}

/// An event that cannot happen where the run stands.
#[derive(Debug, thiserror::Error)]
#[error("`{event}` cannot happen to a run that is {state}")]
pub(crate) struct Unexpected {
    event: &'static str,
    state: RunState,
}

impl Run {
    /// A run that has just been asked for.
    pub(crate) fn new(now: Timestamp, order: Order) -> Self {
        let view = RunView {
            run_id: order.run_id,
            state: RunState::Sensing,
            goal: order.goal,
            trigger: order.trigger,
            requested_by: order.requested_by,
            agent: order.agent,
            source: None,
            runbook: None,
            model: None,
            created_at: now,
            updated_at: now,
            finished_at: None,
            summary: None,
            error: None,
            replans: 0,
            plan_ids: Vec::new(),
            sense: None,
            timeline: vec![Moment {
                at: now,
                state: RunState::Sensing,
                message: "Reads services and alerts".to_owned(),
            }],
            steps: Vec::new(),
            superseded: Vec::new(),
        };
        Self {
            view,
            memory: Memory::default(),
        }
    }

    /// The run as it is shown.
    pub(crate) fn view(&self) -> &RunView {
        &self.view
    }

    /// Where it stands.
    pub(crate) fn state(&self) -> RunState {
        self.view.state
    }

    /// The plan that is being judged or run.
    pub(crate) fn proposal(&self) -> Option<&Proposal> {
        self.memory.proposal.as_ref()
    }

    /// The current plan, once judged.
    pub(crate) fn plan_id(&self) -> Option<&PlanId> {
        self.memory.plan_id.as_ref()
    }

    /// Runbooks that failed, each with the resource where it did.
    pub(crate) fn tried(&self) -> &BTreeSet<(String, String)> {
        &self.memory.tried
    }

    /// Why earlier plans of this run failed, oldest first.
    pub(crate) fn setbacks(&self) -> &[String] {
        &self.memory.setbacks
    }

    /// How many plans went well.
    pub(crate) fn rounds(&self) -> u32 {
        self.memory.rounds
    }

    /// The step called `id`.
    pub(crate) fn step(&self, id: &StepId) -> Option<&RunStep> {
        self.view.steps.iter().find(|step| step.id == *id)
    }

    /// The steps of the current plan.
    pub(crate) fn current_steps(&self) -> impl Iterator<Item = &RunStep> {
        let plan = self.memory.plan_id.as_ref();
        self.view
            .steps
            .iter()
            .filter(move |step| Some(&step.plan_id) == plan)
    }

    /// What to do now.
    pub(crate) fn next(&self) -> Action {
        match self.view.state {
            RunState::Sensing => Action::Sense,
            RunState::Planning => Action::Plan,
            RunState::Governing => Action::Submit,
            RunState::Verifying => Action::Verify,
            RunState::Waiting | RunState::Acting => match self.turn() {
                Some((id, StepState::Running)) => Action::Recover(id),
                Some((id, StepState::Verifying)) => Action::Check(id),
                Some((id, _)) => Action::Run(id),
                None => Action::Verify,
            },
            RunState::Completed
            | RunState::Blocked
            | RunState::NoAction
            | RunState::Failed
            | RunState::Cancelled => Action::Rest,
        }
    }

    /// The step whose turn it is: the first of the current plan that is not done.
    fn turn(&self) -> Option<(StepId, StepState)> {
        self.current_steps()
            .find(|step| step.state != StepState::Done)
            .map(|step| (step.id.clone(), step.state))
    }

    /// Takes what happened.
    ///
    /// # Errors
    /// [`Unexpected`] when it cannot happen here; the run is as before.
    pub(crate) fn on(&mut self, now: Timestamp, event: Event) -> Result<(), Unexpected> {
        let unexpected = Unexpected {
            event: event.name(),
            state: self.view.state,
        };
        if self.view.state.ended() {
            return Err(unexpected);
        }
        let taken = match event {
            Event::Sensed(sense) => self.sensed(now, sense),
            Event::Proposed(proposal) => self.proposed(now, proposal),
            Event::Idle(why) => self.idle(now, why),
            Event::Judged(judgement) => self.judged(now, judgement),
            Event::Verified(open) => self.verified(now, &open),
            Event::Outdated(why) => self.outdated(now, &why),
            Event::Cancelled(by) => {
                self.end(now, RunState::Cancelled, format!("Withdrawn by {by}"), None);
                true
            }
            Event::Broke(failure) => {
                // Policy or a person said no where no step was concerned: while reading, for example.
                let said_no = matches!(failure.code.as_str(), "killed" | "plan_denied");
                let (state, word) = if said_no {
                    (RunState::Blocked, "Blocked")
                } else {
                    (RunState::Failed, "Failed")
                };
                let summary = format!("{word}: {}", failure.message);
                self.end(now, state, summary, Some(failure));
                true
            }
            Event::Step(event) => self.on_step(now, event),
        };
        if !taken {
            return Err(unexpected);
        }
        self.view.updated_at = now;
        Ok(())
    }

    fn go(&mut self, now: Timestamp, state: RunState, message: String) {
        self.view.state = state;
        self.view.timeline.push(Moment {
            at: now,
            state,
            message,
        });
    }

    fn end(&mut self, now: Timestamp, state: RunState, summary: String, error: Option<Failure>) {
        steps::skip_rest(&mut self.view.steps);
        self.view.finished_at = Some(now);
        self.view.error = error;
        self.view.summary = Some(summary.clone());
        self.go(now, state, summary);
    }
}

#[cfg(test)]
pub(crate) mod tests;

//! A run as a state machine: what happened so far decides what is done next.
//!
//! Pure: [`Run::next`] says what the shell should do, [`Run::on`] takes what came of it. A run is stored
//! after every event, so that one which was interrupted goes on where it stood.
//!
//! Two rules hold whatever the shell reports: a run with a step that failed, was refused or denied is
//! never `completed`, and an ended run never changes.

pub(crate) mod event;
mod steps;
pub(crate) mod view;

use std::collections::BTreeSet;

use countersign_intent::digest::Digest;
use countersign_intent::id::{AgentId, OperatorId, PlanId, RunId, StepId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use event::{Event, Judgement, Proposal, ProposedStep};
use view::{
    Failure, Moment, RunState, RunStep, RunView, Sense, Source, StepState, SupersededPlan, Verdict,
};

/// How often a run plans again after a failure.
pub(crate) const MAX_REPLANS: u32 = 2;
/// How many plans in a row may go well and leave alerts for another one.
pub(crate) const MAX_ROUNDS: u32 = 5;
/// A call that stands this often among the last [`LOOP_WINDOW`] proposed ones is a loop.
const LOOP_COUNT: usize = 3;
const LOOP_WINDOW: usize = 5;

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

    fn sensed(&mut self, now: Timestamp, sense: Sense) -> bool {
        if self.view.state != RunState::Sensing {
            return false;
        }
        let message = match (sense.services.len(), sense.alerts.len()) {
            (services, 0) => format!("Read {services} services; no alert is open"),
            (services, alerts) => format!("Read {services} services and {alerts} open alerts"),
        };
        self.view.sense = Some(sense);
        self.go(now, RunState::Planning, message);
        true
    }

    fn proposed(&mut self, now: Timestamp, mut proposal: Proposal) -> bool {
        if self.view.state != RunState::Planning {
            return false;
        }
        if proposal.steps.is_empty() {
            return self.idle(now, proposal.summary);
        }
        if let Some(call) = self.repeated(&proposal.steps) {
            let message = format!("{call} was proposed {LOOP_COUNT} times in {LOOP_WINDOW} calls");
            let failure = Failure::new("loop", message.clone());
            self.end(
                now,
                RunState::Failed,
                format!("Stopped: {message}"),
                Some(failure),
            );
            return true;
        }
        self.number(&mut proposal);
        let names = proposal.names.join(", ");
        let who = match proposal.source {
            Source::Runbook => {
                (self.view.runbook, self.view.model) = (Some(names.clone()), None);
                format!("runbook {names}")
            }
            Source::Model => {
                (self.view.runbook, self.view.model) = (None, Some(names.clone()));
                format!("model {names}")
            }
        };
        self.view.source = Some(proposal.source);
        let count = proposal.steps.len();
        let plural = if count == 1 { "step" } else { "steps" };
        let message = format!("Planned {count} {plural} by {who}: {}", proposal.summary);
        self.memory.proposal = Some(proposal);
        self.memory.plan_id = None;
        self.go(now, RunState::Governing, message);
        true
    }

    /// The call, as text, that these steps propose once too often; else remembers them.
    fn repeated(&mut self, steps: &[ProposedStep]) -> Option<String> {
        for step in steps {
            let call = Digest::of_json(&json!({"tool": step.tool, "params": step.params}));
            self.memory.proposed.push(call);
            let from = self.memory.proposed.len().saturating_sub(LOOP_WINDOW);
            self.memory.proposed.drain(..from);
            let count = self
                .memory
                .proposed
                .iter()
                .filter(|proposed| **proposed == call)
                .count();
            if count >= LOOP_COUNT {
                return Some(format!("{} with the same parameters", step.tool));
            }
        }
        None
    }

    /// Gives the steps names that are unique within the run.
    fn number(&mut self, proposal: &mut Proposal) {
        let mut names = std::collections::BTreeMap::new();
        for step in &proposal.steps {
            self.memory.last_step = self.memory.last_step.saturating_add(1);
            if let Ok(id) = format!("s{}", self.memory.last_step).parse::<StepId>() {
                names.insert(step.id.clone(), id);
            }
        }
        let rename = |id: &mut StepId| {
            if let Some(name) = names.get(id) {
                id.clone_from(name);
            }
        };
        for step in &mut proposal.steps {
            rename(&mut step.id);
            step.after.iter_mut().for_each(rename);
        }
    }

    fn idle(&mut self, now: Timestamp, why: String) -> bool {
        if self.view.state != RunState::Planning {
            return false;
        }
        if self.memory.rounds > 0 && self.sound() {
            let summary = format!("{}; {why}", self.deeds());
            self.end(now, RunState::Completed, summary, None);
        } else if let Some(last) = self.memory.setbacks.last() {
            let message = format!("{last}, and planning again found nothing to do: {why}");
            let failure = Failure::new("replan_failed", message.clone());
            self.end(
                now,
                RunState::Failed,
                format!("Failed: {message}"),
                Some(failure),
            );
        } else {
            self.end(now, RunState::NoAction, why, None);
        }
        true
    }

    fn judged(&mut self, now: Timestamp, judgement: Judgement) -> bool {
        let Some(proposal) = &self.memory.proposal else {
            return false;
        };
        let names: Vec<&StepId> = proposal.steps.iter().map(|step| &step.id).collect();
        let judged: Vec<&StepId> = judgement.steps.iter().map(|step| &step.id).collect();
        if self.view.state != RunState::Governing || names != judged {
            return false;
        }
        let plan_id = judgement.plan_id.clone();
        let verdict = judgement.verdict;
        let steps: Vec<RunStep> = std::iter::zip(proposal.steps.clone(), judgement.steps)
            .map(|(proposed, judged)| steps::judged_step(&plan_id, proposed, judged))
            .collect();
        let denied = steps.iter().any(|step| step.verdict == Some(Verdict::Deny));
        let asks = steps
            .first()
            .is_some_and(|step| step.verdict == Some(Verdict::NeedsApproval));
        self.view.plan_ids.push(plan_id.clone());
        self.memory.plan_id = Some(plan_id);
        self.view.steps.extend(steps);
        if denied || verdict == Verdict::Deny {
            let (failure, summary) = steps::denial(&self.view.steps);
            self.end(now, RunState::Blocked, summary, Some(failure));
        } else if asks {
            self.go(
                now,
                RunState::Waiting,
                "A person must approve the first step".to_owned(),
            );
        } else if verdict == Verdict::NeedsApproval {
            let message = "Allowed steps run first; then a person is asked".to_owned();
            self.go(now, RunState::Acting, message);
        } else {
            self.go(now, RunState::Acting, "Every step is allowed".to_owned());
        }
        true
    }

    fn verified(&mut self, now: Timestamp, open: &BTreeSet<String>) -> bool {
        let (Some(proposal), RunState::Verifying) = (&self.memory.proposal, self.view.state) else {
            return false;
        };
        if let Some(resource) = proposal.heals.intersection(open).next() {
            let why = format!("an alert on {resource} is still open");
            self.replan(now, &why);
            return true;
        }
        self.memory.rounds = self.memory.rounds.saturating_add(1);
        if !self.sound() {
            let failure = Failure::new("unsound", "a step is not done");
            self.end(
                now,
                RunState::Failed,
                "Failed: a step is not done".to_owned(),
                Some(failure),
            );
            return true;
        }
        let left: Vec<&str> = open.iter().map(String::as_str).collect();
        if left.is_empty() {
            let summary = self.deeds();
            self.end(now, RunState::Completed, summary, None);
        } else if self.memory.rounds >= MAX_ROUNDS {
            let message = format!(
                "alerts on {} are open after {MAX_ROUNDS} plans",
                left.join(", ")
            );
            let failure = Failure::new("alerts_left", message.clone());
            self.end(
                now,
                RunState::Failed,
                format!("Failed: {message}"),
                Some(failure),
            );
        } else {
            let message = format!("Alerts on {} are left: reads again", left.join(", "));
            self.go(now, RunState::Sensing, message);
        }
        true
    }

    fn outdated(&mut self, now: Timestamp, why: &str) -> bool {
        let here = matches!(
            self.view.state,
            RunState::Governing | RunState::Acting | RunState::Waiting | RunState::Verifying
        );
        if here {
            self.replan(now, why);
        }
        here
    }

    /// Gives the current plan up and plans again, or fails when that was done often enough.
    fn replan(&mut self, now: Timestamp, why: &str) {
        self.memory.setbacks.push(why.to_owned());
        if let Some(proposal) = &self.memory.proposal {
            for (name, resource) in proposal.names.iter().flat_map(|name| {
                proposal
                    .heals
                    .iter()
                    .map(move |resource| (name.clone(), resource.clone()))
            }) {
                self.memory.tried.insert((name, resource));
            }
        }
        if self.view.replans >= MAX_REPLANS {
            let message = format!("{why}; planned again {MAX_REPLANS} times already");
            let failure = Failure::new("replan_limit", message.clone());
            self.end(
                now,
                RunState::Failed,
                format!("Failed: {message}"),
                Some(failure),
            );
            return;
        }
        self.view.replans = self.view.replans.saturating_add(1);
        let plan_id = self.memory.plan_id.take();
        let (mut gone, kept) = std::mem::take(&mut self.view.steps)
            .into_iter()
            .partition::<Vec<_>, _>(|step| Some(&step.plan_id) == plan_id.as_ref());
        steps::skip_rest(&mut gone);
        self.view.steps = kept;
        if plan_id.is_some() || !gone.is_empty() {
            let plan = SupersededPlan {
                plan_id,
                why: why.to_owned(),
                steps: gone,
            };
            self.view.superseded.push(plan);
        }
        self.memory.proposal = None;
        let message = format!(
            "Plans again ({} of {MAX_REPLANS}): {why}",
            self.view.replans
        );
        self.go(now, RunState::Sensing, message);
    }

    /// Whether every step that counts ran with success and passed its check.
    fn sound(&self) -> bool {
        !self.view.steps.is_empty() && self.view.steps.iter().all(RunStep::sound)
    }

    /// What was done, in one line.
    fn deeds(&self) -> String {
        let calls: Vec<String> = self.view.steps.iter().map(steps::call_text).collect();
        let by = match (&self.view.runbook, &self.view.model) {
            (Some(name), _) => format!(" (runbook {name})"),
            (None, Some(name)) => format!(" (model {name})"),
            (None, None) => String::new(),
        };
        format!("Done: {}{by}", calls.join(", "))
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

//! The part of a run that is about whole plans: finding one, giving one up, being done.

use std::collections::{BTreeMap, BTreeSet};

use countersign_intent::digest::Digest;
use countersign_intent::id::StepId;
use jiff::Timestamp;
use serde_json::json;

use super::event::{Judgement, Proposal, ProposedStep};
use super::view::{Failure, RunState, RunStep, Sense, Source, SupersededPlan, Verdict};
use super::{MAX_REPLANS, MAX_ROUNDS, Run, steps};

/// A call that stands this often among the last [`LOOP_WINDOW`] proposed ones is a loop.
const LOOP_COUNT: usize = 3;
const LOOP_WINDOW: usize = 5;

impl Run {
    pub(super) fn sensed(&mut self, now: Timestamp, sense: Sense) -> bool {
        if self.view.state != RunState::Sensing {
            return false;
        }
        let read = count(sense.services.len(), "service");
        let message = match sense.alerts.len() {
            0 => format!("Read {read}; no alert is open"),
            alerts => format!("Read {read} and {}", count(alerts, "open alert")),
        };
        self.view.sense = Some(sense);
        self.go(now, RunState::Planning, message);
        true
    }

    pub(super) fn proposed(&mut self, now: Timestamp, mut proposal: Proposal) -> bool {
        if self.view.state != RunState::Planning {
            return false;
        }
        if proposal.steps.is_empty() {
            return self.idle(now, proposal.summary);
        }
        if let Some(call) = self.repeated(&proposal.steps) {
            let last = self.memory.setbacks.last();
            let last = last
                .map(|why| format!("; last time {why}"))
                .unwrap_or_default();
            let message =
                format!("{call} was proposed {LOOP_COUNT} times in {LOOP_WINDOW} calls{last}");
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
        let steps = count(proposal.steps.len(), "step");
        let message = format!("Planned {steps} by {who}: {}", proposal.summary);
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
        let mut names = BTreeMap::new();
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

    pub(super) fn idle(&mut self, now: Timestamp, why: String) -> bool {
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

    pub(super) fn judged(&mut self, now: Timestamp, judgement: Judgement) -> bool {
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

    pub(super) fn verified(&mut self, now: Timestamp, open: &BTreeSet<String>) -> bool {
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

    pub(super) fn outdated(&mut self, now: Timestamp, why: &str) -> bool {
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
    pub(super) fn replan(&mut self, now: Timestamp, why: &str) {
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
}

/// `1 step`, `2 steps`.
fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

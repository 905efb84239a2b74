//! The part of a run that is about one step.

use countersign_intent::id::{PlanId, StepId};
use countersign_intent::template::plain;
use jiff::Timestamp;
use serde_json::Value;

use super::Run;
use super::event::{Answer, JudgedStep, Next, Outcome, ProposedStep, StepEvent};
use super::view::{CheckView, Failure, RunState, RunStep, StepState, Verdict};

impl Run {
    /// Takes an event of the step whose turn it is; false when it cannot happen there.
    pub(super) fn on_step(&mut self, now: Timestamp, event: StepEvent) -> bool {
        let Some((turn, state)) = self.turn() else {
            return false;
        };
        let acting = matches!(self.view.state, RunState::Acting | RunState::Waiting);
        if !acting || *event.step() != turn {
            return false;
        }
        match state {
            StepState::Pending | StepState::Waiting | StepState::Issued => {
                self.before_call(now, state, event)
            }
            StepState::Running => self.during_call(now, event),
            StepState::Verifying => self.after_call(now, event),
            StepState::Done
            | StepState::Failed
            | StepState::Refused
            | StepState::NotSent
            | StepState::InDoubt
            | StepState::Denied
            | StepState::Skipped => false,
        }
    }

    fn before_call(&mut self, now: Timestamp, state: StepState, event: StepEvent) -> bool {
        match event {
            StepEvent::Waits(id, approval) => {
                let asked = approval
                    .as_ref()
                    .map(|id| format!(" ({id})"))
                    .unwrap_or_default();
                self.update(&id, |step| {
                    step.state = StepState::Waiting;
                    step.approval_id = approval.or(step.approval_id.take());
                });
                let message = format!("Step {id} waits for a person's approval{asked}");
                self.go(now, RunState::Waiting, message);
            }
            StepEvent::Issued(id, claims) => {
                self.update(&id, |step| {
                    step.state = StepState::Issued;
                    step.token = Some(claims);
                });
                self.go(
                    now,
                    RunState::Acting,
                    format!("Got the token for step {id}"),
                );
            }
            StepEvent::Before(id, value) => self.update(&id, |step| step.before = Some(value)),
            StepEvent::Calling(id) if state == StepState::Issued => {
                self.update(&id, |step| step.state = StepState::Running);
                let call = self.step(&id).map(call_text).unwrap_or_default();
                self.go(now, RunState::Acting, format!("Calls {call}"));
            }
            StepEvent::Denied(id, denial) => {
                self.update(&id, |step| {
                    step.state = StepState::Denied;
                    step.refusal = Some(denial.clone());
                });
                let message = format!("no token for step {id}: {}", denial.message);
                self.stop(
                    now,
                    RunState::Blocked,
                    Failure {
                        code: denial.code,
                        message,
                    },
                );
            }
            StepEvent::Calling(_)
            | StepEvent::Called(..)
            | StepEvent::Lost(_)
            | StepEvent::Refused(..)
            | StepEvent::Checked(..) => return false,
        }
        true
    }

    fn during_call(&mut self, now: Timestamp, event: StepEvent) -> bool {
        match event {
            StepEvent::Called(id, answer, next) => self.called(now, &id, answer, next),
            StepEvent::Lost(id) => {
                self.update(&id, |step| step.state = StepState::InDoubt);
                self.in_doubt(now, &id);
            }
            StepEvent::Refused(id, refusal) => {
                let end = if refusal.code == "killed" {
                    RunState::Blocked
                } else {
                    RunState::Failed
                };
                self.update(&id, |step| {
                    step.state = StepState::Refused;
                    step.refusal = Some(refusal.clone());
                });
                let message = format!("the enforcer refused step {id}: {}", refusal.message);
                self.stop(
                    now,
                    end,
                    Failure {
                        code: refusal.code,
                        message,
                    },
                );
            }
            StepEvent::Waits(..)
            | StepEvent::Issued(..)
            | StepEvent::Before(..)
            | StepEvent::Calling(_)
            | StepEvent::Denied(..)
            | StepEvent::Checked(..) => return false,
        }
        true
    }

    fn after_call(&mut self, now: Timestamp, event: StepEvent) -> bool {
        let StepEvent::Checked(id, after, check) = event else {
            return false;
        };
        self.update(&id, |step| {
            step.after = after;
            step.check = Some(check.clone());
            step.state = if check.passed {
                StepState::Done
            } else {
                StepState::Failed
            };
        });
        if check.passed {
            self.step_done(now, &id, "its check passed");
        } else {
            self.replan(now, &failed_check(&id, &check));
        }
        true
    }

    fn called(&mut self, now: Timestamp, id: &StepId, answer: Answer, next: Next) {
        let success = answer
            .status
            .is_some_and(|status| (200..300).contains(&status));
        let status = answer.status;
        let state = match (answer.outcome, next) {
            (Outcome::Done, Next::Check) if success => StepState::Verifying,
            (Outcome::Done, Next::Believe) if success => StepState::Done,
            (Outcome::Done, _) => StepState::Failed,
            (Outcome::NotSent, _) => StepState::NotSent,
            (Outcome::InDoubt, _) => StepState::InDoubt,
        };
        self.update(id, |step| {
            step.state = state;
            step.attempt = answer.attempt;
            step.outcome = Some(answer.outcome.as_str().to_owned());
            step.status = answer.status;
            step.result = answer.result;
            step.receipt = answer.receipt;
        });
        match state {
            StepState::Verifying => {
                let message = format!("Step {id} was answered {}; checks it", status.unwrap_or(0));
                self.go(now, RunState::Acting, message);
            }
            StepState::Done => self.step_done(now, id, "it was answered with success"),
            StepState::NotSent => self.replan(now, &format!("the call of step {id} was not sent")),
            StepState::Failed => {
                let status =
                    status.map_or_else(|| "no status".to_owned(), |status| status.to_string());
                self.replan(now, &format!("step {id} was answered {status}"));
            }
            StepState::Pending
            | StepState::Waiting
            | StepState::Issued
            | StepState::Running
            | StepState::Refused
            | StepState::InDoubt
            | StepState::Denied
            | StepState::Skipped => self.in_doubt(now, id),
        }
    }

    fn in_doubt(&mut self, now: Timestamp, id: &StepId) {
        let message = format!("whether the call of step {id} ran is not known");
        self.stop(
            now,
            RunState::Failed,
            Failure::new("call_in_doubt", message),
        );
    }

    fn step_done(&mut self, now: Timestamp, id: &StepId, how: &str) {
        if self.turn().is_some() {
            self.go(now, RunState::Acting, format!("Step {id} is done: {how}"));
        } else {
            let message = format!("Step {id} is done: {how}; looks at the alerts");
            self.go(now, RunState::Verifying, message);
        }
    }

    fn stop(&mut self, now: Timestamp, state: RunState, failure: Failure) {
        let word = if state == RunState::Blocked {
            "Blocked"
        } else {
            "Failed"
        };
        let summary = format!("{word}: {}", failure.message);
        self.end(now, state, summary, Some(failure));
    }

    fn update(&mut self, id: &StepId, change: impl FnOnce(&mut RunStep)) {
        if let Some(step) = self.view.steps.iter_mut().find(|step| step.id == *id) {
            change(step);
        }
    }
}

/// A step of a plan that has just been judged.
pub(super) fn judged_step(plan_id: &PlanId, proposed: ProposedStep, judged: JudgedStep) -> RunStep {
    let state = match judged.verdict {
        Verdict::Deny => StepState::Denied,
        Verdict::Allow | Verdict::NeedsApproval => StepState::Pending,
    };
    RunStep {
        id: proposed.id,
        plan_id: plan_id.clone(),
        tool: proposed.tool,
        params: proposed.params,
        effect: judged.effect,
        reason: Some(proposed.reason),
        depends_on: proposed.after,
        verdict: Some(judged.verdict),
        reasons: judged.reasons,
        policies: judged.policies,
        approval_id: judged.approval_id,
        request: judged.request,
        state,
        token: None,
        attempt: None,
        outcome: None,
        status: None,
        result: None,
        receipt: None,
        before: None,
        after: None,
        check: None,
        refusal: None,
    }
}

/// Marks the steps whose turn will not come.
pub(super) fn skip_rest(steps: &mut [RunStep]) {
    for step in steps {
        match step.state {
            StepState::Pending | StepState::Waiting | StepState::Issued => {
                step.state = StepState::Skipped;
            }
            // Sent and not known to be answered: nobody may call that skipped.
            StepState::Running => step.state = StepState::InDoubt,
            // Answered with success, but not shown to have worked.
            StepState::Verifying => step.state = StepState::Failed,
            StepState::Done
            | StepState::Failed
            | StepState::Refused
            | StepState::NotSent
            | StepState::InDoubt
            | StepState::Denied
            | StepState::Skipped => {}
        }
    }
}

/// The denied steps of a plan as a failure and a summary that names their policies.
pub(super) fn denial(steps: &[RunStep]) -> (Failure, String) {
    let denied: Vec<String> = steps
        .iter()
        .filter(|step| step.verdict == Some(Verdict::Deny))
        .map(|step| {
            let why = match (step.policies.as_slice(), step.reasons.first()) {
                ([], Some(reason)) => reason.message.clone(),
                ([], None) => "policy denies it".to_owned(),
                (policies, _) => format!("denied by policy {}", policies.join(", ")),
            };
            format!("{}: {why}", call_text(step))
        })
        .collect();
    let message = match denied.as_slice() {
        [] => "the authority denied the plan".to_owned(),
        denied => denied.join("; "),
    };
    let summary = format!("Blocked: {message}");
    (Failure::new("plan_denied", message), summary)
}

/// A step's call for people: `infra.scale payments 6`, names before numbers.
pub(super) fn call_text(step: &RunStep) -> String {
    let (names, others): (Vec<&Value>, Vec<&Value>) =
        step.params.values().partition(|value| value.is_string());
    let params = names.into_iter().chain(others).filter_map(plain);
    let words = std::iter::once(step.tool.to_string()).chain(params);
    words.collect::<Vec<_>>().join(" ")
}

fn failed_check(id: &StepId, check: &CheckView) -> String {
    format!(
        "step {id} ran, but its check failed: expected {}, found {}",
        check.expect, check.actual
    )
}

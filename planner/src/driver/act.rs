//! Acting: one step's token, its call, and what came of it.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_intent::id::StepId;
use serde_json::{Value, json};

use super::reads::Read;
use super::{Driver, Stop, broke};
use crate::authority::{IssuedToken, Token};
use crate::enforcer::CallError;
use crate::run::event::{Answer, Event, Next, Outcome, StepEvent};
use crate::run::view::{CheckView, Failure, RunState, RunStep};
use crate::tools::CheckCall;

/// A larger answer is not kept, in bytes of JSON.
const MAX_RESULT: usize = 32 * 1024;
/// How long an outstanding token may block its step, besides the ordinary patience: tokens live 60 s, at
/// most 300.
const TOKEN_LIFE: std::time::Duration = std::time::Duration::from_mins(5);

/// While a person is asked the authority may be away so many times longer than otherwise.
const WAITING_PATIENCE: u32 = 40;

impl Driver {
    /// Gets the step's token and sends its call.
    pub(super) async fn run_step(&mut self, id: &StepId) -> Result<(), Stop> {
        self.need_tools().await?;
        let Some(token) = self.token(id).await? else {
            return Ok(());
        };
        self.tell(StepEvent::Issued(id.clone(), claims(&token.token)))
            .await?;
        let step = self.step(id)?;
        if let Some(before) = self.look(&step).await? {
            self.tell(StepEvent::Before(id.clone(), kept(before)))
                .await?;
        }
        if self.live.halt().is_cancelled() {
            return Err(Stop::Halted);
        }
        // Stored before the call leaves: whatever happens then, this call is never made again.
        self.tell(StepEvent::Calling(id.clone())).await?;
        let event = self.call(&step, &token).await;
        self.tell(event).await
    }

    /// The step's token; `None` when the run took another turn.
    async fn token(&mut self, id: &StepId) -> Result<Option<IssuedToken>, Stop> {
        let Some(plan) = self.run.plan_id().cloned() else {
            return Err(broke("internal", "there is no plan"));
        };
        let mut deadline = None;
        loop {
            let receipts: Vec<String> = self
                .run
                .current_steps()
                .filter_map(|step| step.receipt.clone())
                .collect();
            let pace = self.context.pace;
            let wait = match self.context.authority.token(&plan, id, &receipts).await {
                Ok(Token::Issued(token)) => return Ok(Some(token)),
                Ok(Token::Waiting(approval)) => {
                    deadline = None;
                    let known = self.step(id)?;
                    let told = self.run.state() == RunState::Waiting
                        && known.state == crate::run::view::StepState::Waiting
                        && (approval.is_none() || known.approval_id == approval);
                    if !told {
                        self.tell(StepEvent::Waits(id.clone(), approval)).await?;
                    }
                    pace.approval
                }
                Err(error) if Self::cures_itself(&error) => {
                    let waits = self.run.state() == RunState::Waiting;
                    let patience = match error.code() {
                        _ if waits => pace.patience.saturating_mul(WAITING_PATIENCE),
                        Some("token_outstanding") => pace.patience.saturating_add(TOKEN_LIFE),
                        _ => pace.patience,
                    };
                    let until = *deadline.get_or_insert_with(|| self.deadline(patience));
                    if self.past(until) {
                        return Err(error.into());
                    }
                    pace.look
                }
                Err(error) if error.code() == Some("plan_stale") => {
                    self.record(Event::Outdated("the policies changed".to_owned()))
                        .await?;
                    return Ok(None);
                }
                Err(error)
                    if said_no(
                        error.problem().map_or(0, |problem| problem.status),
                        error.code(),
                    ) =>
                {
                    self.tell(StepEvent::Denied(id.clone(), Self::denial_of(&error)))
                        .await?;
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            };
            self.pause(wait).await?;
        }
    }

    /// What the tool's check reads before the call; a read that fails is left out.
    async fn look(&mut self, step: &RunStep) -> Result<Option<Value>, Stop> {
        let Some(check) = self.check_call(step) else {
            return Ok(None);
        };
        Ok(self
            .try_read(&Read {
                tool: check.tool,
                params: check.params,
            })
            .await?
            .ok())
    }

    fn check_call(&self, step: &RunStep) -> Option<CheckCall> {
        self.tools.get(&step.tool)?.check_call(&step.params)
    }

    /// Sends the call, and once more under the same token while the enforcer says that it consumed nothing.
    async fn call(&self, step: &RunStep, token: &IssuedToken) -> StepEvent {
        let id = step.id.clone();
        let deadline = self.deadline(self.context.pace.patience);
        loop {
            match self
                .context
                .enforcer
                .call(token, &step.tool, &step.params)
                .await
            {
                Ok(answer) => return self.called(step, answer),
                Err(CallError::Busy(failure)) => {
                    if self.past(deadline) {
                        return StepEvent::Refused(id, failure);
                    }
                    self.context.clock.sleep(self.context.pace.look).await;
                }
                Err(CallError::Refused(failure)) => return StepEvent::Refused(id, failure),
                Err(CallError::NotSent(message)) => {
                    if self.past(deadline) {
                        tracing::warn!(error = message, "the enforcer does not answer");
                        let answer = Answer {
                            attempt: None,
                            outcome: Outcome::NotSent,
                            status: None,
                            result: None,
                            receipt: None,
                        };
                        return self.called(step, answer);
                    }
                    self.context.clock.sleep(self.context.pace.look).await;
                }
                Err(CallError::Lost(message)) => {
                    tracing::warn!(error = message, "the answer to a call is lost");
                    return self.outcome_told(step).await;
                }
            }
        }
    }

    fn called(&self, step: &RunStep, mut answer: Answer) -> StepEvent {
        answer.result = answer.result.map(kept);
        let next = if self.check_call(step).is_some() {
            Next::Check
        } else {
            Next::Believe
        };
        StepEvent::Called(step.id.clone(), answer, next)
    }

    /// What came of a call that was sent before an interruption.
    pub(super) async fn recover(&mut self, id: &StepId) -> Result<StepEvent, Stop> {
        self.need_tools().await?;
        let step = self.step(id)?;
        Ok(self.outcome_told(&step).await)
    }

    /// What the authority knows of a call whose answer did not arrive: the enforcer brings it receipts.
    async fn outcome_told(&self, step: &RunStep) -> StepEvent {
        let deadline = self.deadline(self.context.pace.patience);
        loop {
            if let Ok(plan) = self.context.authority.plan(&step.plan_id).await
                && let Some(told) = plan.steps.into_iter().find(|told| told.id == step.id)
            {
                let outcome = match told.state.as_str() {
                    "done" | "failed" => Some(Outcome::Done),
                    "not_sent" => Some(Outcome::NotSent),
                    "in_doubt" => Some(Outcome::InDoubt),
                    _ => None,
                };
                if let Some(outcome) = outcome {
                    let (attempt, status) = (told.attempt, told.status);
                    let answer = Answer {
                        attempt,
                        outcome,
                        status,
                        result: None,
                        receipt: told.receipt,
                    };
                    return self.called(step, answer);
                }
            }
            if self.past(deadline) {
                return StepEvent::Lost(step.id.clone());
            }
            self.context.clock.sleep(self.context.pace.look).await;
        }
    }

    /// Looks until the check passes or its time is over.
    pub(super) async fn check(&mut self, id: &StepId) -> Result<StepEvent, Stop> {
        self.need_tools().await?;
        let step = self.step(id)?;
        let Some(check) = self.check_call(&step) else {
            let message = "the tool's definition no longer says how to check it";
            let check = CheckView {
                expect: message.to_owned(),
                actual: Value::Null,
                passed: false,
            };
            return Ok(StepEvent::Checked(id.clone(), None, check));
        };
        let read = Read {
            tool: check.tool,
            params: check.params,
        };
        let expect = check.expect.to_string();
        let deadline = self.deadline(self.context.pace.check);
        let mut last: (Option<Value>, Value) = (None, Value::Null);
        loop {
            if let Ok(answer) = self.try_read(&read).await? {
                let finding = check.expect.evaluate(&answer, &step.params);
                last = (Some(kept(answer)), finding.actual.unwrap_or_default());
                if finding.passed {
                    let view = CheckView {
                        expect,
                        actual: last.1,
                        passed: true,
                    };
                    return Ok(StepEvent::Checked(id.clone(), last.0, view));
                }
            }
            if self.past(deadline) {
                let view = CheckView {
                    expect,
                    actual: last.1,
                    passed: false,
                };
                return Ok(StepEvent::Checked(id.clone(), last.0, view));
            }
            self.context.clock.sleep(self.context.pace.look).await;
        }
    }

    fn step(&self, id: &StepId) -> Result<RunStep, Stop> {
        self.run
            .step(id)
            .cloned()
            .ok_or_else(|| Stop::Broke(Failure::new("internal", format!("there is no step {id}"))))
    }
}

/// Whether a token request was answered no by policy, a person or the kill switch.
fn said_no(status: u16, code: Option<&str>) -> bool {
    status == 403 || matches!(code, Some("approval_closed" | "plan_closed"))
}

/// The claims of a token, read without checking anything: they are shown, nothing is decided by them.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap_or_default();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// `value`, or a note in its place when it is too large to be kept.
fn kept(value: Value) -> Value {
    let bytes = value.to_string().len();
    if bytes > MAX_RESULT {
        json!({"truncated": true, "bytes": bytes})
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_the_payload_or_nothing() {
        let payload = BASE64_URL_SAFE_NO_PAD.encode(r#"{"sub":"remediator"}"#);
        assert_eq!(
            claims(&format!("h.{payload}.s")),
            json!({"sub": "remediator"})
        );
        assert_eq!(claims("garbage"), Value::Null);
        assert_eq!(claims("a.!.c"), Value::Null);
    }

    #[test]
    fn large_results_are_replaced_by_a_note() {
        assert_eq!(kept(json!([1])), json!([1]));
        assert_eq!(
            kept(json!("x".repeat(MAX_RESULT)))["truncated"],
            json!(true)
        );
    }

    #[test]
    fn only_a_no_is_a_denial() {
        assert!(said_no(403, Some("plan_denied")) && said_no(409, Some("approval_closed")));
        assert!(!said_no(409, Some("step_closed")) && !said_no(422, Some("params_invalid")));
    }
}

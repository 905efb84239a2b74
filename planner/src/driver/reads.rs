//! Reading through the enforcer: read tools with lease tokens, like everything that a planner may do.

use std::collections::BTreeMap;

use countersign_intent::id::{PlanId, StepId, ToolName};
use countersign_intent::plan::{PlanRequest, StepRequest};
use countersign_service::client::PeerError;
use countersign_service::clock::saturating_sub;
use serde_json::{Map, Value};

use super::{Driver, Stop, broke, failure_of, is_passing};
use crate::authority::{IssuedToken, Token};
use crate::enforcer::CallError;
use crate::run::event::Outcome;
use crate::run::view::{Failure, Verdict};

/// A lease with less time left is not used.
const SPARE: std::time::Duration = std::time::Duration::from_secs(3);
/// The most reads that one plan asks for.
const MAX_READS: usize = 20;

/// One read: a tool and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Read {
    pub(super) tool: ToolName,
    pub(super) params: Map<String, Value>,
}

/// Lease tokens by what they allow. They live as long as their driver and are never stored.
#[derive(Debug, Default)]
pub(super) struct Leases(BTreeMap<String, IssuedToken>);

/// Why a read brought nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ReadError {
    /// The upstream answered an error.
    Status(Option<u16>),
    /// The enforcer refused, or did not answer.
    Call(Failure),
}

impl ReadError {
    fn failure(&self, read: &Read) -> Failure {
        match self {
            Self::Status(Some(status)) => Failure::new(
                "read_failed",
                format!("`{}` was answered {status}", read.tool),
            ),
            Self::Status(None) => {
                Failure::new("read_failed", format!("`{}` was not answered", read.tool))
            }
            Self::Call(failure) => failure.clone(),
        }
    }
}

impl Read {
    /// A read by the tool called `tool`; `None` when that is no tool's name.
    pub(super) fn new(tool: &str, params: Map<String, Value>) -> Option<Self> {
        Some(Self {
            tool: tool.parse().ok()?,
            params,
        })
    }

    fn key(&self) -> String {
        // Members are sorted, so equal parameters have equal text.
        format!("{} {}", self.tool, Value::Object(self.params.clone()))
    }
}

impl Driver {
    /// Gets leases for those of `reads` that have none, under one plan; answers the plan.
    pub(super) async fn lease(&mut self, reads: &[Read]) -> Result<Option<PlanId>, Stop> {
        let now = self.context.clock.now();
        self.leases
            .0
            .retain(|_, lease| saturating_sub(lease.expires_at, SPARE) > now);
        let missing: Vec<&Read> = reads
            .iter()
            .filter(|read| !self.leases.0.contains_key(&read.key()))
            .take(MAX_READS)
            .collect();
        if missing.is_empty() {
            return Ok(None);
        }
        let mut steps = Vec::new();
        for (number, read) in missing.iter().enumerate() {
            let id: StepId = format!("r{}", number.saturating_add(1))
                .parse()
                .map_err(|_cause| broke("internal", "a step has no name"))?;
            steps.push(StepRequest {
                id,
                tool: read.tool.clone(),
                params: read.params.clone(),
                bounds: BTreeMap::new(),
                precondition: None,
                reason: Some("Reads for the run".to_owned()),
                after: Vec::new(),
            });
        }
        let view = self.run.view();
        let ids: Vec<StepId> = steps.iter().map(|step| step.id.clone()).collect();
        let plan = PlanRequest {
            goal: view.goal.clone(),
            run: Some(view.run_id.clone()),
            requested_by: view.requested_by.clone(),
            steps,
        };
        let answer = self
            .patiently(|| self.context.authority.submit(&plan))
            .await?;
        let plan_id = answer.plan_id.clone();
        if let Some(refused) = answer
            .steps
            .iter()
            .find(|step| step.verdict != Verdict::Allow)
        {
            let policies = refused.policies.join(", ");
            let message = format!(
                "the agent may not read what the run needs: policy {policies} ({})",
                refused.id
            );
            return Err(Stop::Broke(Failure::new("plan_denied", message)));
        }
        let keys: Vec<String> = missing.iter().map(|read| read.key()).collect();
        for (id, key) in ids.iter().zip(keys) {
            let token = self
                .patiently(|| self.context.authority.token(&plan_id, id, &[]))
                .await?;
            match token {
                Token::Issued(token) => self.leases.0.insert(key, token),
                Token::Waiting(_) => {
                    return Err(broke("plan_denied", "a person must approve a read"));
                }
            };
        }
        Ok(Some(plan_id))
    }

    /// Reads, and reads again while the answer is one that passes.
    pub(super) async fn read(&mut self, read: &Read) -> Result<Value, Stop> {
        let deadline = self.deadline(self.context.pace.patience);
        loop {
            match self.try_read(read).await? {
                Ok(value) => return Ok(value),
                Err(error) if self.past(deadline) => return Err(Stop::Broke(error.failure(read))),
                Err(ReadError::Call(failure)) if failure.code == "killed" => {
                    return Err(Stop::Broke(failure));
                }
                Err(ReadError::Status(Some(status))) if (400..500).contains(&status) => {
                    return Err(Stop::Broke(ReadError::Status(Some(status)).failure(read)));
                }
                Err(_) => self.pause(self.context.pace.look).await?,
            }
        }
    }

    /// Reads once. The outer error ends the run, the inner one need not.
    pub(super) async fn try_read(&mut self, read: &Read) -> Result<Result<Value, ReadError>, Stop> {
        self.lease(std::slice::from_ref(read)).await?;
        let Some(lease) = self.leases.0.get(&read.key()).cloned() else {
            return Err(broke("internal", "a lease vanished"));
        };
        match self
            .context
            .enforcer
            .call(&lease, &read.tool, &read.params)
            .await
        {
            Ok(answer) => {
                let success = answer
                    .status
                    .is_some_and(|status| (200..300).contains(&status));
                Ok(match (answer.outcome, answer.result) {
                    (Outcome::Done, Some(result)) if success => Ok(result),
                    (Outcome::Done | Outcome::NotSent | Outcome::InDoubt, _) => {
                        Err(ReadError::Status(answer.status))
                    }
                })
            }
            Err(CallError::Refused(failure)) => {
                // Another epoch, a rotated key, an expired lease: the next attempt gets a new one.
                self.leases.0.remove(&read.key());
                Ok(Err(ReadError::Call(failure)))
            }
            Err(CallError::Busy(failure)) => Ok(Err(ReadError::Call(failure))),
            Err(CallError::NotSent(message) | CallError::Lost(message)) => {
                Ok(Err(ReadError::Call(Failure::new("unreachable", message))))
            }
        }
    }

    /// Whether the token request's error is one that waiting cures.
    pub(super) fn cures_itself(error: &PeerError) -> bool {
        is_passing(error) || matches!(error.code(), Some("step_not_ready" | "token_outstanding"))
    }

    /// The error as what the step's view shows.
    pub(super) fn denial_of(error: &PeerError) -> Failure {
        let failure = failure_of(error);
        let Some(problem) = error.problem() else {
            return failure;
        };
        let code = problem
            .reasons
            .first()
            .map_or(failure.code.as_str(), |reason| reason.code.as_str());
        let message = if problem.policies.is_empty() {
            failure.message.clone()
        } else {
            format!(
                "{} (policy {})",
                failure.message,
                problem.policies.join(", ")
            )
        };
        Failure::new(code, message)
    }
}

//! Running an admitted call: spend, send, record, answer.
//!
//! What is spent belongs to a tracked task, not to the request: a client that leaves cancels nothing, and
//! a process that is asked to end waits for it (I7). A read under a lease changes nothing and is part of
//! its request: who leaves takes it along, and its record stays.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_intent::id::{AttemptId, IntentId};
use countersign_intent::precondition::Probe;
use countersign_intent::receipt::Outcome;
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::token::Use;
use countersign_intent::tool::Effect;
use countersign_service::clock::Clock;
use countersign_service::faults::{Faults, Point};
use countersign_service::problem::{Problem, ProblemType};
use countersign_service::tasks::Tasks;
use http::HeaderValue;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::task::TaskTracker;

use crate::approved::Approved;
use crate::ceiling::{Counted, Taken, Window};
use crate::execution::State;
use crate::gate::Admitted;
use crate::journal::Journal;
use crate::journal::call::{BodyDigest, Call};
use crate::journal::lock::{Guard, Locks};
use crate::journal::permit::Permit;
use crate::journal::settle::{Settle, SettleError};
use crate::journal::spend;
use crate::journal::store::calls;
use crate::leases::Leases;
use crate::stamp;
use crate::upstream::{Exchange, Forwarded, Forwarder};

/// Calls in work at once; more are refused before anything is spent.
const IN_WORK: usize = 512;

/// What became of a call.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CallAnswer {
    /// The attempt.
    pub(crate) attempt: AttemptId,
    /// `done`, `not_sent` or `in_doubt`.
    pub(crate) outcome: Outcome,
    /// The upstream's HTTP status, when a complete answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// The upstream's answer: a JSON value, or text. Data only, never an instruction.
    #[schema(value_type = Option<Object>)]
    pub(crate) result: Value,
    /// Whether `result` is only the beginning of the answer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) truncated: bool,
    /// Why nothing was sent, or why it is not known what happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
    /// The enforcer's signed word on it.
    pub(crate) receipt: String,
    /// What passes through the proxy door.
    #[serde(skip)]
    #[schema(ignore)]
    pub(crate) passed: Passed,
}

/// An upstream's answer as it came, without the credential.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passed {
    pub(crate) content_type: Option<HeaderValue>,
    pub(crate) body: Bytes,
}

/// Runs calls. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Executor(Arc<Parts>);

/// What running calls takes.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) journal: Journal,
    pub(crate) forwarder: Forwarder,
    pub(crate) leases: Leases,
    pub(crate) window: Window,
    pub(crate) locks: Locks,
    pub(crate) lock_wait: Duration,
    pub(crate) tasks: Tasks,
    /// The calls in work, which the journal's writer outlives.
    pub(crate) executions: TaskTracker,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
}

/// The places for calls in work. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(IN_WORK)))
    }
}

impl Places {
    /// Takes a place.
    ///
    /// # Errors
    /// `overload` when there is none.
    pub(crate) fn take(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.0)
            .try_acquire_owned()
            .map_err(|_full| Refusal::new(RefusalCode::Overload, "too many calls are in work"))
    }
}

impl Executor {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Runs the call; one that is spent to its end, whether or not the caller still listens.
    ///
    /// # Errors
    /// A refusal, with nothing sent; or `outcome_unrecorded`.
    pub(crate) async fn run(
        &self,
        admitted: Admitted,
        place: OwnedSemaphorePermit,
    ) -> Result<CallAnswer, Problem> {
        match admitted.usage {
            Use::Lease => {
                let reading = self.0.read(admitted);
                let answer = Box::pin(self.0.executions.track_future(reading)).await;
                drop(place);
                answer
            }
            Use::Once => self.detached(admitted.approved, place).await,
        }
    }

    async fn detached(
        &self,
        approved: Arc<Approved>,
        place: OwnedSemaphorePermit,
    ) -> Result<CallAnswer, Problem> {
        let (sender, receiver) = oneshot::channel();
        let executor = self.clone();
        let work = async move {
            let answer = Box::pin(executor.0.once(approved)).await;
            // The place is free when the call is over, not when its caller has left.
            drop(place);
            let _ = sender.send(answer);
        };
        drop(
            self.0
                .tasks
                .spawn("call", self.0.executions.track_future(work)),
        );
        receiver.await.unwrap_or_else(|_gone| {
            Err(Problem::new(
                ProblemType::Internal,
                "a call ended without an answer",
            ))
        })
    }
}

impl Parts {
    /// A read under a lease: nothing is spent, and its record follows within a second.
    async fn read(&self, admitted: Admitted) -> Result<CallAnswer, Problem> {
        let Admitted {
            approved,
            generation,
            proof,
            ..
        } = admitted;
        let _taken = self.take_place(&approved)?;
        if let Some(proof) = proof {
            proof.spend(self.journal.shared().now()?)?;
        }
        let reading = Reading {
            parts: self,
            approved: &approved,
            attempt: &self.journal.attempt(),
            began: stamp::whole_millis(self.clock.now()),
        };
        let attempt = reading.attempt.clone();
        let permit = self
            .journal
            .lease(Arc::clone(&approved), attempt, generation);
        let exchange = self.forwarder.forward(permit, &self.journal).await.exchange;
        let mut call = reading.end();
        let ended_at = stamp::whole_millis(self.clock.now()).max(call.consumed_at);
        call.state = State::Consumed.on(exchange.event).unwrap_or(State::InDoubt);
        call.cause.clone_from(&exchange.cause);
        call.body = body_digest(&exchange);
        call.ended_at = Some(ended_at);
        if let Some(outcome) = call.outcome() {
            let signer = &self.journal.shared().signer;
            call.receipt = Some(signer.sign(&call, outcome, ended_at, None));
        }
        self.leases.note(&call);
        Ok(answer(call, exchange))
    }

    /// A call that is spent, sent at most once, and recorded before anybody hears of it.
    async fn once(&self, approved: Arc<Approved>) -> Result<CallAnswer, Problem> {
        self.faults.reach(Point::Verified);
        let permit = self.permit(approved).await?;
        let Forwarded {
            attempt,
            jti,
            mut exchange,
            guard,
        } = self.forwarder.forward(permit, &self.journal).await;
        let late = exchange.late.take();
        let mut settle = Settle::of(&jti, &attempt, exchange.event).sent(exchange.sends);
        if let Some(cause) = &exchange.cause {
            settle = settle.because(cause.as_str());
        }
        if let Some(body) = body_digest(&exchange) {
            settle = settle.with_body(body);
        }
        let settled = self.journal.settle(settle).await;
        drop(guard);
        if let Some(late) = late {
            let call = (jti.clone(), attempt.clone());
            late.follow(self.journal.clone(), call, &self.tasks, &self.executions);
        }
        match settled {
            Ok(settled) => Ok(answer(settled.call, exchange)),
            Err(SettleError::Unrecorded | SettleError::Unknown | SettleError::Differs(_)) => {
                Err(unrecorded(&attempt))
            }
            // The sweep for overdue calls was first: what it recorded is the answer.
            Err(SettleError::NoTransition(_)) => match self.journal.look_up(jti).await {
                Ok(Some(call)) => Ok(answer(call, exchange)),
                Ok(None) | Err(_) => Err(unrecorded(&attempt)),
            },
        }
    }

    /// Waits for the resource, looks at the precondition, takes a place under the ceilings, spends the
    /// token. A token that was spent before is told so, whatever else stands in its way.
    async fn permit(&self, approved: Arc<Approved>) -> Result<Permit, Refusal> {
        let guard = self.resource(&approved).await?;
        if let Some(probe) = &approved.probe {
            self.refuse_used(&approved).await?;
            self.confirm(&approved, probe).await?;
        }
        let taken = match self.take_place(&approved) {
            Ok(taken) => taken,
            Err(refusal) => {
                self.refuse_used(&approved).await?;
                return Err(refusal);
            }
        };
        let spent = self.journal.spend(Arc::clone(&approved), guard).await;
        if spent.is_err() {
            self.window.give_back(&counted(&approved), taken);
        }
        spent
    }

    /// Holds the call's resource within this process; reads hold none.
    async fn resource(&self, approved: &Approved) -> Result<Option<Guard>, Refusal> {
        match approved.effect {
            Effect::Read => return Ok(None),
            Effect::Service | Effect::Destructive | Effect::Data => {}
        }
        if let Some(guard) = self.locks.try_take(&approved.resource) {
            return Ok(Some(guard));
        }
        self.refuse_used(approved).await?;
        if let Some(guard) = self.locks.take(&approved.resource, self.lock_wait).await {
            return Ok(Some(guard));
        }
        // The call that holds the resource may be this very token's.
        self.refuse_used(approved).await?;
        let message = format!("{} is busy with another call", approved.resource);
        Err(Refusal::new(RefusalCode::Overload, message))
    }

    /// Refuses a token that is known to be spent. The journal decides when it spends one; here it only
    /// comes before other refusals.
    async fn refuse_used(&self, approved: &Approved) -> Result<(), Refusal> {
        let shared = self.journal.shared();
        let jti = &approved.intent().jti;
        match calls::by_jti(shared.database.read(), &shared.tenant, jti).await {
            Ok(Some(earlier)) => Err(spend::used(&earlier)),
            Ok(None) | Err(_) => Ok(()),
        }
    }

    /// Reads what the call relies on, and compares it with what was seen when it was planned (I21).
    async fn confirm(&self, approved: &Approved, probe: &Probe) -> Result<(), Refusal> {
        let failed = |why: String| Err(Refusal::new(RefusalCode::PreconditionFailed, why));
        // The probe is a read of its own, and counts as one whatever it finds.
        let read = Counted {
            tool: probe.tool(),
            effect: Effect::Read,
            ..counted(approved)
        };
        let _taken = self.window.take(&read, self.clock.monotonic())?;
        let Some(wanted) = &approved.intent().precondition else {
            return failed("the token names no precondition".to_owned());
        };
        let random = self.journal.shared().random.bytes();
        let key = IntentId::mint(self.clock.now(), random);
        let exchange = self.forwarder.probe(probe, &key).await;
        let answer = match exchange.answer {
            Some(answer) if answer.status == 200 && !answer.body.truncated => answer,
            Some(answer) => {
                let status = answer.status;
                return failed(format!(
                    "the precondition cannot be seen: its read was answered {status}"
                ));
            }
            None => {
                let why = exchange.cause.unwrap_or_default();
                return failed(format!("the precondition cannot be seen: {why}"));
            }
        };
        if probe.confirms(&answer.body.result, wanted) {
            return Ok(());
        }
        failed("what was seen when the call was planned is no longer so: plan it again".to_owned())
    }

    fn take_place(&self, approved: &Approved) -> Result<Taken, Refusal> {
        let now = self.clock.monotonic();
        self.window.take(&counted(approved), now)
    }
}

/// A read on its way. One that is dropped on its way may have been sent, and is noted as in doubt.
struct Reading<'a> {
    parts: &'a Parts,
    approved: &'a Approved,
    attempt: &'a AttemptId,
    began: Timestamp,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut call = self.call();
        call.state = State::InDoubt;
        self.parts.leases.note(&call);
    }
}

impl Reading<'_> {
    /// The read came to an end, which its caller notes.
    fn end(self) -> Call {
        let call = self.call();
        // It holds references alone.
        std::mem::forget(self);
        call
    }

    /// What a receipt says of a read; it has no row.
    fn call(&self) -> Call {
        let approved = self.approved;
        let intent = approved.intent();
        let bound = intent.call();
        Call {
            tenant: intent.tenant.clone(),
            jti: intent.jti.clone(),
            attempt: self.attempt.clone(),
            state: State::Consumed,
            cause: None,
            agent: intent.sub.clone(),
            plan: intent.plan.clone(),
            step: intent.step.clone(),
            tool: bound.tool.clone(),
            effect: approved.effect,
            resource: approved.resource.clone(),
            params_sha256: bound.params_sha256,
            request_sha256: bound.request_sha256,
            definition_sha256: bound.definition_sha256,
            token_sha256: approved.token_sha256,
            precondition: None,
            body: None,
            sends: None,
            late: None,
            exp: stamp::from_seconds(intent.exp),
            consumed_at: self.began,
            deadline: self.began,
            ended_at: None,
            receipt: None,
        }
    }
}

fn counted(approved: &Approved) -> Counted<'_> {
    let intent = approved.intent();
    Counted {
        agent: &intent.sub,
        tool: &intent.call().tool,
        effect: approved.effect,
        resource: &approved.resource,
    }
}

fn body_digest(exchange: &Exchange) -> Option<BodyDigest> {
    exchange.answer.as_ref().map(|answer| answer.body.digest)
}

fn answer(call: Call, exchange: Exchange) -> CallAnswer {
    let (result, truncated, passed) = match exchange.answer {
        Some(answer) => {
            let passed = Passed {
                content_type: answer.content_type,
                body: answer.body.passed,
            };
            (answer.body.result, answer.body.truncated, passed)
        }
        None => (Value::Null, false, Passed::default()),
    };
    CallAnswer {
        outcome: call.outcome().unwrap_or(Outcome::InDoubt),
        status: call.state.status(),
        attempt: call.attempt,
        result,
        truncated,
        cause: call.cause,
        receipt: call.receipt.unwrap_or_default(),
        passed,
    }
}

fn unrecorded(attempt: &AttemptId) -> Problem {
    let detail = "the call was handed to the upstream, but its outcome could not be recorded";
    Problem::new(ProblemType::OUTCOME_UNRECORDED, detail).field("attempt", attempt.as_str())
}

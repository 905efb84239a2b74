//! Running an admitted call: spend, send, record, answer.
//!
//! The work belongs to a tracked task, not to the request: a client that leaves cancels nothing, and a
//! process that is asked to end waits for it (I7).

use std::sync::Arc;
use std::time::Duration;

use countersign_intent::digest::Digest;
use countersign_intent::id::AttemptId;
use countersign_intent::receipt::Outcome;
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::token::Use;
use countersign_intent::tool::Effect;
use countersign_service::clock::Clock;
use countersign_service::problem::{Problem, ProblemType};
use countersign_service::tasks::Tasks;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::task::TaskTracker;

use crate::ceiling::{Counted, Window};
use crate::control::Control;
use crate::execution::{Event, State};
use crate::faults::{Faults, Point};
use crate::gate::Admitted;
use crate::journal::Journal;
use crate::journal::call::{BodyDigest, Call};
use crate::journal::lock::Locks;
use crate::journal::permit::Permit;
use crate::journal::settle::{Settle, SettleError};
use crate::journal::spend::Order;
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
}

/// Runs calls. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Executor(Arc<Parts>);

/// What running calls takes.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) journal: Journal,
    pub(crate) forwarder: Forwarder,
    pub(crate) control: Control,
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

    /// Runs the call to its end, whether or not the caller still listens.
    ///
    /// # Errors
    /// A refusal, with nothing sent; or `outcome_unrecorded`.
    pub(crate) async fn run(
        &self,
        admitted: Admitted,
        place: OwnedSemaphorePermit,
    ) -> Result<CallAnswer, Problem> {
        let (sender, receiver) = oneshot::channel();
        let executor = self.clone();
        let work = async move {
            let answer = Box::pin(executor.0.execute(admitted)).await;
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
    async fn execute(&self, admitted: Admitted) -> Result<CallAnswer, Problem> {
        match admitted.usage {
            Use::Lease => self.read(admitted).await,
            Use::Once => self.once(admitted).await,
        }
    }

    /// A read under a lease: nothing is spent, and its record follows within a second.
    async fn read(&self, admitted: Admitted) -> Result<CallAnswer, Problem> {
        self.take_place(&admitted)?;
        let generation = admitted.generation;
        let attempt = self.journal.attempt();
        let mut call = self.lease_call(&admitted, attempt.clone());
        let permit = self.journal.lease(order(admitted), attempt, generation);
        let forwarded = self.forwarder.forward(permit).await;
        let exchange = forwarded.exchange;
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
        Ok(answer(&call, exchange))
    }

    /// A call that is spent, sent at most once, and recorded before anybody hears of it.
    async fn once(&self, admitted: Admitted) -> Result<CallAnswer, Problem> {
        let permit = self.permit(admitted).await?;
        self.faults.reach(Point::AfterConsumeCommit);
        let generation = self
            .control
            .snapshot()
            .ok()
            .map(|control| control.generation());
        let forwarded = if permit.is_fresh(self.clock.monotonic(), generation) {
            self.forwarder.forward(permit).await
        } else {
            stale(permit)
        };
        self.faults.reach(Point::AfterAnswer);
        let Forwarded {
            attempt,
            jti,
            exchange,
            guard,
        } = forwarded;
        let mut settle = Settle::of(&jti, &attempt, exchange.event);
        if let Some(cause) = &exchange.cause {
            settle = settle.because(cause.as_str());
        }
        if let Some(body) = body_digest(&exchange) {
            settle = settle.with_body(body);
        }
        let settled = self.journal.settle(settle).await;
        drop(guard);
        match settled {
            Ok(settled) => Ok(answer(&settled.call, exchange)),
            Err(SettleError::Unrecorded | SettleError::Unknown) => Err(unrecorded(&attempt)),
            // The sweep for overdue calls was first: what it recorded is the answer.
            Err(SettleError::NoTransition(_)) => match self.journal.look_up(jti).await {
                Ok(Some(call)) => Ok(answer(&call, exchange)),
                Ok(None) | Err(_) => Err(unrecorded(&attempt)),
            },
        }
    }

    /// Waits for the resource, takes a place under the ceilings, spends the token.
    async fn permit(&self, admitted: Admitted) -> Result<Permit, Refusal> {
        self.refuse_used(&admitted).await?;
        let guard = match admitted.effect {
            Effect::Read => None,
            Effect::Service | Effect::Destructive | Effect::Data => {
                let guard = self.locks.take(&admitted.resource, self.lock_wait).await;
                if guard.is_none() {
                    // The call that holds the resource may be this very token's.
                    self.refuse_used(&admitted).await?;
                    let message = format!("{} is busy with another call", admitted.resource);
                    return Err(Refusal::new(RefusalCode::Overload, message));
                }
                guard
            }
        };
        self.take_place(&admitted)?;
        let intent = admitted.call.intent().clone();
        let (effect, resource) = (admitted.effect, admitted.resource.clone());
        let spent = self
            .journal
            .spend(Order {
                guard,
                ..order(admitted)
            })
            .await;
        if spent.is_err() {
            let (agent, tool) = (&intent.sub, &intent.call().tool);
            self.window.give_back(&Counted {
                agent,
                tool,
                effect,
                resource: &resource,
            });
        }
        spent
    }

    /// Refuses a token that is known to be spent, before it waits for anything. The journal decides;
    /// this only spares it the flood.
    async fn refuse_used(&self, admitted: &Admitted) -> Result<(), Refusal> {
        let shared = self.journal.shared();
        let jti = &admitted.call.intent().jti;
        match calls::by_jti(shared.database.read(), &shared.tenant, jti).await {
            Ok(Some(earlier)) => {
                let message = format!(
                    "the token was used already, by attempt `{}`",
                    earlier.attempt
                );
                Err(Refusal::new(RefusalCode::TokenUsed, message))
            }
            Ok(None) | Err(_) => Ok(()),
        }
    }

    fn take_place(&self, admitted: &Admitted) -> Result<(), Refusal> {
        let intent = admitted.call.intent();
        let (agent, tool) = (&intent.sub, &intent.call().tool);
        let counted = Counted {
            agent,
            tool,
            effect: admitted.effect,
            resource: &admitted.resource,
        };
        self.window.take(&counted, self.clock.monotonic())
    }

    /// What a receipt says of a read; it has no row.
    fn lease_call(&self, admitted: &Admitted, attempt: AttemptId) -> Call {
        let intent = admitted.call.intent();
        let approved = intent.call();
        let now = stamp::whole_millis(self.clock.now());
        let shared = self.journal.shared();
        Call {
            tenant: intent.tenant.clone(),
            jti: intent.jti.clone(),
            attempt,
            writer: shared.ledger.writer().to_owned(),
            state: State::Consumed,
            cause: None,
            agent: intent.sub.clone(),
            plan: intent.plan.clone(),
            step: intent.step.clone(),
            tool: approved.tool.clone(),
            effect: admitted.effect,
            resource: admitted.resource.clone(),
            params_sha256: approved.params_sha256,
            request_sha256: approved.request_sha256,
            definition_sha256: approved.definition_sha256,
            token_sha256: Digest::of(admitted.token.as_bytes()),
            body: None,
            exp: stamp::from_seconds(intent.exp),
            consumed_at: now,
            deadline: now,
            ended_at: None,
            receipt: None,
        }
    }
}

fn order(admitted: Admitted) -> Order {
    Order {
        call: admitted.call,
        token: admitted.token,
        kid: admitted.kid,
        effect: admitted.effect,
        resource: admitted.resource,
        timeout: admitted.timeout,
        guard: None,
    }
}

/// Too late, or the kill switch moved: the spent call is not sent.
fn stale(permit: Permit) -> Forwarded {
    let attempt = permit.attempt().clone();
    let jti = permit.intent().jti.clone();
    let cause = "stale: control changed or too much time passed since the token was spent";
    let exchange = Exchange {
        event: Event::NothingWritten,
        cause: Some(cause.to_owned()),
        answer: None,
    };
    Forwarded {
        attempt,
        jti,
        exchange,
        guard: permit.into_guard(),
    }
}

fn body_digest(exchange: &Exchange) -> Option<BodyDigest> {
    exchange.answer.as_ref().map(|answer| answer.body.digest)
}

fn answer(call: &Call, exchange: Exchange) -> CallAnswer {
    let (result, truncated) = match exchange.answer {
        Some(answer) => (answer.body.result, answer.body.truncated),
        None => (Value::Null, false),
    };
    CallAnswer {
        attempt: call.attempt.clone(),
        outcome: call.outcome().unwrap_or(Outcome::InDoubt),
        status: call.state.status(),
        result,
        truncated,
        cause: call.cause.clone(),
        receipt: call.receipt.clone().unwrap_or_default(),
    }
}

fn unrecorded(attempt: &AttemptId) -> Problem {
    let detail = "the call was handed to the upstream, but its outcome could not be recorded";
    Problem::new(ProblemType::OUTCOME_UNRECORDED, detail).field("attempt", attempt.as_str())
}

//! Upstreams: the only way from here to infrastructure (SECURITY-DESIGN §3).
//!
//! A call that changes something goes out on a connection of its own, dialled here, once: nothing pools,
//! retries, redirects, proxies or decompresses, so that "nothing was written" and "something was" are
//! told apart. Reads may use a connection that another read left.

mod answer;
mod change;
mod dial;
mod late;
mod line;
mod pool;
mod read;
mod scrub;
mod target;
mod tls;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign_intent::id::{AttemptId, IntentId};
use countersign_intent::precondition::Probe;
use countersign_intent::token::Use;
use countersign_intent::tool::Effect;
use countersign_service::clock::Clock;
use countersign_service::faults::Faults;
use countersign_service::problem::error_chain;

use self::change::Change;
use self::late::{Late, Listening};
use self::line::Answer;
use self::read::Read;
use self::target::{After, Target};
use self::tls::SystemRoots;
use crate::config::upstream::Upstream;
use crate::control::Control;
use crate::execution::{Event, is_gateway};
use crate::journal::lock::Guard;
use crate::journal::permit::Permit;

pub use self::target::TargetError;
pub use self::tls::TlsError;

/// How long an upstream may take to accept a connection and, with TLS, to prove itself.
const DIAL_LIMIT: Duration = Duration::from_secs(10);
/// No call is waited for longer, whatever its definition says.
const LONGEST: Duration = Duration::from_hours(24);
/// Time between two looks for kept connections that nobody uses.
const SWEEP: Duration = Duration::from_secs(2);
/// How old may be what the database said when a call goes out again.
const MOMENT: Duration = Duration::from_secs(2);
/// Why a permit no longer counts.
const STALE: &str = "stale: control changed or too much time passed since the token was spent";

/// Sends permitted calls. It holds the upstreams' credentials.
#[derive(Clone, Debug)]
pub(crate) struct Forwarder {
    upstreams: Arc<BTreeMap<String, Arc<Target>>>,
    watch: Watch,
}

/// Says, from the database itself, whether a call is on its way still.
pub(crate) trait Underway: Sync {
    /// Whether the attempt of `permit` is spent and has no end yet, as far as that can be read.
    fn is_underway(&self, permit: &Permit) -> impl Future<Output = bool> + Send;
}

/// What is asked right before the first byte, and shared by all calls.
#[derive(Clone, Debug)]
struct Watch {
    clock: Clock,
    control: Control,
    faults: Faults,
    late: Listening,
}

/// A call that was sent, or was not: the permit is gone.
#[derive(Debug)]
pub(crate) struct Forwarded {
    pub(crate) attempt: AttemptId,
    pub(crate) jti: IntentId,
    pub(crate) exchange: Exchange,
    /// Keeps the resource locked until the outcome is durable.
    pub(crate) guard: Option<Guard>,
}

/// What became of a call on the wire.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) event: Event,
    /// Why nothing was sent, or why the answer does not count.
    pub(crate) cause: Option<String>,
    /// The answer, as far as one came.
    pub(crate) answer: Option<Answer>,
    /// How often the call was sent; more than once only by its tool's idempotency.
    pub(crate) sends: u32,
    /// The connection on which an answer may still come.
    pub(crate) late: Option<Late>,
}

impl Forwarder {
    /// Sends to `upstreams` and nowhere else, what `control` still allows.
    ///
    /// # Errors
    /// [`TargetError`] for an upstream that cannot be used, [`TlsError`] when TLS cannot be set up.
    pub(crate) fn new(
        upstreams: Vec<Upstream>,
        control: Control,
        clock: Clock,
        faults: Faults,
    ) -> Result<Self, SetupError> {
        let targets = targets(upstreams)?;
        for target in targets.values().filter(|target| target.is_open()) {
            tracing::warn!(
                upstream = target.name(),
                "the upstream's credential goes over the network in clear: use https"
            );
        }
        Ok(Self {
            upstreams: Arc::new(targets),
            watch: Watch {
                clock,
                control,
                faults,
                late: Listening::default(),
            },
        })
    }

    /// Sends the one call that `permit` allows, within its time limit. `underway` is asked before a lost
    /// call is sent again.
    pub(crate) async fn forward(&self, permit: Permit, underway: &impl Underway) -> Forwarded {
        let exchange = self.exchange(&permit, underway).await;
        Forwarded {
            attempt: permit.attempt().clone(),
            jti: permit.intent().jti.clone(),
            exchange,
            guard: permit.into_guard(),
        }
    }

    async fn exchange(&self, permit: &Permit, underway: &impl Underway) -> Exchange {
        let call = permit.call().request();
        let Some(target) = self.upstreams.get(&call.upstream) else {
            return Exchange::unknown(&call.upstream);
        };
        let watch = &self.watch;
        // A kept connection may have died, and the read is asked again on another: not with a token that
        // is good for one call.
        let after = match (permit.effect(), permit.intent().call().use_) {
            (Effect::Read, Use::Lease) => After::Keep,
            (Effect::Read, Use::Once)
            | (Effect::Service | Effect::Destructive | Effect::Data, _) => After::Close,
        };
        let field = permit.resend().map(|resend| resend.header.as_str());
        let request = match target.request(call, &permit.intent().jti, field, after) {
            Ok(request) => request,
            Err(error) => return Exchange::not_sent(error_chain(&error)),
        };
        match after {
            After::Keep => {
                let read = Read {
                    target,
                    faults: watch.faults,
                    limit: permit.timeout(),
                    may: || watch.is_fresh(permit),
                };
                read.run(request).await
            }
            After::Close => {
                let change = Change {
                    target,
                    permit,
                    watch,
                    underway,
                };
                change.run(request).await
            }
        }
    }

    /// Makes the one read of `probe`; `key` is what the upstream may know it by.
    pub(crate) async fn probe(&self, probe: &Probe, key: &IntentId) -> Exchange {
        let call = probe.request();
        let Some(target) = self.upstreams.get(&call.upstream) else {
            return Exchange::unknown(&call.upstream);
        };
        let request = match target.request(call, key, None, After::Keep) {
            Ok(request) => request,
            Err(error) => return Exchange::not_sent(error_chain(&error)),
        };
        let read = Read {
            target,
            faults: Faults::none(),
            limit: probe.timeout(),
            may: || true,
        };
        read.run(request).await
    }

    /// Closes kept connections that nobody uses, for as long as it is polled.
    pub(crate) async fn sweep(self) {
        let mut tick = tokio::time::interval(SWEEP);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.upstreams
                .values()
                .for_each(|target| target.pool().sweep());
        }
    }
}

/// Checks that `upstreams` can be used, as an enforcer does when it starts.
///
/// # Errors
/// Each [`SetupError`].
pub fn check_upstreams(upstreams: Vec<Upstream>) -> Result<(), SetupError> {
    targets(upstreams).map(drop)
}

fn targets(upstreams: Vec<Upstream>) -> Result<BTreeMap<String, Arc<Target>>, SetupError> {
    let mut system = SystemRoots::default();
    let mut targets = BTreeMap::new();
    for upstream in upstreams {
        let target = Target::new(upstream, &mut system)?;
        let name = target.name().to_owned();
        if targets.insert(name.clone(), Arc::new(target)).is_some() {
            return Err(SetupError::Twice(name));
        }
    }
    Ok(targets)
}

impl Watch {
    /// Whether the permit is still good: granted a moment ago, and no control change since.
    fn is_fresh(&self, permit: &Permit) -> bool {
        permit.is_fresh(self.clock.monotonic(), self.generation())
    }

    /// Whether a call that was found on its way at `asked` may go out again now: found a moment ago, the
    /// authority was heard lately, and control is what it was when the token was spent.
    fn is_current(&self, permit: &Permit, asked: Duration) -> bool {
        let now = self.clock.monotonic();
        now.saturating_sub(asked) <= MOMENT
            && self.control.check_lease(permit.effect(), now).is_ok()
            && permit.is_same_control(self.generation())
    }

    fn generation(&self) -> Option<u64> {
        let snapshot = self.control.snapshot().ok()?;
        Some(snapshot.generation())
    }
}

impl Exchange {
    fn unknown(upstream: &str) -> Self {
        Self::not_sent(format!("no upstream `{upstream}` is configured here"))
    }

    fn not_sent(cause: impl Into<String>) -> Self {
        Self {
            event: Event::NothingWritten,
            cause: Some(cause.into()),
            answer: None,
            sends: 0,
            late: None,
        }
    }

    fn lost(cause: impl Into<String>) -> Self {
        Self {
            event: Event::Lost,
            cause: Some(cause.into()),
            answer: None,
            sends: 1,
            late: None,
        }
    }

    fn answered(answer: Answer) -> Self {
        let status = answer.status;
        Self {
            event: Event::Answered(status),
            cause: is_gateway(status).then(|| format!("the upstream answered {status}")),
            answer: Some(answer),
            sends: 1,
            late: None,
        }
    }

    fn sent(self, sends: u32) -> Self {
        Self { sends, ..self }
    }

    fn listening(self, late: Option<Late>) -> Self {
        let late = late.map(|late| late.sent(self.sends));
        Self { late, ..self }
    }
}

fn in_time(limit: Duration) -> String {
    format!("no complete answer came within {} s", limit.as_secs_f32())
}

/// The upstreams cannot be used as configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// One name stands for two upstreams.
    #[error("upstream `{0}` is configured twice")]
    Twice(String),
    /// An upstream cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

//! Upstreams: the only way from here to infrastructure (SECURITY-DESIGN §3).
//!
//! A call goes out on a connection of its own, dialled here, once: nothing pools, retries, redirects,
//! proxies or decompresses, so that "nothing was written" and "something was" are told apart.

mod answer;
mod dial;
mod exchange;
mod scrub;
mod target;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_intent::id::{AttemptId, IntentId};

use self::answer::Body;
use self::dial::Dialer;
use self::target::Target;
use crate::config::Upstream;
use crate::execution::Event;
use crate::faults::Faults;
use crate::journal::lock::Guard;
use crate::journal::permit::Permit;

pub use self::dial::TlsError;
pub use self::target::TargetError;

/// Sends permitted calls. It holds the upstreams' credentials.
#[derive(Clone, Debug)]
pub(crate) struct Forwarder {
    upstreams: Arc<BTreeMap<String, Target>>,
    dialer: Dialer,
    faults: Faults,
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
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Body,
}

impl Forwarder {
    /// Sends to `upstreams` and nowhere else.
    ///
    /// # Errors
    /// [`TargetError`] for a base address that cannot be used, [`TlsError`] when TLS cannot be set up.
    pub(crate) fn new(upstreams: Vec<Upstream>, faults: Faults) -> Result<Self, SetupError> {
        let mut targets = BTreeMap::new();
        for upstream in upstreams {
            let name = upstream.name.clone();
            if targets
                .insert(name.clone(), Target::new(upstream)?)
                .is_some()
            {
                return Err(SetupError::Twice(name));
            }
        }
        let dialer = Dialer::new(targets.values().any(Target::is_tls))?;
        Ok(Self {
            upstreams: Arc::new(targets),
            dialer,
            faults,
        })
    }

    /// Sends the one call that `permit` allows, within its time limit.
    pub(crate) async fn forward(&self, permit: Permit) -> Forwarded {
        let attempt = permit.attempt().clone();
        let jti = permit.intent().jti.clone();
        let request = permit.call().request();
        let exchange = if let Some(target) = self.upstreams.get(&request.upstream) {
            let limit = permit.timeout();
            exchange::run(&self.dialer, target, request, &jti, limit, self.faults).await
        } else {
            let name = &request.upstream;
            Exchange::not_sent(format!("no upstream `{name}` is configured here"))
        };
        Forwarded {
            attempt,
            jti,
            exchange,
            guard: permit.into_guard(),
        }
    }
}

impl Exchange {
    fn not_sent(cause: impl Into<String>) -> Self {
        Self {
            event: Event::NothingWritten,
            cause: Some(cause.into()),
            answer: None,
        }
    }

    fn lost(cause: impl Into<String>) -> Self {
        Self {
            event: Event::Lost,
            cause: Some(cause.into()),
            answer: None,
        }
    }
}

/// The upstreams cannot be used as configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// One name stands for two upstreams.
    #[error("upstream `{0}` is configured twice")]
    Twice(String),
    /// A base address cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

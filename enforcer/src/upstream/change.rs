//! Calls that change something: a connection of their own, closed afterwards, and sent once.
//!
//! Only where the tool's definition says that its upstream recognizes a repeated call is one that was
//! lost sent again: the same bytes with the same key (SECURITY-DESIGN §4.7). By then somebody else may
//! have settled it, so the database is asked before each time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_intent::tool::Effect;
use countersign_service::faults::Point;
use countersign_service::problem::error_chain;
use http::Request;
use http_body_util::Full;
use tokio::time::{Instant, sleep, timeout_at};

use super::late::Late;
use super::line::{Answer, AnswerError, Line};
use super::target::Target;
use super::{DIAL_LIMIT, Exchange, LONGEST, STALE, Underway, Watch, dial, in_time};
use crate::execution::is_gateway;
use crate::journal::permit::Permit;

/// How often a lost call is sent again at most.
const AGAIN: u32 = 2;
/// Why a lost call is not sent again.
const GIVEN_UP: &str =
    "no complete answer came, and the journal does not say that the call is on its way still";
/// The wait before the first time; it doubles.
const BACKOFF: Duration = Duration::from_millis(100);

/// An answer on its way.
pub(super) type Answering =
    std::pin::Pin<Box<dyn Future<Output = Result<Answer, AnswerError>> + Send>>;

/// A call that may be sent.
pub(super) struct Change<'a, U> {
    pub(super) target: &'a Arc<Target>,
    pub(super) permit: &'a Permit,
    pub(super) watch: &'a Watch,
    pub(super) underway: &'a U,
}

/// Which time the call is sent: what must hold right before the first byte differs.
#[derive(Clone, Copy, Debug)]
enum Time {
    First,
    Again,
}

/// What came of sending once.
enum Sent {
    /// It may not be sent any more.
    Forbidden(&'static str),
    /// Not one byte was written.
    Not(String),
    /// Something was written; an answer may still come.
    Lost(String, Option<Answering>),
    Answered(Answer),
}

impl<U: Underway> Change<'_, U> {
    /// Sends the call, and again where the definition allows it.
    pub(super) async fn run(self, request: Request<Full<Bytes>>) -> Exchange {
        let limit = self.permit.timeout().min(LONGEST);
        let began = Instant::now();
        // A read whose token is good for one call is one call.
        let resend = match self.permit.effect() {
            Effect::Read => None,
            Effect::Service | Effect::Destructive | Effect::Data => self.permit.resend(),
        };
        let copy = resend.map(|resend| (request.clone(), resend));
        let (cause, waiting) = match self.send(request, began + limit, Time::First).await {
            Sent::Answered(answer) => return Exchange::answered(answer),
            Sent::Forbidden(cause) => return Exchange::not_sent(cause),
            Sent::Not(cause) => return Exchange::not_sent(cause),
            Sent::Lost(cause, waiting) => (cause, waiting),
        };
        let lost = Exchange::lost(cause).listening(self.late(waiting));
        match copy {
            Some((request, resend)) => {
                let over = began + (limit.saturating_mul(2)).min(resend.window);
                self.again(lost, request, over).await
            }
            None => lost,
        }
    }

    /// Sends a lost call again until an answer settles it, it may not be sent any more, `over` is reached
    /// or the tries are used up.
    async fn again(
        &self,
        mut lost: Exchange,
        request: Request<Full<Bytes>>,
        over: Instant,
    ) -> Exchange {
        let limit = self.permit.timeout().min(LONGEST);
        let mut wait = BACKOFF;
        for _ in 0..AGAIN {
            let now = Instant::now();
            if now + wait >= over {
                break;
            }
            sleep(wait).await;
            wait = wait.saturating_mul(2);
            let deadline = over.min(Instant::now() + limit);
            let sent = self.send(request.clone(), deadline, Time::Again);
            let sends = lost.sends.saturating_add(1);
            match sent.await {
                Sent::Forbidden(cause) => {
                    lost.cause = Some(cause.to_owned());
                    break;
                }
                Sent::Not(cause) => lost.cause = Some(cause),
                Sent::Answered(answer) if settles(answer.status) => {
                    return Exchange::answered(answer).sent(sends);
                }
                Sent::Answered(answer) => {
                    let status = answer.status;
                    let cause = format!(
                        "sent again, the upstream answered {status}, which does not say what became of the call"
                    );
                    let late = lost.late.take();
                    lost = Exchange::lost(cause).sent(sends).listening(late);
                }
                Sent::Lost(cause, waiting) => {
                    let late = self.late(waiting).or(lost.late.take());
                    lost = Exchange::lost(cause).sent(sends).listening(late);
                }
            }
        }
        lost
    }

    /// Sends once on a fresh connection, if it still may right before the first byte.
    async fn send(&self, request: Request<Full<Bytes>>, deadline: Instant, time: Time) -> Sent {
        let target = self.target;
        let began = Instant::now();
        let connection = match dial::dial(target, deadline.min(began + DIAL_LIMIT)).await {
            Ok(connection) => connection,
            Err(error) => return Sent::Not(error_chain(&error)),
        };
        self.watch.faults.reach(Point::Dialled);
        let mut line = match Line::open(connection, self.watch.faults).await {
            Ok(line) => line,
            Err(error) => return Sent::Not(error_chain(&error)),
        };
        if let Err(cause) = self.may(time, deadline).await {
            return Sent::Forbidden(cause);
        }
        let gauge = line.gauge().clone();
        let target = Arc::clone(target);
        let mut answering: Answering =
            Box::pin(async move { line.ask(request, target.scrubber()).await });
        let (cause, waiting) = match timeout_at(deadline, &mut answering).await {
            Ok(Ok(answer)) => return Sent::Answered(answer),
            Ok(Err(error)) => (error_chain(&error), None),
            Err(_elapsed) => {
                let limit = deadline.saturating_duration_since(began);
                (in_time(limit), Some(answering))
            }
        };
        if gauge.written() {
            Sent::Lost(cause, waiting)
        } else {
            Sent::Not(cause)
        }
    }

    /// Whether the call may be sent now. Another process may have given up a lost one, and people may
    /// have settled it: then it has an end, and is never sent again.
    async fn may(&self, time: Time, deadline: Instant) -> Result<(), &'static str> {
        let holds = match time {
            Time::First => self.watch.is_fresh(self.permit),
            Time::Again => {
                let asked = self.watch.clock.monotonic();
                let looking = self.underway.is_underway(self.permit);
                if !timeout_at(deadline, looking).await.unwrap_or(false) {
                    return Err(GIVEN_UP);
                }
                self.watch.is_current(self.permit, asked)
            }
        };
        if holds { Ok(()) } else { Err(STALE) }
    }

    fn late(&self, waiting: Option<Answering>) -> Option<Late> {
        self.watch.late.listen(waiting?, self.permit.timeout())
    }
}

/// Whether the answer to a repeated call speaks for the call: those that gateways and limits give, or
/// that say "not twice" or "not now", tell nothing of what was sent before.
pub(super) const fn settles(status: u16) -> bool {
    !is_gateway(status) && !matches!(status, 401 | 403 | 409 | 425 | 429 | 503)
}

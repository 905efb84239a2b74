//! Calls that change something: a connection of their own, closed afterwards, and sent once.
//!
//! Only where the tool's definition says that its upstream recognizes a repeated call is one that was
//! lost sent again: the same bytes with the same key (SECURITY-DESIGN §4.7).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_service::faults::Point;
use countersign_service::problem::error_chain;
use http::Request;
use http_body_util::Full;
use tokio::time::{Instant, sleep, timeout_at};

use super::late::Late;
use super::line::{Answer, AnswerError, Line};
use super::target::Target;
use super::{DIAL_LIMIT, Exchange, LONGEST, STALE, Watch, dial, in_time};
use crate::execution::is_gateway;
use crate::journal::permit::Permit;

/// How often a lost call is sent again at most.
const AGAIN: u32 = 2;
/// The wait before the first time; it doubles.
const BACKOFF: Duration = Duration::from_millis(100);

/// An answer on its way.
pub(super) type Answering =
    std::pin::Pin<Box<dyn Future<Output = Result<Answer, AnswerError>> + Send>>;

/// A call that may be sent.
pub(super) struct Change<'a> {
    pub(super) target: &'a Arc<Target>,
    pub(super) permit: &'a Permit,
    pub(super) watch: &'a Watch,
}

/// What came of sending once.
enum Sent {
    /// Not one byte was written.
    Not(String),
    /// Something was written; an answer may still come.
    Lost(String, Option<Answering>),
    Answered(Answer),
}

impl Change<'_> {
    /// Sends the call, and again where the definition allows it.
    pub(super) async fn run(self, request: Request<Full<Bytes>>) -> Exchange {
        let limit = self.permit.timeout().min(LONGEST);
        let began = Instant::now();
        let copy = self.permit.resend().map(|_| request.clone());
        let first = self.send(request, began + limit, |change| {
            change.watch.is_fresh(change.permit)
        });
        let (cause, waiting) = match first.await {
            Sent::Answered(answer) => return Exchange::answered(answer),
            Sent::Not(cause) => return Exchange::not_sent(cause),
            Sent::Lost(cause, waiting) => (cause, waiting),
        };
        let lost = Exchange::lost(cause).listening(self.late(waiting));
        match (copy, self.permit.resend()) {
            (Some(request), Some(resend)) => {
                let over = began + (limit.saturating_mul(2)).min(resend.window);
                self.again(lost, request, over).await
            }
            _ => lost,
        }
    }

    /// Sends a lost call again until an answer settles it, `over` is reached or the tries are used up.
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
            let sent = self.send(request.clone(), deadline, |change| {
                change.watch.is_same_control(change.permit)
            });
            let sends = lost.sends.saturating_add(1);
            match sent.await {
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

    /// Sends once on a fresh connection, if `may` still holds right before the first byte.
    async fn send(
        &self,
        request: Request<Full<Bytes>>,
        deadline: Instant,
        may: impl Fn(&Self) -> bool,
    ) -> Sent {
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
        if !may(self) {
            return Sent::Not(STALE.to_owned());
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

    fn late(&self, waiting: Option<Answering>) -> Option<Late> {
        self.watch.late.listen(waiting?, self.permit.timeout())
    }
}

/// Whether the answer to a repeated call speaks for the call: those that gateways and limits give, or
/// that say "not twice" or "not now", tell nothing of what was sent before.
const fn settles(status: u16) -> bool {
    !is_gateway(status) && !matches!(status, 401 | 403 | 409 | 425 | 429 | 503)
}

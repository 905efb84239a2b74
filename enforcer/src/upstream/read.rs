//! Reads: on a kept connection where there is one, and again on a fresh one when that had died.

use std::time::Duration;

use bytes::Bytes;
use countersign_service::faults::{Faults, Point};
use countersign_service::problem::error_chain;
use http::Request;
use http_body_util::Full;
use tokio::time::{Instant, timeout_at};

use super::line::{AnswerError, Line};
use super::pool::Kept;
use super::target::Target;
use super::{DIAL_LIMIT, Exchange, LONGEST, STALE, dial, in_time};

/// One read.
pub(super) struct Read<'a, M> {
    pub(super) target: &'a Target,
    pub(super) faults: Faults,
    pub(super) limit: Duration,
    /// Whether it may still be sent, asked right before the first byte.
    pub(super) may: M,
}

/// What came of asking on one connection.
enum Tried {
    Over(Exchange),
    /// The connection ended without an answer.
    Died(Exchange),
}

impl<M: Fn() -> bool> Read<'_, M> {
    /// Reads within the time limit.
    pub(super) async fn run(self, request: Request<Full<Bytes>>) -> Exchange {
        let began = Instant::now();
        let deadline = began + self.limit.min(LONGEST);
        if let Some(kept) = self.target.pool().take().await {
            match self.ask(kept, request.clone(), deadline).await {
                Tried::Over(exchange) => return exchange,
                // The upstream had closed it: nothing came back, and a read may be asked again.
                Tried::Died(_) => {}
            }
        }
        let line = match self.open(deadline.min(began + DIAL_LIMIT)).await {
            Ok(line) => line,
            Err(cause) => return Exchange::not_sent(cause),
        };
        match self.ask(Kept::new(line), request, deadline).await {
            Tried::Over(exchange) | Tried::Died(exchange) => exchange,
        }
    }

    async fn open(&self, deadline: Instant) -> Result<Line, String> {
        let connection = dial::dial(self.target, deadline).await;
        let connection = connection.map_err(|error| error_chain(&error))?;
        self.faults.reach(Point::Dialled);
        Line::open(connection, self.faults)
            .await
            .map_err(|error| error_chain(&error))
    }

    async fn ask(&self, mut kept: Kept, request: Request<Full<Bytes>>, deadline: Instant) -> Tried {
        if !(self.may)() {
            return Tried::Over(Exchange::not_sent(STALE));
        }
        let asking = kept.line.ask(request, self.target.scrubber());
        let error = match timeout_at(deadline, asking).await {
            Ok(Ok(answer)) => {
                self.target.pool().keep(kept).await;
                return Tried::Over(Exchange::answered(answer));
            }
            Ok(Err(error)) => error,
            Err(_elapsed) => return Tried::Over(Exchange::lost(in_time(self.limit))),
        };
        let gauge = kept.line.gauge();
        let failed = if gauge.written() {
            Exchange::lost(error_chain(&error))
        } else {
            Exchange::not_sent(error_chain(&error))
        };
        if died(&error) && !gauge.answering() {
            Tried::Died(failed)
        } else {
            Tried::Over(failed)
        }
    }
}

/// Whether the connection ended, rather than carrying something wrong.
fn died(error: &AnswerError) -> bool {
    match error {
        AnswerError::Http(error) => !error.is_parse() && !error.is_timeout(),
        AnswerError::Body(_)
        | AnswerError::Framing
        | AnswerError::Encoding
        | AnswerError::Switched => false,
    }
}

//! Answers that come after their time limit: evidence that settles a doubt (SECURITY-DESIGN §4.5).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign_intent::id::{AttemptId, IntentId};
use countersign_service::problem::error_chain;
use countersign_service::tasks::Tasks;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::change::{Answering, settles};
use super::line::Answer;
use crate::execution::Event;
use crate::journal::Journal;
use crate::journal::settle::Settle;

/// Connections that are listened to at most.
const LISTENING: usize = 256;
/// How long one is listened to at most.
const LONGEST: Duration = Duration::from_mins(1);

/// The places for calls that are listened to. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Listening(Arc<Semaphore>);

/// A call in doubt whose connection is still open.
pub(crate) struct Late {
    answering: Answering,
    limit: Duration,
    /// How often the call was sent in all, on this connection and others.
    sends: u32,
    _place: OwnedSemaphorePermit,
}

impl Default for Listening {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LISTENING)))
    }
}

impl Listening {
    /// Listens to `answering` for `limit` again; `None` when too many are listened to.
    pub(super) fn listen(&self, answering: Answering, limit: Duration) -> Option<Late> {
        let place = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(Late {
            answering,
            limit: limit.min(LONGEST),
            sends: 1,
            _place: place,
        })
    }
}

impl fmt::Debug for Late {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Late({:?})", self.limit)
    }
}

impl Late {
    /// The call was sent so often.
    pub(super) fn sent(self, sends: u32) -> Self {
        Self { sends, ..self }
    }

    /// Waits for the answer in a task of its own and settles the doubt of `attempt` by it. The doubt
    /// must have been recorded before.
    pub(crate) fn follow(
        self,
        journal: Journal,
        (jti, attempt): (IntentId, AttemptId),
        tasks: &Tasks,
        executions: &TaskTracker,
    ) {
        let (end, sends) = (tasks.token(), self.sends);
        let work = async move {
            if let Some(Some(answer)) = end.run_until_cancelled(self.answer()).await {
                // Of a call that was sent more than once, not every answer says what became of it.
                if sends > 1 && !settles(answer.status) {
                    let status = answer.status;
                    tracing::info!(call.attempt = %attempt, status, "a late answer settles nothing");
                    return;
                }
                settle(&journal, (&jti, &attempt), &answer, sends).await;
            }
        };
        drop(tasks.spawn("late-answer", executions.track_future(work)));
    }

    async fn answer(self) -> Option<Answer> {
        timeout(self.limit, self.answering).await.ok()?.ok()
    }
}

async fn settle(
    journal: &Journal,
    (jti, attempt): (&IntentId, &AttemptId),
    answer: &Answer,
    sends: u32,
) {
    let status = answer.status;
    let event = Event::Answered(status);
    let settle = Settle::of(jti, attempt, event)
        .because(format!("late answer: the upstream answered {status}"))
        .with_body(answer.body.digest)
        .sent(sends);
    match journal.settle(settle).await {
        Ok(_settled) => {
            tracing::info!(call.attempt = %attempt, "a late answer settled a call in doubt");
        }
        Err(error) => {
            let error = error_chain(&error);
            tracing::info!(call.attempt = %attempt, error, "a late answer settled nothing");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back_and_no_limit_is_longer_than_a_minute() {
        let listening = Listening::default();
        let listen = |seconds| {
            let answering: Answering = Box::pin(std::future::pending());
            listening.listen(answering, Duration::from_secs(seconds))
        };
        let mut all: Vec<Late> = (0..LISTENING).filter_map(|_| listen(600)).collect();
        assert_eq!(all.len(), LISTENING);
        assert!(all.iter().all(|late| late.limit == LONGEST));
        assert!(listen(1).is_none());
        drop(all.pop());
        assert_eq!(listen(1).unwrap().limit, Duration::from_secs(1));
    }
}

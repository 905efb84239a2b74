//! The pace of refusals: a flood of bad tokens waits for itself, and for nobody else.
//!
//! Every refusal costs the check of a signature. The order of the checks stays, so what is paced is the
//! answer: whoever sends bad tokens waits for it, without a place among the calls in work, and cannot
//! send the next one on that connection before.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_service::problem::{Problem, ProblemType};
use tokio::time::Instant;

/// Refusals a second, over time.
const PER_SECOND: u32 = 500;
/// Refusals that may come at once and are answered without delay.
const AT_ONCE: u32 = 500;
/// Answers held at once; beyond, the answer is 429 and the connection is closed.
const HELD: u32 = 1_024;

/// The refusals of this process. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    /// When the refusals so far are through, at [`PER_SECOND`].
    through: Arc<Mutex<Instant>>,
}

/// What to do with the answer to a refused request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Now,
    At(Instant),
    TooMany,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            through: Arc::new(Mutex::new(Instant::now())),
        }
    }
}

impl Pace {
    /// Holds the answer to a refused request while there are too many.
    pub(crate) async fn hold(&self, problem: Problem) -> Problem {
        match self.next(Instant::now()) {
            Answer::Now => problem,
            Answer::At(when) => {
                tokio::time::sleep_until(when).await;
                problem
            }
            Answer::TooMany => {
                let message = "too many calls are being refused";
                Problem::new(ProblemType::TooManyRequests, message)
                    .retry_after(Duration::from_secs(1))
            }
        }
    }

    fn next(&self, now: Instant) -> Answer {
        let each = Duration::from_secs(1) / PER_SECOND;
        let mut through = self.through.lock().unwrap_or_else(PoisonError::into_inner);
        let after = (*through).max(now) + each;
        let behind = after - now;
        if behind > each * (AT_ONCE + HELD) {
            return Answer::TooMany;
        }
        *through = after;
        match behind.checked_sub(each * AT_ONCE) {
            None | Some(Duration::ZERO) => Answer::Now,
            Some(wait) => Answer::At(now + wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers of `count` refusals at one moment.
    fn answers(pace: &Pace, now: Instant, count: u32) -> Vec<Answer> {
        (0..count).map(|_| pace.next(now)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_answered_at_once_and_the_rest_one_after_the_other() {
        let (pace, now) = (Pace::default(), Instant::now());
        let each = Duration::from_secs(1) / PER_SECOND;
        assert!(
            answers(&pace, now, AT_ONCE)
                .iter()
                .all(|answer| *answer == Answer::Now)
        );
        for held in 1..=HELD {
            assert_eq!(pace.next(now), Answer::At(now + each * held));
        }
        assert_eq!(answers(&pace, now, 3), [Answer::TooMany; 3]);
        let later = now + each * HELD;
        assert_eq!(pace.next(later), Answer::At(later + each));
        let calm = later + each * (AT_ONCE + HELD);
        assert!(
            answers(&pace, calm, AT_ONCE)
                .iter()
                .all(|answer| *answer == Answer::Now)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn sixteen_connections_get_no_more_refusals_a_second_than_the_pace() {
        let pace = Pace::default();
        let began = Instant::now();
        let flood = (0..16).map(|_| {
            let pace = pace.clone();
            async move {
                let mut answered = 0_u32;
                while began.elapsed() < Duration::from_secs(10) {
                    let refusal = Problem::new(ProblemType::Forbidden, "no");
                    let problem = pace.hold(refusal).await;
                    assert_eq!(problem.kind(), ProblemType::Forbidden);
                    answered += 1;
                }
                answered
            }
        });
        let tasks: Vec<_> = flood.map(Box::pin).collect();
        let mut sum = 0;
        for answered in join_all(tasks).await {
            sum += answered;
        }
        assert!(
            (PER_SECOND * 10..=PER_SECOND * 10 + AT_ONCE + 32).contains(&sum),
            "{sum}"
        );
    }

    async fn join_all<F: Future<Output = u32> + Unpin>(mut tasks: Vec<F>) -> Vec<u32> {
        let mut done = Vec::new();
        std::future::poll_fn(|context| {
            tasks.retain_mut(|task| match std::pin::Pin::new(task).poll(context) {
                std::task::Poll::Ready(count) => {
                    done.push(count);
                    false
                }
                std::task::Poll::Pending => true,
            });
            if tasks.is_empty() {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        done
    }
}

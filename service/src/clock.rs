//! The clock: the system's, or one that a test moves by hand.
//!
//! Everything that needs the time takes a [`Clock`] or, in pure code, a `now`. Nothing else in the
//! workspace reads the system clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// Where the time comes from. Cheap to clone; clones of a manual clock move together.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { started: Instant },
    Manual(Arc<Manual>),
}

#[derive(Debug)]
struct Manual {
    /// The time now, and the time that has passed since the start (which no [`Clock::set`] moves back).
    state: Mutex<(Timestamp, Duration)>,
    moved: watch::Sender<()>,
}

impl Clock {
    /// The system's clock.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the system clock"
    )]
    pub fn system() -> Self {
        Self(Source::System {
            started: Instant::now(),
        })
    }

    /// A clock that stands at `start` until it is moved.
    pub fn manual(start: Timestamp) -> Self {
        let state = Mutex::new((start, Duration::ZERO));
        Self(Source::Manual(Arc::new(Manual {
            state,
            moved: watch::Sender::new(()),
        })))
    }

    /// The time of day.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the system clock"
    )]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { .. } => Timestamp::now(),
            Source::Manual(manual) => manual.lock().0,
        }
    }

    /// The time since this clock was made: it never goes back, so differences measure durations.
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::System { started } => started.elapsed(),
            Source::Manual(manual) => manual.lock().1,
        }
    }

    /// Moves a manual clock forward and wakes those who sleep on it. Does nothing to the system's.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            {
                let mut state = manual.lock();
                state.0 = saturating_add(state.0, by);
                state.1 = state.1.saturating_add(by);
            }
            manual.moved.send_replace(());
        }
    }

    /// Sets a manual clock, backwards too (a clock that was wrong). Does nothing to the system's.
    pub fn set(&self, now: Timestamp) {
        if let Source::Manual(manual) = &self.0 {
            manual.lock().0 = now;
            manual.moved.send_replace(());
        }
    }

    /// Waits until `duration` has passed on this clock.
    pub async fn sleep(&self, duration: Duration) {
        match &self.0 {
            Source::System { .. } => tokio::time::sleep(duration).await,
            Source::Manual(manual) => {
                let mut moved = manual.moved.subscribe();
                let until = manual.lock().1.saturating_add(duration);
                while manual.lock().1 < until {
                    // The sender lives in `manual`, which this future holds.
                    if moved.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

impl Manual {
    fn lock(&self) -> MutexGuard<'_, (Timestamp, Duration)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `time` plus `duration`, or the last representable time.
pub fn saturating_add(time: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| time.checked_add(duration).ok())
        .unwrap_or(Timestamp::MAX)
}

/// `time` minus `duration`, or the first representable time.
pub fn saturating_sub(time: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| time.checked_sub(duration).ok())
        .unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_clock_moves_only_by_hand() {
        let start: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::manual(start);
        let twin = clock.clone();
        assert_eq!(twin.now(), start);
        clock.advance(Duration::from_secs(5));
        assert_eq!(twin.now().to_string(), "2030-01-01T00:00:05Z");
        assert_eq!(twin.monotonic(), Duration::from_secs(5));
        clock.set(start);
        assert_eq!(twin.now(), start);
        assert_eq!(
            twin.monotonic(),
            Duration::from_secs(5),
            "measured time does not go back"
        );
    }

    #[tokio::test]
    async fn sleepers_wake_when_the_clock_is_moved_far_enough() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let sleeping = clock.clone();
        let mut sleep = Box::pin(async move { sleeping.sleep(Duration::from_secs(10)).await });
        let early = futures_util::poll!(&mut sleep);
        assert!(early.is_pending());
        clock.advance(Duration::from_secs(9));
        assert!(futures_util::poll!(&mut sleep).is_pending());
        clock.advance(Duration::from_secs(1));
        sleep.await;
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(
            saturating_add(Timestamp::MAX, Duration::from_secs(1)),
            Timestamp::MAX
        );
        assert_eq!(
            saturating_sub(Timestamp::MIN, Duration::MAX),
            Timestamp::MIN
        );
    }
}

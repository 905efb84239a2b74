//! Kept connections of one upstream, for reads alone: asking twice changes nothing.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::line::Line;

/// Connections that are kept at most.
const KEPT: usize = 64;
/// How long one is kept unused: less than most servers keep one.
const IDLE: Duration = Duration::from_secs(4);
/// How long one is used at most, so that a name that moves is followed.
const AGE: Duration = Duration::from_mins(1);

/// The kept connections.
#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<Kept>>);

/// A connection with its age.
pub(super) struct Kept {
    pub(super) line: Line,
    opened: Instant,
    rested: Instant,
}

impl Kept {
    /// A connection that was just opened.
    pub(super) fn new(line: Line) -> Self {
        let now = Instant::now();
        Self {
            line,
            opened: now,
            rested: now,
        }
    }

    fn is_good(&self, now: Instant) -> bool {
        let rested = now.saturating_duration_since(self.rested);
        let lived = now.saturating_duration_since(self.opened);
        rested < IDLE && lived < AGE
    }
}

impl Pool {
    /// A connection that can be used, the latest first.
    pub(super) async fn take(&self) -> Option<Kept> {
        loop {
            let mut kept = self.lock().pop()?;
            if kept.is_good(Instant::now()) && kept.line.is_idle().await {
                return Some(kept);
            }
        }
    }

    /// Keeps a connection whose answer was read whole, where it can be used again and there is room.
    pub(super) async fn keep(&self, mut kept: Kept) {
        kept.rested = Instant::now();
        if kept.is_good(kept.rested) && kept.line.is_idle().await {
            let mut all = self.lock();
            if all.len() < KEPT {
                all.push(kept);
            }
        }
    }

    /// Closes what was not used for long.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        self.lock().retain(|kept| kept.is_good(now));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Pool({})", self.lock().len())
    }
}

//! What one connection is doing, and since when.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::ConnectionLimits;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A request's head is coming in. A new connection begins with it.
    Head,
    /// Between two requests.
    Idle,
    /// A request is in work, or its answer on the way.
    Working,
    /// The answer is an event stream.
    Streaming,
}

/// Why a connection was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    Head,
    Idle,
    Stalled,
    Displaced,
}

/// What one connection is doing. Written by its own task, read by those that need a place.
#[derive(Debug)]
pub(super) struct Watch {
    began: Instant,
    /// The phase in the two lowest bits; above, milliseconds from `began` to the phase's begin.
    state: AtomicU64,
    /// Milliseconds from `began` to the write that could not go on, plus one; 0 when none waits.
    blocked: AtomicU64,
    displaced: Notify,
}

// === impl Phase ===

impl Phase {
    const fn bits(self) -> u64 {
        match self {
            Self::Head => 0,
            Self::Idle => 1,
            Self::Working => 2,
            Self::Streaming => 3,
        }
    }

    const fn of(state: u64) -> Self {
        match state & 3 {
            0 => Self::Head,
            1 => Self::Idle,
            2 => Self::Working,
            _ => Self::Streaming,
        }
    }
}

// === impl Overdue ===

impl Overdue {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head_too_slow",
            Self::Idle => "idle",
            Self::Stalled => "answer_not_taken",
            Self::Displaced => "displaced",
        }
    }
}

// === impl Watch ===

impl Watch {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            state: AtomicU64::new(Phase::Head.bits()),
            blocked: AtomicU64::new(0),
            displaced: Notify::new(),
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        let since = match phase {
            Phase::Head | Phase::Idle => self.elapsed(),
            // Nothing is measured from here.
            Phase::Working | Phase::Streaming => 0,
        };
        self.state
            .store(since << 2 | phase.bits(), Ordering::Relaxed);
    }

    /// Bytes came in.
    pub(super) fn received(&self) {
        if self.phase() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    /// Bytes went out.
    pub(super) fn sent(&self) {
        if self.blocked.load(Ordering::Relaxed) != 0 {
            self.blocked.store(0, Ordering::Relaxed);
            // The answer was whole, but still on its way.
            if self.phase() == Phase::Idle {
                self.enter(Phase::Idle);
            }
        }
    }

    /// Bytes wait to go out.
    pub(super) fn blocked(&self) {
        if self.blocked.load(Ordering::Relaxed) == 0 {
            let since = self.elapsed().saturating_add(1);
            self.blocked.store(since, Ordering::Relaxed);
        }
    }

    /// For how long there has been no request in work; `None` when there is one, or its answer is not
    /// taken yet.
    pub(super) fn unused(&self) -> Option<Duration> {
        let state = self.state.load(Ordering::Relaxed);
        if self.blocked.load(Ordering::Relaxed) != 0 {
            return None;
        }
        match Phase::of(state) {
            Phase::Head | Phase::Idle => {
                let unused = self.elapsed().saturating_sub(state >> 2);
                Some(Duration::from_millis(unused))
            }
            Phase::Working | Phase::Streaming => None,
        }
    }

    /// Asks the connection to leave.
    pub(super) fn displace(&self) {
        self.displaced.notify_one();
    }

    /// Waits until the connection has taken too long for what it is doing, or must leave.
    pub(super) async fn overdue(&self, limits: &ConnectionLimits) -> Overdue {
        // Whatever begins meanwhile is not overdue before this has passed.
        let shortest = limits.head.min(limits.idle).min(limits.stalled);
        let mut leaving = false;
        loop {
            // A request that came in between is answered first.
            if leaving && self.unused().is_some() {
                return Overdue::Displaced;
            }
            let now = Duration::from_millis(self.elapsed());
            let wait = match self.next_deadline(limits) {
                Some((deadline, reason)) if deadline <= now => return reason,
                Some((deadline, _)) => deadline.saturating_sub(now).min(shortest),
                None => shortest,
            };
            tokio::select! {
                () = self.displaced.notified() => leaving = true,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn next_deadline(&self, limits: &ConnectionLimits) -> Option<(Duration, Overdue)> {
        let state = self.state.load(Ordering::Relaxed);
        let since = Duration::from_millis(state >> 2);
        let blocked = self.blocked.load(Ordering::Relaxed);
        let (since, limit, reason) = match Phase::of(state) {
            Phase::Head => (since, limits.head, Overdue::Head),
            Phase::Idle if blocked == 0 => (since, limits.idle, Overdue::Idle),
            Phase::Working if blocked == 0 => return None,
            Phase::Idle | Phase::Working => {
                let since = Duration::from_millis(blocked.saturating_sub(1));
                (since, limits.stalled, Overdue::Stalled)
            }
            Phase::Streaming => return None,
        };
        Some((since.saturating_add(limit), reason))
    }

    fn phase(&self) -> Phase {
        Phase::of(self.state.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

//! A bound on what a flood may write to the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

const SECOND: Duration = Duration::from_secs(1);

/// So many lines a second; what is left out is counted, and the next line that is let through is
/// preceded by the count.
#[derive(Debug)]
pub struct LogBudget {
    clock: Clock,
    most: u32,
    spent: Mutex<Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    since: Duration,
    lines: u32,
    left_out: u64,
}

impl LogBudget {
    /// `most` lines a second.
    pub fn new(clock: Clock, most: u32) -> Self {
        Self {
            clock,
            most,
            spent: Mutex::default(),
        }
    }

    /// Whether one more line may be logged.
    pub fn take(&self) -> bool {
        let now = self.clock.monotonic();
        let left_out = {
            let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
            if now.saturating_sub(spent.since) >= SECOND {
                spent.since = now;
                spent.lines = 0;
            }
            if spent.lines >= self.most {
                spent.left_out = spent.left_out.saturating_add(1);
                return false;
            }
            spent.lines = spent.lines.saturating_add(1);
            std::mem::take(&mut spent.left_out)
        };
        if left_out > 0 {
            tracing::warn!(lines.left_out = left_out, "too much happened to log it all");
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn lines_beyond_the_budget_are_counted_until_there_is_room_again() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let budget = LogBudget::new(clock.clone(), 2);
        let taken: Vec<bool> = (0..4).map(|_| budget.take()).collect();
        assert_eq!(taken, [true, true, false, false]);
        assert_eq!(budget.spent.lock().unwrap().left_out, 2);
        clock.advance(SECOND);
        assert!(budget.take());
        assert_eq!(budget.spent.lock().unwrap().left_out, 0);
    }
}

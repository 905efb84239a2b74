//! One counter over the last minute, in constant space.

/// Seconds counted apart: those of a minute, and one more, because the oldest and the newest second are
/// both in the window with only a part of themselves.
const SLOTS: usize = 61;

/// Calls of the last 61 seconds, the current one included.
#[derive(Debug)]
pub(super) struct Counter {
    /// The newest second in which something was counted or asked.
    second: u64,
    sum: u64,
    slots: [u32; SLOTS],
}

impl Default for Counter {
    fn default() -> Self {
        Self {
            second: 0,
            sum: 0,
            slots: [0; SLOTS],
        }
    }
}

impl Counter {
    /// Whether one more fits at `second` under `limit`; else what was `reached`.
    pub(super) fn room<E>(
        &mut self,
        second: u64,
        limit: u32,
        reached: fn(u32) -> E,
    ) -> Result<(), E> {
        self.advance(second);
        if self.sum < u64::from(limit) {
            Ok(())
        } else {
            Err(reached(limit))
        }
    }

    /// Counts one at the newest second.
    pub(super) fn add(&mut self) {
        let slot = slot(self.second);
        if let Some(count) = self.slots.get_mut(slot) {
            *count = count.saturating_add(1);
            self.sum = self.sum.saturating_add(1);
        }
    }

    /// Takes back one that was counted at `second`, unless that is forgotten already.
    pub(super) fn give_back(&mut self, second: u64) {
        if second + SLOTS as u64 <= self.second {
            return;
        }
        if let Some(count) = self.slots.get_mut(slot(second)).filter(|count| **count > 0) {
            *count -= 1;
            self.sum = self.sum.saturating_sub(1);
        }
    }

    /// The newest second in which something was counted or asked.
    pub(super) const fn second(&self) -> u64 {
        self.second
    }

    /// Whether nothing of the last minute is counted.
    pub(super) fn is_empty(&mut self, second: u64) -> bool {
        self.advance(second);
        self.sum == 0
    }

    /// Forgets what is older than the window that ends in `second`, which never goes back.
    fn advance(&mut self, second: u64) {
        if second <= self.second {
            return;
        }
        let passed = second - self.second;
        if passed >= SLOTS as u64 {
            self.slots = [0; SLOTS];
            self.sum = 0;
        } else {
            for expired in self.second + 1..=second {
                if let Some(count) = self.slots.get_mut(slot(expired)) {
                    self.sum = self.sum.saturating_sub(u64::from(std::mem::take(count)));
                }
            }
        }
        self.second = second;
    }
}

fn slot(second: u64) -> usize {
    usize::try_from(second % SLOTS as u64).unwrap_or(0)
}

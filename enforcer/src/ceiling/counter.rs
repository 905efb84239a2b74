//! One counter over the last minute, in space for the seconds in which something was counted.

use std::collections::VecDeque;

/// Seconds counted apart: those of a minute, and one more, because the oldest and the newest second are
/// both in the window with only a part of themselves.
const WINDOW: u32 = 61;

/// Calls of the last 61 seconds, the current one included.
#[derive(Debug, Default)]
pub(super) struct Counter {
    /// The newest second in which something was counted or asked.
    second: u32,
    sum: u32,
    /// The seconds with calls, the oldest first.
    slots: VecDeque<Slot>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    second: u32,
    count: u32,
}

impl Counter {
    /// Whether one more fits at `second` under `limit`; else what was `reached`.
    pub(super) fn room<E>(
        &mut self,
        second: u32,
        limit: u32,
        reached: fn(u32) -> E,
    ) -> Result<(), E> {
        self.advance(second);
        if self.sum < limit {
            Ok(())
        } else {
            Err(reached(limit))
        }
    }

    /// Counts one at the newest second.
    pub(super) fn add(&mut self) {
        match self.slots.back_mut() {
            Some(newest) if newest.second == self.second => {
                newest.count = newest.count.saturating_add(1);
            }
            Some(_) | None => self.slots.push_back(Slot {
                second: self.second,
                count: 1,
            }),
        }
        self.sum = self.sum.saturating_add(1);
    }

    /// Takes back one that was counted at `second`, unless that is forgotten already.
    pub(super) fn give_back(&mut self, second: u32) {
        let slot = self
            .slots
            .iter_mut()
            .rev()
            .find(|slot| slot.second == second && slot.count > 0);
        if let Some(slot) = slot {
            slot.count -= 1;
            self.sum = self.sum.saturating_sub(1);
        }
    }

    /// The newest second in which something was counted or asked.
    pub(super) const fn second(&self) -> u32 {
        self.second
    }

    /// Whether nothing of the last minute is counted.
    pub(super) fn is_empty(&mut self, second: u32) -> bool {
        self.advance(second);
        self.sum == 0
    }

    /// Forgets what is older than the window that ends in `second`, which never goes back.
    fn advance(&mut self, second: u32) {
        self.second = self.second.max(second);
        while let Some(oldest) = self.slots.front() {
            if self.second.saturating_sub(oldest.second) < WINDOW {
                return;
            }
            self.sum = self.sum.saturating_sub(oldest.count);
            self.slots.pop_front();
        }
    }
}

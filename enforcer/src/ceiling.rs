//! Ceilings: how many calls a minute may run, even with valid tokens (SECURITY-DESIGN §6).
//!
//! A pure window: time comes in, a yes or a no comes out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_intent::id::{AgentId, ToolName};
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::tool::Effect;

const WINDOW: Duration = Duration::from_mins(1);
/// How many counters are kept; beyond, those that are empty go first.
const MAX_KEYS: usize = 4_096;

/// Calls a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceilings {
    /// Of one tool that changes something, on one resource.
    pub per_resource: usize,
    /// Of one tool that changes something, on all resources.
    pub per_tool: usize,
    /// Of one agent, reads included.
    pub per_agent: usize,
}

impl Default for Ceilings {
    fn default() -> Self {
        Self {
            per_resource: 120,
            per_tool: 600,
            per_agent: 3_000,
        }
    }
}

/// What a call counts against.
#[derive(Clone, Debug)]
pub(crate) struct Counted<'a> {
    pub(crate) agent: &'a AgentId,
    pub(crate) tool: &'a ToolName,
    pub(crate) effect: Effect,
    pub(crate) resource: &'a str,
}

/// The counters of this process.
#[derive(Debug)]
pub(crate) struct Window {
    ceilings: Ceilings,
    counters: Mutex<BTreeMap<String, VecDeque<Duration>>>,
}

impl Window {
    pub(crate) fn new(ceilings: Ceilings) -> Self {
        Self {
            ceilings,
            counters: Mutex::default(),
        }
    }

    /// Takes a place under every ceiling that applies at `now`, or none of them.
    pub(crate) fn take(&self, call: &Counted<'_>, now: Duration) -> Result<(), Refusal> {
        let limits = self.limits(call);
        let mut counters = self.lock();
        for (key, limit) in &limits {
            let counter = counters.entry(key.clone()).or_default();
            expire(counter, now);
            if counter.len() >= *limit {
                let message = format!("{key} reached its ceiling of {limit} calls a minute");
                return Err(Refusal::new(RefusalCode::Ceiling, message));
            }
        }
        for (key, _) in limits {
            counters.entry(key).or_default().push_back(now);
        }
        if counters.len() > MAX_KEYS {
            counters.retain(|_, counter| {
                expire(counter, now);
                !counter.is_empty()
            });
        }
        Ok(())
    }

    /// Gives back the place of a call that was refused after all.
    pub(crate) fn give_back(&self, call: &Counted<'_>) {
        let mut counters = self.lock();
        for (key, _) in self.limits(call) {
            if let Some(counter) = counters.get_mut(&key) {
                counter.pop_back();
            }
        }
    }

    fn limits(&self, call: &Counted<'_>) -> Vec<(String, usize)> {
        let mut limits = vec![(format!("agent `{}`", call.agent), self.ceilings.per_agent)];
        if call.effect != Effect::Read {
            limits.push((format!("tool `{}`", call.tool), self.ceilings.per_tool));
            let on = format!("tool `{}` on {}", call.tool, call.resource);
            limits.push((on, self.ceilings.per_resource));
        }
        limits
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, VecDeque<Duration>>> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn expire(counter: &mut VecDeque<Duration>, now: Duration) {
    while counter
        .front()
        .is_some_and(|then| now.saturating_sub(*then) >= WINDOW)
    {
        counter.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_ceiling_holds_for_any_minute_and_refused_calls_do_not_count() {
        let window = Window::new(Ceilings {
            per_resource: 2,
            per_tool: 3,
            per_agent: 100,
        });
        let (agent, tool) = ("a".parse().unwrap(), "t".parse().unwrap());
        let on = |resource| Counted {
            agent: &agent,
            tool: &tool,
            effect: Effect::Service,
            resource,
        };
        window.take(&on("x"), seconds(0)).unwrap();
        window.take(&on("x"), seconds(30)).unwrap();
        let refusal = window.take(&on("x"), seconds(59)).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::Ceiling);
        window.take(&on("y"), seconds(59)).unwrap();
        assert!(
            window.take(&on("z"), seconds(59)).is_err(),
            "the tool's own ceiling"
        );
        window.give_back(&on("y"));
        window.take(&on("x"), seconds(60)).unwrap();
    }

    #[test]
    fn reads_count_against_the_agent_alone() {
        let window = Window::new(Ceilings {
            per_resource: 1,
            per_tool: 1,
            per_agent: 3,
        });
        let (agent, tool) = ("a".parse().unwrap(), "t".parse().unwrap());
        let read = Counted {
            agent: &agent,
            tool: &tool,
            effect: Effect::Read,
            resource: "x",
        };
        for _ in 0..3 {
            window.take(&read, seconds(1)).unwrap();
        }
        assert!(window.take(&read, seconds(1)).is_err());
    }

    #[test]
    fn shipped_ceilings_admit_a_hundred_scalings_of_one_service_a_minute() {
        let window = Window::new(Ceilings::default());
        let (agent, tool) = ("a".parse().unwrap(), "infra.scale".parse().unwrap());
        let call = Counted {
            agent: &agent,
            tool: &tool,
            effect: Effect::Service,
            resource: "payments",
        };
        for _ in 0..100 {
            window.take(&call, seconds(1)).unwrap();
        }
    }
}

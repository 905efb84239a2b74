//! Ceilings: how many calls a minute may run, even with valid tokens (SECURITY-DESIGN §6).
//!
//! Pure windows: time comes in, a yes or a no comes out. Each counter is exact to a second, on the safe
//! side: in no 60 seconds are there more calls than its limit, and a call is refused only when the limit
//! was reached within the last 61.

mod counter;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_intent::id::{AgentId, ToolName};
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::tool::Effect;

use self::counter::Counter;

/// Counters of agents, of tools and of (tool, resource) kept, each. One takes about 200 bytes, and
/// eight more for each second of the last minute in which it counted something.
const MAX_KEYS: usize = 32_768;
/// Seconds after which counters that count nothing any more are looked for, room or no room.
const SWEEP: u32 = 61;

/// Calls a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceilings {
    /// Of one tool that changes something, on one resource.
    pub per_resource: u32,
    /// Of one tool that changes something, on all resources.
    pub per_tool: u32,
    /// Of one agent, reads included.
    pub per_agent: u32,
    /// Of everybody together, reads included.
    pub tenant: u32,
    /// Of single tools, reads too, instead of `per_tool`.
    pub tools: BTreeMap<ToolName, u32>,
    /// Of single agents, instead of `per_agent`.
    pub agents: BTreeMap<AgentId, u32>,
}

impl Default for Ceilings {
    fn default() -> Self {
        Self {
            per_resource: 120,
            per_tool: 600,
            per_agent: 3_000,
            tenant: 30_000,
            tools: BTreeMap::new(),
            agents: BTreeMap::new(),
        }
    }
}

/// What a call counts against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted<'a> {
    pub(crate) agent: &'a AgentId,
    pub(crate) tool: &'a ToolName,
    pub(crate) effect: Effect,
    pub(crate) resource: &'a str,
}

/// A call's place under every ceiling that applies to it: the second in which it was taken.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Taken(u32);

/// The counters of this process. One short critical section a call, without allocation once a counter
/// exists: a fraction of a microsecond.
#[derive(Debug)]
pub(crate) struct Window {
    ceilings: Ceilings,
    counters: Mutex<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    tenant: Counter,
    agents: BTreeMap<AgentId, Counter>,
    tools: BTreeMap<ToolName, Counter>,
    resources: BTreeMap<ToolName, BTreeMap<String, Counter>>,
    /// How many `resources` there are.
    resource_count: usize,
    /// The second of the last search for counters that are no longer needed.
    swept: Option<u32>,
}

/// Which ceiling was reached.
#[derive(Clone, Copy, Debug)]
enum Reached {
    Tenant(u32),
    Agent(u32),
    Tool(u32),
    Resource(u32),
    Room,
}

impl Window {
    pub(crate) fn new(ceilings: Ceilings) -> Self {
        Self {
            ceilings,
            counters: Mutex::default(),
        }
    }

    /// Takes a place under every ceiling that applies at `now`, or none of them.
    ///
    /// # Errors
    /// `ceiling`, naming the one that was reached; `overload` when more is in use than can be counted.
    pub(crate) fn take(&self, call: &Counted<'_>, now: Duration) -> Result<Taken, Refusal> {
        // 136 years fit.
        let second = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
        let taken = self.lock().take(&self.ceilings, call, second);
        taken.map(Taken).map_err(|reached| reached.refusal(call))
    }

    /// Gives back the place of a call that was refused after all.
    pub(crate) fn give_back(&self, call: &Counted<'_>, Taken(second): Taken) {
        let mut counters = self.lock();
        counters.tenant.give_back(second);
        if let Some(counter) = counters.agents.get_mut(call.agent) {
            counter.give_back(second);
        }
        if let Some(counter) = counters.tools.get_mut(call.tool) {
            counter.give_back(second);
        }
        let resources = counters.resources.get_mut(call.tool);
        if let Some(counter) = resources.and_then(|on| on.get_mut(call.resource)) {
            counter.give_back(second);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counters {
    /// Counts the call, and says at which second.
    fn take(
        &mut self,
        ceilings: &Ceilings,
        call: &Counted<'_>,
        second: u32,
    ) -> Result<u32, Reached> {
        // Another thread may have been here with a later time: every counter goes by the latest.
        let second = second.max(self.tenant.second());
        let limits = Limits::of(ceilings, call);
        self.make_room(call, limits, second)?;
        let tenant = &mut self.tenant;
        tenant.room(second, ceilings.tenant, Reached::Tenant)?;
        let agent = entry(&mut self.agents, call.agent)?;
        agent.room(second, limits.agent, Reached::Agent)?;
        let tool = match limits.tool {
            Some(limit) => {
                let tool = entry(&mut self.tools, call.tool)?;
                tool.room(second, limit, Reached::Tool)?;
                Some(tool)
            }
            None => None,
        };
        if let Some(limit) = limits.resource {
            let on = entry(&mut self.resources, call.tool)?;
            if !on.contains_key(call.resource) {
                on.insert(call.resource.to_owned(), Counter::default());
                self.resource_count = self.resource_count.saturating_add(1);
            }
            if let Some(resource) = on.get_mut(call.resource) {
                resource.room(second, limit, Reached::Resource)?;
                resource.add();
            }
        }
        tenant.add();
        agent.add();
        if let Some(tool) = tool {
            tool.add();
        }
        Ok(second)
    }

    /// Sees to it that the call's counters fit: those that count nothing any more go. They are looked
    /// for once a minute, and when there is no room once a second at most.
    fn make_room(
        &mut self,
        call: &Counted<'_>,
        limits: Limits,
        second: u32,
    ) -> Result<(), Reached> {
        let since = second.saturating_sub(*self.swept.get_or_insert(second));
        let full = !self.has_room(call, limits);
        if since >= SWEEP || (full && since > 0) {
            self.sweep(second);
        }
        if full && !self.has_room(call, limits) {
            return Err(Reached::Room);
        }
        Ok(())
    }

    fn sweep(&mut self, second: u32) {
        self.swept = Some(second);
        self.agents.retain(|_, counter| !counter.is_empty(second));
        self.tools.retain(|_, counter| !counter.is_empty(second));
        for on in self.resources.values_mut() {
            on.retain(|_, counter| !counter.is_empty(second));
        }
        self.resources.retain(|_, on| !on.is_empty());
        self.resource_count = self.resources.values().map(BTreeMap::len).sum();
    }

    fn has_room(&self, call: &Counted<'_>, limits: Limits) -> bool {
        let resources = self.resources.get(call.tool);
        let agent = self.agents.len() < MAX_KEYS || self.agents.contains_key(call.agent);
        let tool = limits.tool.is_none()
            || self.tools.len() < MAX_KEYS
            || self.tools.contains_key(call.tool);
        let resource = limits.resource.is_none()
            || self.resource_count < MAX_KEYS
            || resources.is_some_and(|on| on.contains_key(call.resource));
        agent && tool && resource
    }
}

/// The limits that apply to one call.
#[derive(Clone, Copy, Debug)]
struct Limits {
    agent: u32,
    tool: Option<u32>,
    resource: Option<u32>,
}

impl Limits {
    fn of(ceilings: &Ceilings, call: &Counted<'_>) -> Self {
        let changes = match call.effect {
            Effect::Read => false,
            Effect::Service | Effect::Destructive | Effect::Data => true,
        };
        let agent = ceilings.agents.get(call.agent).copied();
        let tool = ceilings.tools.get(call.tool).copied();
        Self {
            agent: agent.unwrap_or(ceilings.per_agent),
            tool: tool.or_else(|| changes.then_some(ceilings.per_tool)),
            resource: changes.then_some(ceilings.per_resource),
        }
    }
}

/// The value of `key`, made where there is none; the key is copied only then.
fn entry<'a, K: Clone + Ord, V: Default>(
    map: &'a mut BTreeMap<K, V>,
    key: &K,
) -> Result<&'a mut V, Reached> {
    if !map.contains_key(key) {
        map.insert(key.clone(), V::default());
    }
    map.get_mut(key).ok_or(Reached::Room)
}

impl Reached {
    fn refusal(self, call: &Counted<'_>) -> Refusal {
        let Counted {
            agent,
            tool,
            resource,
            ..
        } = call;
        let (what, limit) = match self {
            Self::Tenant(limit) => ("the tenant".to_owned(), limit),
            Self::Agent(limit) => (format!("agent `{agent}`"), limit),
            Self::Tool(limit) => (format!("tool `{tool}`"), limit),
            Self::Resource(limit) => (format!("tool `{tool}` on {resource}"), limit),
            Self::Room => {
                let message = "more is in use within a minute than can be counted";
                return Refusal::new(RefusalCode::Overload, message);
            }
        };
        let message = format!("{what} reached its ceiling of {limit} calls a minute");
        Refusal::new(RefusalCode::Ceiling, message)
    }
}

#[cfg(test)]
mod tests;

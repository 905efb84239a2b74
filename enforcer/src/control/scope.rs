//! What a control entry stops.

use countersign_intent::id::KeyId;
use countersign_intent::token::Intent;

/// A scope as the enforcer understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everything; also what an entry means that is not understood.
    All,
    Tenant(String),
    Agent(String),
    Tool(String),
    Plan(String),
    Key(String),
}

impl Scope {
    /// Reads a scope. One that is not understood stops everything: doubt is a deny.
    pub(super) fn read(text: &str) -> Self {
        match text.split_once(':') {
            Some(("tenant", name)) => Self::Tenant(name.to_owned()),
            Some(("agent", name)) => Self::Agent(name.to_owned()),
            Some(("tool", name)) => Self::Tool(name.to_owned()),
            Some(("plan", name)) => Self::Plan(name.to_owned()),
            Some(("key", name)) => Self::Key(name.to_owned()),
            Some(_) | None => Self::All,
        }
    }

    /// Whether the call of `intent`, signed with the key `kid`, is stopped.
    pub(super) fn covers(&self, intent: &Intent, kid: &KeyId) -> bool {
        match self {
            Self::All => true,
            Self::Tenant(name) => intent.tenant.as_str() == name,
            Self::Agent(name) => intent.sub.as_str() == name,
            Self::Tool(name) => intent.call().tool.as_str() == name,
            Self::Plan(name) => intent.plan.as_str() == name,
            Self::Key(name) => kid.as_str() == name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_that_is_not_understood_stops_everything() {
        assert_eq!(Scope::read("all"), Scope::All);
        assert_eq!(Scope::read("region:eu"), Scope::All);
        assert_eq!(
            Scope::read("tool:infra.scale"),
            Scope::Tool("infra.scale".to_owned())
        );
        assert_eq!(
            Scope::read("tool:ns:name"),
            Scope::Tool("ns:name".to_owned())
        );
    }
}

//! The kill switch: what is stopped, and the document that enforcers hold a copy of.

use std::fmt;
use std::str::FromStr;

use countersign_intent::id::{AgentId, IdError, KeyId, PlanId, TenantId, ToolName};
use countersign_intent::key::JwkSet;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// What a freeze stops.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// Everything.
    All,
    /// One tenant.
    Tenant(TenantId),
    /// One agent.
    Agent(AgentId),
    /// One tool.
    Tool(ToolName),
    /// One plan.
    Plan(PlanId),
    /// What one signing key signed.
    Key(KeyId),
}

/// A text that names no scope.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ScopeError {
    /// Not of the form.
    #[error("`{0}` is no scope: `all`, `tenant:T`, `agent:A`, `tool:T`, `plan:P` or `key:KID`")]
    Form(String),
    /// The name in it is not of its kind's form.
    #[error("the scope names nothing that can exist")]
    Name(#[from] IdError),
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        if text == "all" {
            return Ok(Self::All);
        }
        let form = || ScopeError::Form(text.chars().take(160).collect());
        let (kind, name) = text.split_once(':').ok_or_else(form)?;
        match kind {
            "tenant" => Ok(Self::Tenant(name.parse()?)),
            "agent" => Ok(Self::Agent(name.parse()?)),
            "tool" => Ok(Self::Tool(name.parse()?)),
            "plan" => Ok(Self::Plan(name.parse()?)),
            "key" => Ok(Self::Key(name.parse()?)),
            _ => Err(form()),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("all"),
            Self::Tenant(name) => write!(formatter, "tenant:{name}"),
            Self::Agent(name) => write!(formatter, "agent:{name}"),
            Self::Tool(name) => write!(formatter, "tool:{name}"),
            Self::Plan(name) => write!(formatter, "plan:{name}"),
            Self::Key(name) => write!(formatter, "key:{name}"),
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// One stopped scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ControlEntry)]
pub(crate) struct Entry {
    /// What is stopped: `all`, `tenant:T`, `agent:A`, `tool:T`, `plan:P` or `key:KID`.
    #[schema(value_type = String)]
    pub(crate) scope: Scope,
    /// Who stopped it.
    pub(crate) by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Since when.
    pub(crate) at: Timestamp,
}

/// What every enforcer must know to accept tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ControlView {
    /// Rises with every change.
    pub(crate) generation: u64,
    /// Tokens of a lower policy epoch count no more.
    pub(crate) policy_epoch: u64,
    /// What is stopped.
    pub(crate) entries: Vec<Entry>,
    /// The keys whose tokens count.
    pub(crate) keys: JwkSet,
    /// The authority's time when it made this document.
    pub(crate) at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_keep_their_spelling() {
        for text in [
            "all",
            "tenant:default",
            "agent:remediator",
            "tool:infra.scale",
            "key:0123456789abcdef",
        ] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "everything",
            "agent:",
            "tool:a b",
            "plan:s1",
            "key:XYZ",
            "user:alice",
        ] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }
}

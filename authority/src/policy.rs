//! Policy as code: bundles of Cedar policies, and what they decide (DESIGN §4).
//!
//! A [`Bundle`] is one snapshot of the policies folder that parsed, validated and passed its cases.
//! Deciding is pure: agent, tool, parameters, facts and time go in, a [`Decision`] comes out.

mod bundle;
mod cases;
mod decide;
mod error;
mod folder;
mod inventory;
mod nesting;
mod request;
mod schema;
mod sorted;
mod store;
mod validate;

use std::fmt;
use std::str::FromStr;

use countersign_intent::id::{AgentId, OperatorId, ToolName};
use countersign_intent::tool::{Effect, Params, Tool};
use countersign_service::directory::{Agent, Operator};
use countersign_service::problem::Reason;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use bundle::Bundle;
pub use cases::{CaseFailure, CaseReport};
pub use error::LoadPolicyError;
pub use folder::Folder;
pub use sorted::PolicyFile;
pub use store::{CandidateError, PolicyStatus, PolicyStore, Reloaded};

use crate::quorum::Rule;

/// What policy says of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may run.
    Allow,
    /// It may not.
    Deny,
    /// It may run once the required people have approved it.
    NeedsApproval,
}

impl Verdict {
    /// The verdict's text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::NeedsApproval => "needs_approval",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The text is no verdict.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no verdict: allow, deny or needs_approval")]
pub struct VerdictError(String);

impl FromStr for Verdict {
    type Err = VerdictError;

    fn from_str(text: &str) -> Result<Self, VerdictError> {
        match text {
            "allow" => Ok(Self::Allow),
            "deny" => Ok(Self::Deny),
            "needs_approval" => Ok(Self::NeedsApproval),
            _ => Err(VerdictError(text.to_owned())),
        }
    }
}

/// Counts over the whole plan: `context.plan`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanFacts {
    /// Steps.
    pub steps: i64,
    /// Steps that change something.
    pub mutating: i64,
    /// Steps of effect `destructive` or `data`.
    pub destructive: i64,
    /// Different resources.
    pub resources: i64,
}

/// What happened lately: `context.recent`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecentFacts {
    /// Tokens for the same tool on the same resource in the last hour.
    pub same_tool_same_resource: i64,
    /// Whether the tool's cooldown on this resource is running.
    pub cooldown_active: bool,
    /// Failed calls of the agent in the last hour.
    pub failures: i64,
}

/// One call to be judged.
#[derive(Clone, Copy, Debug)]
pub struct StepInput<'a> {
    /// Who asks.
    pub agent: &'a Agent,
    /// For which tool.
    pub tool: &'a Tool,
    /// With which parameters.
    pub params: &'a Params,
    /// In which plan.
    pub plan: PlanFacts,
    /// After what.
    pub recent: RecentFacts,
    /// Whether the plan was made after reading untrusted text.
    pub tainted: bool,
    /// When.
    pub now: Timestamp,
}

/// A verdict with its reasons.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, for people.
    pub reasons: Vec<Reason>,
    /// The ids of the policies that decided.
    pub policies: Vec<String>,
    /// What people must meet; empty unless the verdict is `needs_approval`.
    pub requirements: Vec<Rule>,
    /// The counted change: `attribute`, `before`, `after`.
    pub change: Option<Value>,
}

/// A person who would approve one step.
#[derive(Clone, Copy, Debug)]
pub struct ApprovalInput<'a> {
    /// Who would approve.
    pub operator: &'a Operator,
    /// The agent that asked.
    pub agent: &'a AgentId,
    /// The person for whom it asked.
    pub requested_by: Option<&'a OperatorId>,
    /// The tool.
    pub tool: &'a ToolName,
    /// Its effect.
    pub effect: Effect,
    /// The resource as policy names it, `Service::"payments"`.
    pub resource: Option<&'a str>,
}

/// Whether policy lets a person approve.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Permission {
    /// It does.
    pub allowed: bool,
    /// The policies that decided.
    pub policies: Vec<String>,
}

#[cfg(test)]
mod tests;

//! The form of `agents.toml` and `operators.toml`, and how an overlay adds keys to them.

use std::collections::{BTreeMap, BTreeSet};

use countersign_intent::id::{AgentId, OperatorId};
use countersign_intent::key::VerifyingKey;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Agent, Autonomy, DirectoryError, Operator};
use crate::credential::SecretHash;

const AGENTS: &str = "agents.toml";
const OPERATORS: &str = "operators.toml";
const AGENTS_OVERLAY: &str = "overlay/agents.toml";
const OPERATORS_OVERLAY: &str = "overlay/operators.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentsFile<T> {
    #[serde(default = "Vec::new")]
    agent: Vec<T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorsFile<T> {
    #[serde(default = "Vec::new")]
    operator: Vec<T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentRow {
    name: AgentId,
    autonomy: Autonomy,
    #[serde(default)]
    roles: BTreeSet<String>,
    team: Option<String>,
    key_sha256: Option<SecretHash>,
    public_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorRow {
    name: OperatorId,
    display: Option<String>,
    #[serde(default)]
    roles: BTreeSet<String>,
    key_sha256: Option<SecretHash>,
    approver_key: Option<String>,
}

/// What an overlay may say of an agent: keys, and nothing that widens what it may do.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentKeys {
    name: AgentId,
    key_sha256: Option<SecretHash>,
    public_key: Option<String>,
}

/// What an overlay may say of a person.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorKeys {
    name: OperatorId,
    key_sha256: Option<SecretHash>,
    approver_key: Option<String>,
}

pub(super) fn agents(
    text: &str,
    overlay: Option<&str>,
) -> Result<BTreeMap<AgentId, Agent>, DirectoryError> {
    let file: AgentsFile<AgentRow> = read(AGENTS, text)?;
    let mut agents = BTreeMap::new();
    for row in file.agent {
        let agent = Agent {
            id: row.name.clone(),
            autonomy: row.autonomy,
            team: row.team,
            roles: row.roles,
            public_key: public_key(row.name.as_str(), row.public_key.as_deref())?,
            key: row.key_sha256,
        };
        if agents.insert(row.name, agent).is_some_and(|other| twice(&mut agents, other)) {}
    }
    let file: AgentsFile<AgentKeys> = read_overlay(AGENTS_OVERLAY, overlay)?;
    for row in file.agent {
        let Some(agent) = agents.get_mut(&row.name) else {
            tracing::warn!(agent.id = %row.name, "the overlay has keys for an unknown agent");
            continue;
        };
        let key = public_key(row.name.as_str(), row.public_key.as_deref())?;
        agent.public_key = key.or(agent.public_key.take());
        agent.key = row.key_sha256.or(agent.key.take());
    }
    Ok(agents)
}

pub(super) fn operators(
    text: &str,
    overlay: Option<&str>,
) -> Result<BTreeMap<OperatorId, Operator>, DirectoryError> {
    todo!()
}

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
        let name = row.name;
        let agent = Agent {
            id: name.clone(),
            autonomy: row.autonomy,
            team: row.team,
            roles: row.roles,
            public_key: public_key(name.as_str(), row.public_key.as_deref())?,
            key: row.key_sha256,
        };
        if agents.insert(name.clone(), agent).is_some() {
            return Err(DirectoryError::Twice {
                file: AGENTS,
                name: name.to_string(),
            });
        }
    }
    let Some(overlay) = overlay else {
        return Ok(agents);
    };
    let file: AgentsFile<AgentKeys> = read(AGENTS_OVERLAY, overlay)?;
    refuse_twice(
        AGENTS_OVERLAY,
        file.agent.iter().map(|row| row.name.as_str()),
    )?;
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
    let file: OperatorsFile<OperatorRow> = read(OPERATORS, text)?;
    let mut operators = BTreeMap::new();
    for row in file.operator {
        let name = row.name;
        let operator = Operator {
            id: name.clone(),
            name: row.display.unwrap_or_else(|| name.to_string()),
            roles: row.roles,
            approver_key: public_key(name.as_str(), row.approver_key.as_deref())?,
            key: row.key_sha256,
        };
        if operators.insert(name.clone(), operator).is_some() {
            return Err(DirectoryError::Twice {
                file: OPERATORS,
                name: name.to_string(),
            });
        }
    }
    let Some(overlay) = overlay else {
        return Ok(operators);
    };
    let file: OperatorsFile<OperatorKeys> = read(OPERATORS_OVERLAY, overlay)?;
    refuse_twice(
        OPERATORS_OVERLAY,
        file.operator.iter().map(|row| row.name.as_str()),
    )?;
    for row in file.operator {
        let Some(operator) = operators.get_mut(&row.name) else {
            tracing::warn!(operator.id = %row.name, "the overlay has keys for an unknown operator");
            continue;
        };
        let key = public_key(row.name.as_str(), row.approver_key.as_deref())?;
        operator.approver_key = key.or(operator.approver_key.take());
        operator.key = row.key_sha256.or(operator.key.take());
    }
    Ok(operators)
}

fn read<T: DeserializeOwned>(file: &'static str, text: &str) -> Result<T, DirectoryError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| {
            1 + text
                .bytes()
                .take(span.start)
                .filter(|byte| *byte == b'\n')
                .count()
        });
        let place = line
            .map(|line| format!("line {line}: "))
            .unwrap_or_default();
        let message = format!("{place}{}", error.message().replace('\n', " "));
        DirectoryError::Form { file, message }
    })
}

fn refuse_twice<'a>(
    file: &'static str,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), DirectoryError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(DirectoryError::Twice {
                file,
                name: name.to_owned(),
            });
        }
    }
    Ok(())
}

fn public_key(name: &str, text: Option<&str>) -> Result<Option<VerifyingKey>, DirectoryError> {
    text.map(VerifyingKey::from_base64url)
        .transpose()
        .map_err(|source| DirectoryError::Key {
            name: name.to_owned(),
            source,
        })
}

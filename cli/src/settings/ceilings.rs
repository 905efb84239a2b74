//! `[ceilings]`: how many calls a minute an enforcer runs, whatever their tokens say.

use std::collections::BTreeMap;
use std::str::FromStr;

use countersign_enforcer as enforcer;
use countersign_intent::id::IdError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::SettingsError;

/// The table; what it does not name is as shipped.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ceilings {
    per_resource: Option<u32>,
    per_tool: Option<u32>,
    per_agent: Option<u32>,
    tenant: Option<u32>,
    #[serde(default)]
    tools: BTreeMap<String, u32>,
    #[serde(default)]
    agents: BTreeMap<String, u32>,
}

impl Ceilings {
    /// Reads the table; names that no tool or agent can have are errors.
    pub(super) fn read(value: toml::Value) -> Result<Self, SettingsError> {
        let table: Self = value.try_into().map_err(|error: toml::de::Error| {
            SettingsError::Ceilings(error.message().to_owned())
        })?;
        table.enforcer()?;
        Ok(table)
    }

    /// As an enforcer takes them.
    pub(crate) fn enforcer(&self) -> Result<enforcer::Ceilings, SettingsError> {
        let shipped = enforcer::Ceilings::default();
        Ok(enforcer::Ceilings {
            per_resource: self.per_resource.unwrap_or(shipped.per_resource),
            per_tool: self.per_tool.unwrap_or(shipped.per_tool),
            per_agent: self.per_agent.unwrap_or(shipped.per_agent),
            tenant: self.tenant.unwrap_or(shipped.tenant),
            tools: named(&self.tools)?,
            agents: named(&self.agents)?,
        })
    }

    /// For people to look at.
    pub(crate) fn document(&self) -> Result<Value, SettingsError> {
        let effective = self.enforcer()?;
        Ok(json!({
            "per_resource": effective.per_resource,
            "per_tool": effective.per_tool,
            "per_agent": effective.per_agent,
            "tenant": effective.tenant,
            "tools": self.tools,
            "agents": self.agents,
        }))
    }
}

fn named<K: FromStr<Err = IdError> + Ord>(
    limits: &BTreeMap<String, u32>,
) -> Result<BTreeMap<K, u32>, SettingsError> {
    let parse = |(name, limit): (&String, &u32)| match name.parse::<K>() {
        Ok(name) => Ok((name, *limit)),
        Err(error) => Err(SettingsError::Ceilings(error.to_string())),
    };
    limits.iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<enforcer::Ceilings, String> {
        let table: toml::Table = text.parse().unwrap();
        let read = Ceilings::read(toml::Value::Table(table));
        read.and_then(|ceilings| ceilings.enforcer())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_the_table_does_not_name_is_as_shipped() {
        let text = "per_tool = 7\n[tools]\n\"infra.restart\" = 3\n[agents]\nwatcher = 9\n";
        let expected = enforcer::Ceilings {
            per_tool: 7,
            tools: BTreeMap::from([("infra.restart".parse().unwrap(), 3)]),
            agents: BTreeMap::from([("watcher".parse().unwrap(), 9)]),
            ..enforcer::Ceilings::default()
        };
        assert_eq!(read(text), Ok(expected));
    }

    #[test]
    fn unknown_members_negative_numbers_and_impossible_names_are_errors() {
        for (text, told) in [
            ("per_toll = 7", "per_toll"),
            ("tenant = -1", "-1"),
            ("[tools]\n\"no name\" = 1", "no name"),
        ] {
            let error = read(text).unwrap_err();
            assert!(
                error.starts_with("[ceilings]: ") && error.contains(told),
                "{error}"
            );
        }
    }
}

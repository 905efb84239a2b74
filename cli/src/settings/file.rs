//! `countersign.toml`: the settings' keys, with a table for each role.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::SettingsError;
use super::ceilings::Ceilings;
use super::setting::ALL;
use super::upstream;

/// The table that holds a table for each upstream.
const UPSTREAM: &str = "upstream";
/// The table of the ceilings.
const CEILINGS: &str = "ceilings";

/// What the file says.
pub(super) struct File {
    pub(super) values: BTreeMap<&'static str, String>,
    pub(super) upstreams: BTreeMap<String, upstream::Table>,
    pub(super) ceilings: Ceilings,
}

/// The settings in the text of the file `name`.
pub(super) fn read(name: &str, text: &str) -> Result<File, SettingsError> {
    let table: Table = toml::from_str(text).map_err(|error| SettingsError::Syntax {
        file: name.to_owned(),
        message: error.to_string().trim_end().replace('\n', " "),
    })?;
    let mut found = BTreeMap::new();
    let mut upstreams = BTreeMap::new();
    let mut ceilings = Ceilings::default();
    for (key, value) in table {
        if let (UPSTREAM, Value::Table(inner)) = (key.as_str(), &value) {
            for (upstream, table) in inner {
                upstreams.insert(upstream.clone(), upstream::Table::read(upstream, table)?);
            }
        } else if let (CEILINGS, Value::Table(_)) = (key.as_str(), &value) {
            ceilings = Ceilings::read(value)?;
        } else if let Value::Table(inner) = value {
            for (inner_key, value) in inner {
                take(&mut found, name, &format!("{key}.{inner_key}"), value)?;
            }
        } else {
            take(&mut found, name, &key, value)?;
        }
    }
    Ok(File {
        values: found,
        upstreams,
        ceilings,
    })
}

fn take(
    found: &mut BTreeMap<&'static str, String>,
    file: &str,
    key: &str,
    value: Value,
) -> Result<(), SettingsError> {
    let Some(setting) = ALL.iter().find(|setting| setting.key == key) else {
        return Err(SettingsError::Unknown {
            file: file.to_owned(),
            key: key.to_owned(),
        });
    };
    let text = plain(value).ok_or_else(|| SettingsError::Value {
        setting: format!("`{key}` in `{file}`"),
        value: "…".to_owned(),
        message: "write a text, a number or a list of texts".to_owned(),
    })?;
    found.insert(setting.key, text);
    Ok(())
}

fn plain(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(truth) => Some(if truth { "on" } else { "off" }.to_owned()),
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.into_iter().map(plain).collect();
            items.map(|items| items.join(","))
        }
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => None,
    }
}

//! `countersign.toml`: the settings' keys, with a table for each role.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::SettingsError;
use super::setting::ALL;

/// The settings in the text of the file `name`.
pub(super) fn values(
    name: &str,
    text: &str,
) -> Result<BTreeMap<&'static str, String>, SettingsError> {
    let table: Table = toml::from_str(text).map_err(|error| SettingsError::Syntax {
        file: name.to_owned(),
        message: error.to_string().trim_end().replace('\n', " "),
    })?;
    let mut found = BTreeMap::new();
    for (key, value) in table {
        if let Value::Table(inner) = value {
            for (inner_key, value) in inner {
                take(&mut found, name, &format!("{key}.{inner_key}"), value)?;
            }
        } else {
            take(&mut found, name, &key, value)?;
        }
    }
    Ok(found)
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

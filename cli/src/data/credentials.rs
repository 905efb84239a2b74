//! `credentials.json`: the keys that a first start generated, in clear, for their owners alone.

use std::path::Path;

use countersign_service::credential::SecretKey;
use countersign_service::files::{FileError, read_private, write_private};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::failure::Failure;

/// The content of `credentials.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct CredentialsFile {
    /// The key of the person who operates the installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operator_key: Option<Key>,
    /// The keys of those who approve, by name.
    #[serde(default)]
    pub(crate) approver_keys: Keys,
    /// The keys of the agents, by name.
    #[serde(default)]
    pub(crate) agent_keys: Keys,
    /// A link that signs in to the console as the operator while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) console_url: Option<String>,
}

/// A key in clear. Its `Debug` shows nothing.
#[derive(Clone, Debug)]
pub(crate) struct Key(SecretKey);

/// Keys by name, in the order of the folder's files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(Vec<(String, Key)>);

impl CredentialsFile {
    /// Reads the file, where it exists.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Failure> {
        if !path.exists() {
            return Ok(None);
        }
        let unreadable =
            |error| Failure::because(format!("cannot use `{}`", path.display()), error);
        let text = read_private(path)
            .map_err(|error| Failure::because("cannot read the generated keys", error))?;
        serde_json::from_str(&text).map(Some).map_err(unreadable)
    }

    /// Writes the file, for its owner alone.
    pub(crate) fn write(&self, path: &Path) -> Result<(), FileError> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        write_private(path, format!("{text}\n").as_bytes())
    }
}

impl Key {
    /// The key to be used.
    pub(crate) fn secret(&self) -> SecretKey {
        self.0.clone()
    }
}

impl From<SecretKey> for Key {
    fn from(key: SecretKey) -> Self {
        Self(key)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretKey::from_text(&text)))
    }
}

impl Keys {
    /// The key of `name`.
    pub(crate) fn get(&self, name: &str) -> Option<SecretKey> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, key)| key.secret())
    }

    /// Adds the key of `name`.
    pub(crate) fn push(&mut self, name: &str, key: SecretKey) {
        self.0.push((name.to_owned(), Key(key)));
    }

    /// The names and keys in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, SecretKey)> {
        self.0
            .iter()
            .map(|(name, key)| (name.as_str(), key.secret()))
    }
}

impl Serialize for Keys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, key) in &self.0 {
            map.serialize_entry(name, key)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> serde::de::Visitor<'de> for InOrder {
            type Value = Keys;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object of keys by name")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    keys.push(entry);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_and_debug_hides_them() {
        let mut file = CredentialsFile::default();
        file.agent_keys
            .push("zebra", SecretKey::from_text("cs_agent_canary"));
        file.agent_keys
            .push("ant", SecretKey::from_text("cs_agent_other"));
        assert!(!format!("{file:?}").contains("canary"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        file.write(&path).unwrap();
        let again = CredentialsFile::read(&path).unwrap().unwrap();
        let names: Vec<&str> = again.agent_keys.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["zebra", "ant"]);
        assert_eq!(
            again.agent_keys.get("ant").unwrap().expose(),
            "cs_agent_other"
        );
    }
}

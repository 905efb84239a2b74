//! The inventory: the resources that may be acted on, with their attributes.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::error::LoadPolicyError;
use super::folder::Folder;

/// An attribute of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
    Text(String),
    Number(i64),
    Flag(bool),
}

impl Attribute {
    /// The Cedar type of the attribute.
    pub(crate) fn cedar_type(&self) -> &'static str {
        match self {
            Self::Text(_) => "String",
            Self::Number(_) => "Long",
            Self::Flag(_) => "Bool",
        }
    }
}

/// Whether nothing may be changed for now: `context.time.freeze`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Freeze {
    #[default]
    Off,
    On,
}

impl From<bool> for Freeze {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

impl TryFrom<toml::Value> for Attribute {
    type Error = &'static str;

    fn try_from(value: toml::Value) -> Result<Self, &'static str> {
        match value {
            toml::Value::String(text) => Ok(Self::Text(text)),
            toml::Value::Integer(number) => Ok(Self::Number(number)),
            toml::Value::Boolean(flag) => Ok(Self::Flag(flag)),
            toml::Value::Float(_)
            | toml::Value::Datetime(_)
            | toml::Value::Array(_)
            | toml::Value::Table(_) => Err("is neither text, an integer nor true or false"),
        }
    }
}

/// The attributes of one resource, by name.
pub(crate) type Attributes = BTreeMap<String, Attribute>;

/// Every resource, by type and id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) freeze: Freeze,
    resources: BTreeMap<String, BTreeMap<String, Attributes>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Whether a change freeze is on: `context.time.freeze`.
    #[serde(default)]
    freeze: bool,
    #[serde(default)]
    resource: Vec<Spanned<BTreeMap<String, toml::Value>>>,
}

const FILE: &str = "inventory.toml";

impl Inventory {
    pub(crate) fn parse(folder: &Folder) -> Result<Self, LoadPolicyError> {
        let Some(text) = folder.get(FILE) else {
            return Err(LoadPolicyError::file(
                FILE,
                "the file is missing: list the resources in it",
            ));
        };
        let file: File = toml::from_str(text).map_err(|error| {
            let offset = error.span().map(|span| span.start);
            LoadPolicyError::file(FILE, error.message()).at(text, offset)
        })?;
        let mut inventory = Self {
            freeze: file.freeze.into(),
            resources: BTreeMap::new(),
        };
        for resource in file.resource {
            let start = resource.span().start;
            inventory
                .add(resource.into_inner())
                .map_err(|message| LoadPolicyError::file(FILE, message).at(text, Some(start)))?;
        }
        Ok(inventory)
    }

    fn add(&mut self, mut resource: BTreeMap<String, toml::Value>) -> Result<(), String> {
        let mut take = |name: &str| match resource.remove(name) {
            Some(toml::Value::String(text)) if !text.is_empty() => Ok(text),
            _ => Err(format!("a resource needs `{name}`, a text")),
        };
        let (type_, id) = (take("type")?, take("id")?);
        if !is_type_name(&type_) {
            return Err(format!(
                "`{type_}` is no Cedar type name: a letter, then letters, digits or `_`"
            ));
        }
        let mut attributes = Attributes::new();
        for (name, value) in resource {
            let attribute = Attribute::try_from(value)
                .map_err(|wrong| format!("`{name}` of {type_} `{id}` {wrong}"))?;
            if !is_type_name(&name) {
                return Err(format!("`{name}` of {type_} `{id}` is no attribute name"));
            }
            attributes.insert(name, attribute);
        }
        if self
            .resources
            .entry(type_.clone())
            .or_default()
            .insert(id.clone(), attributes)
            .is_some()
        {
            return Err(format!("{type_} `{id}` stands twice"));
        }
        Ok(())
    }

    /// The attributes of one resource; `None` for one that is not listed.
    pub(crate) fn get(&self, type_: &str, id: &str) -> Option<&Attributes> {
        self.resources.get(type_)?.get(id)
    }

    /// Every resource as (type, id, attributes).
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str, &Attributes)> {
        self.resources.iter().flat_map(|(type_, ids)| {
            ids.iter()
                .map(move |(id, attributes)| (type_.as_str(), id.as_str(), attributes))
        })
    }

    /// The Cedar type of every attribute that resources of `type_` have.
    pub(crate) fn attribute_types(
        &self,
        type_: &str,
    ) -> Result<BTreeMap<&str, &'static str>, LoadPolicyError> {
        let mut found_types = BTreeMap::new();
        for attributes in self
            .resources
            .get(type_)
            .into_iter()
            .flat_map(BTreeMap::values)
        {
            for (name, attribute) in attributes {
                let found = attribute.cedar_type();
                if *found_types.entry(name.as_str()).or_insert(found) != found {
                    let message = format!("`{name}` of {type_} has different types: make them one");
                    return Err(LoadPolicyError::file(FILE, message));
                }
            }
        }
        Ok(found_types)
    }
}

/// A Cedar identifier that is safe as type and attribute name.
pub(crate) fn is_type_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

//! Settings: one table of names, read once from flags, environment, `countersign.toml` and defaults.

pub(crate) mod ceilings;
mod file;
pub(crate) mod setting;
pub(crate) mod upstream;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::{Value, json};

use ceilings::Ceilings;
use setting::{ALL, DATA, Form, OVERLAY, POLICIES, Setting};
use upstream::Table;

/// The settings file that is read when no other is named.
pub(crate) const DEFAULT_FILE: &str = "countersign.toml";

/// Where a value comes from, in rising priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// Nobody set it.
    Default,
    /// `countersign.toml`.
    File,
    /// The environment.
    Environment,
    /// The command line.
    Flag,
}

/// The settings of this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, (String, Source)>,
    /// `[upstream.NAME]` of the file.
    tables: BTreeMap<String, Table>,
    /// `[ceilings]` of the file.
    ceilings: Ceilings,
}

/// A setting cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("`{file}` is no TOML: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// Where and why.
        message: String,
    },
    /// The file has a key that is no setting.
    #[error("`{file}`: `{key}` is no setting (`countersign check-config` lists them all)")]
    Unknown {
        /// The file.
        file: String,
        /// The key.
        key: String,
    },
    /// A value is not of its form.
    #[error("{setting} = `{value}`: {message}")]
    Value {
        /// Which setting, as the person who set it calls it.
        setting: String,
        /// The value.
        value: String,
        /// What is expected.
        message: String,
    },
    /// An upstream is not configured as one can be.
    #[error("upstream `{name}`: {message}")]
    Upstream {
        /// Its name.
        name: String,
        /// What is wrong and what is expected.
        message: String,
    },
    /// The ceilings are not configured as they can be.
    #[error("[ceilings]: {0}")]
    Ceilings(String),
    /// A needed setting is missing.
    #[error("{0} is not set: {1}")]
    Missing(&'static str, &'static str),
}

/// Flags of the command line that are settings.
pub(crate) type Flags = Vec<(Setting, Option<String>)>;

impl Settings {
    /// Puts the sources together. `variable` looks up an environment variable; `file` is the name and
    /// text of the settings file, where there is one.
    pub(crate) fn read(
        flags: Flags,
        variable: impl Fn(&str) -> Option<String>,
        file: Option<(&str, &str)>,
    ) -> Result<Self, SettingsError> {
        let mut values = BTreeMap::new();
        for setting in ALL {
            if let Some(default) = setting.default {
                values.insert(setting.key, (default.to_owned(), Source::Default));
            }
        }
        let mut tables = BTreeMap::new();
        let mut ceilings = Ceilings::default();
        if let Some((name, text)) = file {
            let read = file::read(name, text)?;
            for (key, value) in read.values {
                values.insert(key, (value, Source::File));
            }
            tables = read.upstreams;
            ceilings = read.ceilings;
        }
        for setting in ALL {
            if let Some(value) = variable(setting.variable).filter(|value| !value.is_empty()) {
                values.insert(setting.key, (value, Source::Environment));
            }
        }
        for (setting, value) in flags {
            if let Some(value) = value {
                values.insert(setting.key, (value, Source::Flag));
            }
        }
        let settings = Self {
            values,
            tables,
            ceilings,
        };
        for setting in ALL {
            if let Some(value) = settings.text(*setting) {
                setting
                    .form
                    .check(value)
                    .map_err(|why| settings.wrong(*setting, &why))?;
            }
        }
        Ok(settings)
    }

    /// The value, where there is one.
    pub(crate) fn text(&self, setting: Setting) -> Option<&str> {
        self.values
            .get(setting.key)
            .map(|(value, _)| value.as_str())
    }

    /// The value that somebody set: no default.
    pub(crate) fn chosen(&self, setting: Setting) -> Option<&str> {
        let (value, source) = self.values.get(setting.key)?;
        (*source > Source::Default).then_some(value.as_str())
    }

    /// Who set the value.
    pub(crate) fn source(&self, setting: Setting) -> Option<Source> {
        self.values.get(setting.key).map(|(_, source)| *source)
    }

    /// The value as a path.
    pub(crate) fn path(&self, setting: Setting) -> Option<PathBuf> {
        self.text(setting).map(PathBuf::from)
    }

    /// The value in its type.
    pub(crate) fn parse<T>(&self, setting: Setting) -> Result<T, SettingsError>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let value = self.need(setting)?;
        value
            .parse()
            .map_err(|error: T::Err| self.wrong(setting, &error.to_string()))
    }

    /// The value of a setting that has no default.
    pub(crate) fn need(&self, setting: Setting) -> Result<&str, SettingsError> {
        self.text(setting)
            .ok_or(SettingsError::Missing(setting.variable, setting.meaning))
    }

    /// The comma-separated `NAME=VALUE` pairs of a setting, in order.
    pub(crate) fn pairs(&self, setting: Setting) -> Result<Vec<(String, String)>, SettingsError> {
        let text = self.text(setting).unwrap_or_default();
        setting::pairs(text).map_err(|why| self.wrong(setting, &why))
    }

    /// The value cannot be used.
    pub(crate) fn wrong(&self, setting: Setting, message: &str) -> SettingsError {
        let (value, source) = self
            .values
            .get(setting.key)
            .cloned()
            .unwrap_or((String::new(), Source::Default));
        let name = match source {
            Source::Default | Source::File => format!("`{}`", setting.key),
            Source::Environment => setting.variable.to_owned(),
            Source::Flag => format!("`{}` on the command line", setting.key),
        };
        let value = if setting.form == Form::Secret {
            "…".to_owned()
        } else {
            value
        };
        SettingsError::Value {
            setting: name,
            value,
            message: message.to_owned(),
        }
    }

    /// How many calls a minute an enforcer runs.
    pub(crate) fn ceilings(&self) -> &Ceilings {
        &self.ceilings
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.path(DATA).unwrap_or_default()
    }

    /// The policies folder.
    pub(crate) fn policies(&self) -> PathBuf {
        self.path(POLICIES).unwrap_or_default()
    }

    /// The overlay folder.
    pub(crate) fn overlay(&self) -> PathBuf {
        self.path(OVERLAY)
            .unwrap_or_else(|| self.data().join("overlay"))
    }

    /// A file named by `setting`, or else `name` among the keys of the data folder.
    pub(crate) fn key_file(&self, setting: Setting, name: &str) -> PathBuf {
        self.path(setting)
            .unwrap_or_else(|| self.data().join("keys").join(name))
    }

    /// The effective settings for people to look at: secrets hidden, passwords in addresses too.
    pub(crate) fn document(&self) -> Value {
        let rows = ALL.iter().map(|setting| {
            let (value, source) = match self.values.get(setting.key) {
                Some((value, source)) => (Some(visible(*setting, value)), source.as_str()),
                None => (None, Source::Default.as_str()),
            };
            json!({
                "key": setting.key,
                "variable": setting.variable,
                "value": value,
                "source": source,
                "meaning": setting.meaning,
            })
        });
        json!({"settings": rows.collect::<Vec<_>>()})
    }
}

/// The value as it may be shown.
fn visible(setting: Setting, value: &str) -> String {
    if setting.form == Form::Secret {
        return "(set, hidden)".to_owned();
    }
    without_password(value)
}

/// An address as it may be shown.
fn without_password(value: &str) -> String {
    match (value.split_once("://"), value.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => value.to_owned(),
    }
}

impl Source {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

/// The text of the settings file: `named`, which must exist, or the default one, which need not.
pub(crate) fn read_file(named: Option<&Path>) -> Result<Option<(String, String)>, SettingsError> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some((path.display().to_string(), text))),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SettingsError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Looks up a variable of this process's environment.
#[expect(
    clippy::disallowed_methods,
    reason = "configuration is read here and nowhere else"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests;

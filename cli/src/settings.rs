//! Settings: one table of names, read once from flags, environment, `countersign.toml` and defaults.

mod file;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::{Value, json};

/// The settings file that is read when no other is named.
pub(crate) const DEFAULT_FILE: &str = "countersign.toml";

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// Its name in `countersign.toml`; a dot separates the table from the key.
    pub(crate) key: &'static str,
    /// Its environment variable.
    pub(crate) variable: &'static str,
    /// Its value when nobody sets it.
    pub(crate) default: Option<&'static str>,
    /// What it is.
    pub(crate) meaning: &'static str,
}

macro_rules! settings {
    ($($name:ident = $key:literal, $variable:literal, $default:expr, $meaning:literal;)+) => {
        $(pub(crate) const $name: Setting =
            Setting { key: $key, variable: $variable, default: $default, meaning: $meaning };)+

        /// Every setting there is.
        pub(crate) const ALL: &[Setting] = &[$($name,)+];
    };
}

settings! {
    DATA = "data", "COUNTERSIGN_DATA", Some("countersign-data"), "folder for keys, databases and ready.json";
    POLICIES = "policies", "COUNTERSIGN_POLICIES", Some("policies"), "folder with tools, inventory, agents, operators and Cedar files";
    OVERLAY = "overlay", "COUNTERSIGN_OVERLAY", None, "folder with the key hashes of agents and operators; DATA/overlay unless set";
    LOG = "log", "COUNTERSIGN_LOG", Some("info"), "log filter, such as `info` or `warn,countersign_enforcer=debug`";
    LOG_FORMAT = "log_format", "COUNTERSIGN_LOG_FORMAT", Some("text"), "`text` or `json`";
    ISSUER = "issuer", "COUNTERSIGN_ISSUER", Some("countersign"), "`iss` of every token";
    AUDIENCE = "audience", "COUNTERSIGN_AUDIENCE", Some("enforcer"), "`aud` of every token: the enforcers that share a journal";
    TOKEN_TTL = "token_ttl", "COUNTERSIGN_TOKEN_TTL", Some("60"), "life of a token in seconds, 1 to 300";
    SERVICE_KEY_FILE = "service_key_file", "COUNTERSIGN_SERVICE_KEY_FILE", None, "key that roles show each other; DATA/keys/service.key unless set";
    AGENT = "agent", "COUNTERSIGN_AGENT", Some("remediator"), "the agent as which the planner acts";
    AGENT_KEY_FILE = "agent_key_file", "COUNTERSIGN_AGENT_KEY_FILE", None, "key of the agent that the planner, or a client command, is";
    OPERATOR_KEY_FILE = "operator_key_file", "COUNTERSIGN_OPERATOR_KEY_FILE", None, "key of the person whom a client command asks for";
    UPSTREAMS = "upstreams", "COUNTERSIGN_UPSTREAMS", None, "NAME=URL of each upstream of the enforcer, separated by commas";
    UPSTREAM_CREDENTIALS = "upstream_credentials", "COUNTERSIGN_UPSTREAM_CREDENTIALS", None, "NAME=FILE with the credential that the enforcer adds for that upstream";
    UPSTREAM_KEY_FILE = "upstream_key_file", "COUNTERSIGN_UPSTREAM_KEY_FILE", None, "the enforcer's credential, as the simulator checks it; DATA/keys/upstream-cloud.key unless set";
    RUNBOOKS = "runbooks", "COUNTERSIGN_RUNBOOKS", Some("on"), "`on`: runbooks are tried before a model; `off`: the model plans alone";
    LLM_PROVIDER = "llm.provider", "COUNTERSIGN_LLM_PROVIDER", None, "`ollama`, `openai` or `anthropic`; no model unless set";
    LLM_BASE_URL = "llm.base_url", "COUNTERSIGN_LLM_BASE_URL", None, "address of the model server";
    LLM_MODEL = "llm.model", "COUNTERSIGN_LLM_MODEL", None, "name of the model";
    LLM_API_KEY = "llm.api_key", "COUNTERSIGN_LLM_API_KEY", None, "key at the model server";
    AUTHORITY_LISTEN = "authority.listen", "COUNTERSIGN_AUTHORITY_LISTEN", Some("127.0.0.1:8002"), "listen address; port 0 picks a free one";
    AUTHORITY_URL = "authority.url", "COUNTERSIGN_AUTHORITY_URL", Some("http://127.0.0.1:8002"), "where others reach the authority";
    AUTHORITY_DATABASE_URL = "authority.database_url", "COUNTERSIGN_AUTHORITY_DATABASE_URL", None, "`sqlite:///…` or `postgres://…`; DATA/authority.db unless set";
    ENFORCER_LISTEN = "enforcer.listen", "COUNTERSIGN_ENFORCER_LISTEN", Some("127.0.0.1:8000"), "listen address; port 0 picks a free one";
    ENFORCER_URL = "enforcer.url", "COUNTERSIGN_ENFORCER_URL", Some("http://127.0.0.1:8000"), "where others reach the enforcer; several for the authority, separated by commas";
    ENFORCER_DATABASE_URL = "enforcer.database_url", "COUNTERSIGN_ENFORCER_DATABASE_URL", None, "`sqlite:///…` or `postgres://…`; DATA/enforcer.db unless set";
    PLANNER_LISTEN = "planner.listen", "COUNTERSIGN_PLANNER_LISTEN", Some("127.0.0.1:8001"), "listen address; port 0 picks a free one";
    PLANNER_URL = "planner.url", "COUNTERSIGN_PLANNER_URL", Some("http://127.0.0.1:8001"), "where others reach the planner";
    PLANNER_DATABASE_URL = "planner.database_url", "COUNTERSIGN_PLANNER_DATABASE_URL", None, "`sqlite:///…` or `postgres://…`; DATA/planner.db unless set";
    SIMULATOR_LISTEN = "simulator.listen", "COUNTERSIGN_SIMULATOR_LISTEN", Some("127.0.0.1:8003"), "listen address; port 0 picks a free one";
    SIMULATOR_URL = "simulator.url", "COUNTERSIGN_SIMULATOR_URL", Some("http://127.0.0.1:8003"), "where others reach the simulator";
    CONSOLE_LISTEN = "console.listen", "COUNTERSIGN_CONSOLE_LISTEN", Some("127.0.0.1:8080"), "listen address; port 0 picks a free one";
}

/// Settings that hold a secret themselves.
const SECRET: [&str; 1] = ["llm.api_key"];

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
pub(crate) struct Settings(BTreeMap<&'static str, (String, Source)>);

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
        if let Some((name, text)) = file {
            for (key, value) in file::values(name, text)? {
                values.insert(key, (value, Source::File));
            }
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
        Ok(Self(values))
    }

    /// The value, where there is one.
    pub(crate) fn text(&self, setting: Setting) -> Option<&str> {
        self.0.get(setting.key).map(|(value, _)| value.as_str())
    }

    /// The value that somebody set: no default.
    pub(crate) fn chosen(&self, setting: Setting) -> Option<&str> {
        let (value, source) = self.0.get(setting.key)?;
        (*source > Source::Default).then_some(value.as_str())
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
        value.parse().map_err(|error: T::Err| self.wrong(setting, &error.to_string()))
    }

    /// The value of a setting that has no default.
    pub(crate) fn need(&self, setting: Setting) -> Result<&str, SettingsError> {
        self.text(setting).ok_or(SettingsError::Missing(setting.variable, setting.meaning))
    }

    /// The comma-separated `NAME=VALUE` pairs of a setting, in order.
    pub(crate) fn pairs(&self, setting: Setting) -> Result<Vec<(String, String)>, SettingsError> {
        let text = self.text(setting).unwrap_or_default();
        let mut pairs = Vec::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(self.wrong(setting, "write NAME=VALUE, separated by commas"));
            };
            pairs.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        Ok(pairs)
    }

    /// The value cannot be used.
    pub(crate) fn wrong(&self, setting: Setting, message: &str) -> SettingsError {
        let (value, source) =
            self.0.get(setting.key).cloned().unwrap_or((String::new(), Source::Default));
        let name = match source {
            Source::Default | Source::File => format!("`{}`", setting.key),
            Source::Environment => setting.variable.to_owned(),
            Source::Flag => format!("--{}", setting.key.replace(['.', '_'], "-")),
        };
        let value = if SECRET.contains(&setting.key) { "…".to_owned() } else { value };
        SettingsError::Value { setting: name, value, message: message.to_owned() }
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
        self.path(OVERLAY).unwrap_or_else(|| self.data().join("overlay"))
    }

    /// A file named by `setting`, or else `name` among the keys of the data folder.
    pub(crate) fn key_file(&self, setting: Setting, name: &str) -> PathBuf {
        self.path(setting).unwrap_or_else(|| self.data().join("keys").join(name))
    }

    /// The effective settings for people to look at: secrets hidden, passwords in addresses too.
    pub(crate) fn document(&self) -> Value {
        let rows = ALL.iter().map(|setting| {
            let (value, source) = match self.0.get(setting.key) {
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
    if SECRET.contains(&setting.key) {
        return "(set, hidden)".to_owned();
    }
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
        Err(source) => Err(SettingsError::File { path: path.to_owned(), source }),
    }
}

/// Looks up a variable of this process's environment.
#[expect(clippy::disallowed_methods, reason = "configuration is read here and nowhere else")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests;

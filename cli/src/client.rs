//! How client commands find the roles and the keys: flags, environment, `countersign.toml`, then what
//! `up` left in the data folder.

use std::fmt::Write as _;

use countersign_service::client::{self, Peer};
use countersign_service::credential::SecretKey;
use serde_json::Value;

use crate::data::credentials::{CredentialsFile, Key};
use crate::data::{DataFolder, Ready};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::settings::setting::{self, Setting};

/// A role that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Plans, approvals, policies, control.
    Authority,
    /// Calls and receipts.
    Enforcer,
    /// Runs.
    Planner,
    /// The mini cloud.
    Simulator,
    /// The web app's server.
    Console,
}

/// As whom a command asks.
#[derive(Clone, Debug)]
pub(crate) enum Who {
    /// The operator.
    Operator,
    /// A person by name: an approver of `credentials.json`.
    Person(String),
    /// The first person who can approve.
    FirstApprover,
    /// The agent of this name, or the first one.
    Agent(Option<String>),
}

/// What client commands ask with.
#[derive(Debug)]
pub(crate) struct Client {
    settings: Settings,
    http: reqwest::Client,
    streaming: reqwest::Client,
    ready: Option<Ready>,
    credentials: Option<CredentialsFile>,
}

impl Role {
    /// Every role.
    pub(crate) const ALL: [Self; 5] = [
        Self::Authority,
        Self::Enforcer,
        Self::Planner,
        Self::Simulator,
        Self::Console,
    ];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Enforcer => "enforcer",
            Self::Planner => "planner",
            Self::Simulator => "simulator",
            Self::Console => "console",
        }
    }

    const fn setting(self) -> Option<Setting> {
        match self {
            Self::Authority => Some(setting::AUTHORITY_URL),
            Self::Enforcer => Some(setting::ENFORCER_URL),
            Self::Planner => Some(setting::PLANNER_URL),
            Self::Simulator => Some(setting::SIMULATOR_URL),
            Self::Console => None,
        }
    }
}

impl Client {
    /// Reads what there is to know; servers are asked later.
    pub(crate) fn open(settings: &Settings) -> Result<Self, Failure> {
        let data = DataFolder::at(settings.data());
        let failed = |error| Failure::because("cannot ask servers", error);
        Ok(Self {
            ready: data.read_ready(),
            credentials: CredentialsFile::read(&data.credentials())?,
            http: client::internal().map_err(failed)?,
            streaming: client::streaming().map_err(failed)?,
            settings: settings.clone(),
        })
    }

    /// The settings.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The generated keys, where `up` left some.
    pub(crate) fn credentials(&self) -> Option<&CredentialsFile> {
        self.credentials.as_ref()
    }

    /// Where `role` listens: as set, as the ready file says, or as it would by default.
    pub(crate) fn url(&self, role: Role) -> Option<String> {
        let chosen = role
            .setting()
            .and_then(|setting| self.settings.chosen(setting));
        if let Some(url) = chosen {
            return url.split(',').next().map(|url| url.trim().to_owned());
        }
        if let Some(ready) = &self.ready {
            return match role {
                Role::Authority => ready.authority.clone(),
                Role::Enforcer => ready.enforcer.clone(),
                Role::Planner => ready.planner.clone(),
                Role::Simulator => ready.simulator.clone(),
                Role::Console => ready.console.clone(),
            };
        }
        role.setting()
            .and_then(|setting| self.settings.text(setting))
            .map(str::to_owned)
    }

    /// `role`, to be asked as `who`.
    pub(crate) fn peer(&self, role: Role, who: &Who) -> Result<Peer, Failure> {
        self.connect(role, who, &self.http)
    }

    /// As [`Client::peer`], for answers without end.
    pub(crate) fn stream(&self, role: Role, who: &Who) -> Result<Peer, Failure> {
        self.connect(role, who, &self.streaming)
    }

    fn connect(&self, role: Role, who: &Who, http: &reqwest::Client) -> Result<Peer, Failure> {
        let url = self
            .url(role)
            .ok_or_else(|| Failure::could_not(format!("there is no {} here", role.name())))?;
        Ok(Peer::new(http.clone(), &url, Some(self.key(who)?)))
    }

    /// The key of `who`.
    pub(crate) fn key(&self, who: &Who) -> Result<SecretKey, Failure> {
        let (setting, found) = match who {
            Who::Operator => (setting::OPERATOR_KEY_FILE, self.operator_key()),
            Who::Person(name) => (setting::OPERATOR_KEY_FILE, self.person_key(name)),
            Who::FirstApprover => (setting::OPERATOR_KEY_FILE, self.first_approver()),
            Who::Agent(name) => (setting::AGENT_KEY_FILE, self.agent_key(name.as_deref())),
        };
        // A key file that was named counts for everybody but for a person who was named too.
        let named = matches!(who, Who::Person(_) | Who::Agent(Some(_))) && found.is_some();
        match (self.settings.path(setting), found) {
            (Some(path), _) if !named => SecretKey::read(&path)
                .map_err(|error| Failure::because("cannot read the key to ask with", error)),
            (_, Some(key)) => Ok(key),
            (_, None) => Err(Failure::could_not(format!(
                "no key to ask with: neither {} nor a matching key in `{}` (is --data right?)",
                setting.variable,
                DataFolder::at(self.settings.data()).credentials().display()
            ))),
        }
    }

    fn operator_key(&self) -> Option<SecretKey> {
        self.credentials
            .as_ref()?
            .operator_key
            .as_ref()
            .map(Key::secret)
    }

    fn person_key(&self, name: &str) -> Option<SecretKey> {
        let approver = self.credentials.as_ref()?.approver_keys.get(name);
        let operator = || self.operator_key().filter(|_| name == "operator");
        approver.or_else(operator)
    }

    fn first_approver(&self) -> Option<SecretKey> {
        let credentials = self.credentials.as_ref()?;
        credentials.approver_keys.iter().next().map(|(_, key)| key)
    }

    fn agent_key(&self, name: Option<&str>) -> Option<SecretKey> {
        let keys = &self.credentials.as_ref()?.agent_keys;
        match name {
            Some(name) => keys.get(name),
            None => keys.iter().next().map(|(_, key)| key),
        }
    }

    /// `GET path` of `role` as `who`.
    pub(crate) async fn get(&self, role: Role, who: &Who, path: &str) -> Result<Value, Failure> {
        Ok(self.peer(role, who)?.get(path).await?)
    }

    /// `POST path` of `role` as `who`: status and answer.
    pub(crate) async fn post(
        &self,
        role: Role,
        who: &Who,
        path: &str,
        body: &Value,
    ) -> Result<(u16, Value), Failure> {
        let answer = self
            .peer(role, who)?
            .post::<Value, Value>(path, body)
            .await?;
        Ok((answer.status.as_u16(), answer.body))
    }
}

/// `text` as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            safe.push(char::from(byte));
        } else {
            let _ = write!(safe, "%{byte:02X}");
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_stays_one_segment() {
        assert_eq!(segment("apr_01"), "apr_01");
        assert_eq!(segment("../a b?c"), "..%2Fa%20b%3Fc");
    }
}

//! Who there is: agents and people, from `agents.toml` and `operators.toml` of the policies folder and
//! an overlay that holds nothing but their keys.

mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use countersign_intent::id::{AgentId, OperatorId};
use countersign_intent::key::{KeyError, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::credential::SecretHash;
use crate::files::{self, FileError};

/// How far an agent may go without a person (DESIGN §4).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Autonomy {
    /// Reads only.
    Observe,
    /// Everything that changes something waits for a person.
    Recommend,
    /// Changes services by itself.
    AutomateSafe,
    /// Destroys by itself, what policy lets it.
    AutomateDestructive,
}

/// An agent: a program that may ask for tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its name.
    pub id: AgentId,
    /// How far it may go.
    pub autonomy: Autonomy,
    /// The team that answers for it.
    pub team: Option<String>,
    /// Its Cedar roles.
    pub roles: BTreeSet<String>,
    /// The key under which it proves possession, where it registered one.
    pub public_key: Option<VerifyingKey>,
    key: Option<SecretHash>,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The name they sign in and approve under.
    pub id: OperatorId,
    /// Their name for other people.
    pub name: String,
    /// What they may do.
    pub roles: BTreeSet<String>,
    /// The key that verifies their approvals, where they have one.
    pub approver_key: Option<VerifyingKey>,
    key: Option<SecretHash>,
}

/// Everybody, as of one load. Immutable: a reload makes another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    agents: BTreeMap<AgentId, Arc<Agent>>,
    operators: BTreeMap<OperatorId, Arc<Operator>>,
}

/// The directory's files as text, to be read by [`Directory::parse`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Sources<'a> {
    /// `agents.toml` of the policies folder.
    pub agents: &'a str,
    /// `operators.toml` of the policies folder.
    pub operators: &'a str,
    /// `agents.toml` of the overlay.
    pub agents_overlay: Option<&'a str>,
    /// `operators.toml` of the overlay.
    pub operators_overlay: Option<&'a str>,
}

/// The directory was not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// A file cannot be read.
    #[error("cannot read the directory of agents and operators")]
    File(#[from] FileError),
    /// A file is not of the expected form.
    #[error("`{file}` is not of the expected form: {message}")]
    Form {
        /// Which file.
        file: &'static str,
        /// Where and why.
        message: String,
    },
    /// One name stands twice in a file.
    #[error("`{name}` stands twice in `{file}`")]
    Twice {
        /// Which file.
        file: &'static str,
        /// The name.
        name: String,
    },
    /// A public key is not one.
    #[error("the public key of `{name}` is not usable")]
    Key {
        /// Whose key.
        name: String,
        /// Why.
        source: KeyError,
    },
    /// Two entries share one bearer key.
    #[error("`{one}` and `{other}` have the same bearer key")]
    SharedKey {
        /// One of them.
        one: String,
        /// The other.
        other: String,
    },
}

impl Directory {
    /// Reads `agents.toml` and `operators.toml` in `policies`, and in `overlay` where present there.
    ///
    /// # Errors
    /// Each [`DirectoryError`].
    pub fn load(policies: &Path, overlay: Option<&Path>) -> Result<Self, DirectoryError> {
        let agents = files::read_text(&policies.join("agents.toml"))?;
        let operators = files::read_text(&policies.join("operators.toml"))?;
        let in_overlay = |name: &str| match overlay {
            Some(folder) => files::read_text_if_present(&folder.join(name)),
            None => Ok(None),
        };
        let agents_overlay = in_overlay("agents.toml")?;
        let operators_overlay = in_overlay("operators.toml")?;
        Self::parse(Sources {
            agents: &agents,
            operators: &operators,
            agents_overlay: agents_overlay.as_deref(),
            operators_overlay: operators_overlay.as_deref(),
        })
    }

    /// Reads the directory from its files' texts.
    ///
    /// # Errors
    /// Each [`DirectoryError`] but [`DirectoryError::File`].
    pub fn parse(sources: Sources<'_>) -> Result<Self, DirectoryError> {
        let directory = Self {
            agents: shared(file::agents(sources.agents, sources.agents_overlay)?),
            operators: shared(file::operators(
                sources.operators,
                sources.operators_overlay,
            )?),
        };
        directory.refuse_shared_keys()?;
        Ok(directory)
    }

    /// The agent of this name.
    pub fn agent(&self, id: &AgentId) -> Option<&Arc<Agent>> {
        self.agents.get(id)
    }

    /// Every agent, by name.
    pub fn agents(&self) -> impl Iterator<Item = &Arc<Agent>> {
        self.agents.values()
    }

    /// The person of this name.
    pub fn operator(&self, id: &OperatorId) -> Option<&Arc<Operator>> {
        self.operators.get(id)
    }

    /// Every person, by name.
    pub fn operators(&self) -> impl Iterator<Item = &Arc<Operator>> {
        self.operators.values()
    }

    /// The agent with the bearer key `presented`, compared in constant time with each agent's.
    pub fn by_agent_key(&self, presented: &str) -> Option<&Arc<Agent>> {
        let presented = SecretHash::of(presented);
        self.agents()
            .filter(|agent| presented.is(agent.key.as_ref()))
            .last()
    }

    /// The person with the bearer key `presented`, compared in constant time with each person's.
    pub fn by_operator_key(&self, presented: &str) -> Option<&Arc<Operator>> {
        let presented = SecretHash::of(presented);
        self.operators()
            .filter(|operator| presented.is(operator.key.as_ref()))
            .last()
    }

    fn refuse_shared_keys(&self) -> Result<(), DirectoryError> {
        let agents = self
            .agents()
            .map(|agent| (agent.id.to_string(), &agent.key));
        let operators = self
            .operators()
            .map(|operator| (operator.id.to_string(), &operator.key));
        let mut owners: BTreeMap<String, String> = BTreeMap::new();
        for (name, key) in agents.chain(operators) {
            let Some(key) = key else { continue };
            if let Some(one) = owners.insert(key.to_string(), name.clone()) {
                return Err(DirectoryError::SharedKey { one, other: name });
            }
        }
        Ok(())
    }
}

fn shared<K: Ord, V>(entries: BTreeMap<K, V>) -> BTreeMap<K, Arc<V>> {
    entries
        .into_iter()
        .map(|(key, value)| (key, Arc::new(value)))
        .collect()
}

impl Agent {
    /// Whether the agent has the Cedar role `role`.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }
}

impl Operator {
    /// Whether the person has `role`.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }
}

impl Autonomy {
    /// The level's name, as in `agents.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Recommend => "recommend",
            Self::AutomateSafe => "automate-safe",
            Self::AutomateDestructive => "automate-destructive",
        }
    }
}

/// The current [`Directory`], replaced whole on reload. A request takes one snapshot and keeps it.
#[derive(Clone, Debug)]
pub struct SharedDirectory {
    current: Arc<RwLock<Arc<Directory>>>,
    folders: Option<Arc<(PathBuf, Option<PathBuf>)>>,
}

impl SharedDirectory {
    /// Shares `directory`, which has no files to be reloaded from.
    pub fn new(directory: Directory) -> Self {
        Self {
            current: Arc::new(RwLock::new(Arc::new(directory))),
            folders: None,
        }
    }

    /// Loads a directory as [`Directory::load`] and remembers where from.
    ///
    /// # Errors
    /// As [`Directory::load`].
    pub fn load(policies: &Path, overlay: Option<&Path>) -> Result<Self, DirectoryError> {
        let mut shared = Self::new(Directory::load(policies, overlay)?);
        shared.folders = Some(Arc::new((policies.to_owned(), overlay.map(Path::to_owned))));
        Ok(shared)
    }

    /// The directory as it is now.
    pub fn snapshot(&self) -> Arc<Directory> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts `directory` in place of the current one.
    pub fn replace(&self, directory: Directory) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(directory);
    }

    /// Reads the files again; on an error the current directory stays.
    ///
    /// # Errors
    /// As [`Directory::load`].
    pub fn reload(&self) -> Result<(), DirectoryError> {
        if let Some(folders) = &self.folders {
            self.replace(Directory::load(&folders.0, folders.1.as_deref())?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

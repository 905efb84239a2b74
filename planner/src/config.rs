//! What a planner is told when it starts.

use std::path::PathBuf;
use std::time::Duration;

use countersign_intent::id::AgentId;
use countersign_service::clock::Clock;
use countersign_service::credential::{SecretHash, SecretKey};
use countersign_service::directory::SharedDirectory;
use countersign_service::random::Random;
use countersign_service::server::Isolation;

use crate::model::ModelConfig;

/// Whether runbooks are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunbookUse {
    /// They are tried before the model.
    On,
    /// Only the model plans.
    Off,
}

/// The configuration of a planner.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address of the runs' database: `sqlite:///path` or `postgres://…`.
    pub database_url: String,
    /// The authority's address.
    pub authority_url: String,
    /// The enforcer's address.
    pub enforcer_url: String,
    /// The agent as which it acts.
    pub agent: AgentId,
    /// That agent's key.
    pub agent_key: SecretKey,
    /// Who may ask for runs.
    pub directory: SharedDirectory,
    /// The key by which other roles may watch.
    pub service_key: Option<SecretHash>,
    /// Whether runbooks are used.
    pub runbooks: RunbookUse,
    /// A folder with further runbooks; one with the id of a shipped one replaces it.
    pub runbooks_dir: Option<PathBuf>,
    /// The model that is asked when no runbook matches.
    pub model: Option<ModelConfig>,
    /// How long it waits for what.
    pub pace: Pace,
    /// Whether it shares its process with other roles.
    pub isolation: Isolation,
    /// The clock.
    pub clock: Clock,
    /// The randomness.
    pub random: Random,
}

/// How long a run waits for what, and how often it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two looks at a state that should change.
    pub look: Duration,
    /// How long a step's check may take to pass.
    pub check: Duration,
    /// How long alerts may take to close.
    pub verify: Duration,
    /// How long other alerts of the goal's scope may take to close after that, and how long alerts may
    /// take to open for something that is not well.
    pub settle: Duration,
    /// Between two looks at an approval.
    pub approval: Duration,
    /// How long a server may be away before the run fails.
    pub patience: Duration,
    /// How long `POST /run` waits for the end.
    pub run: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look: Duration::from_millis(300),
            check: Duration::from_secs(10),
            verify: Duration::from_secs(10),
            settle: Duration::from_millis(2_500),
            approval: Duration::from_secs(1),
            patience: Duration::from_secs(15),
            run: Duration::from_mins(5),
        }
    }
}

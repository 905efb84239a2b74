//! What an authority must be told to run.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_intent::id::TenantId;
use countersign_service::clock::Clock;
use countersign_service::credential::SecretKey;
use countersign_service::database::sqlite_url;
use countersign_service::faults::Faults;
use countersign_service::random::Random;
use countersign_service::server::Isolation;

use crate::judge::PlanLimits;

/// `iss` of tokens unless told otherwise.
pub const ISSUER: &str = "countersign";
/// `aud` of tokens unless told otherwise: the group of enforcers.
pub const AUDIENCE: &str = "enforcer";

/// The settings of one authority.
#[derive(Clone)]
pub struct Config {
    /// The data folder: keys in `keys/`, the database beside it.
    pub data: PathBuf,
    /// The policies folder.
    pub policies: PathBuf,
    /// The folder with keys of agents and operators that are not in the policies folder.
    pub overlay: Option<PathBuf>,
    /// The database.
    pub database_url: String,
    /// `iss` of every token.
    pub issuer: String,
    /// `aud` of every token.
    pub audience: String,
    /// The tenant.
    pub tenant: TenantId,
    /// Base addresses of the enforcers.
    pub enforcers: Vec<String>,
    /// The key that roles show each other.
    pub service_key: Option<SecretKey>,
    /// How long a token lives, 1 to 300 s.
    pub token_ttl: Duration,
    /// How long people may answer, at most 15 min.
    pub approval_ttl: Duration,
    /// How large a plan may be.
    pub limits: PlanLimits,
    /// How often the policies folder is looked at; zero never.
    pub watch_every: Duration,
    /// Whether the process is this role's own.
    pub isolation: Isolation,
    /// The clock.
    pub clock: Clock,
    /// The randomness.
    pub random: Random,
    /// Where a test ends the process.
    pub faults: Faults,
}

impl Config {
    /// The defaults for a data folder and a policies folder, on the system's clock and randomness.
    pub fn new(data: &Path, policies: &Path) -> Self {
        Self {
            data: data.to_owned(),
            policies: policies.to_owned(),
            overlay: Some(data.join("overlay")),
            database_url: sqlite_url(&data.join("authority.db")),
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            tenant: TenantId::single(),
            enforcers: Vec::new(),
            service_key: None,
            token_ttl: Duration::from_mins(1),
            approval_ttl: Duration::from_mins(15),
            limits: PlanLimits::default(),
            watch_every: Duration::from_secs(2),
            isolation: Isolation::OwnProcess,
            clock: Clock::system(),
            random: Random::system(),
            faults: Faults::none(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Config")
            .field("data", &self.data)
            .field("policies", &self.policies)
            .field("enforcers", &self.enforcers)
            .finish_non_exhaustive()
    }
}

//! What an enforcer needs to know.

pub(crate) mod upstream;

use std::path::PathBuf;
use std::time::Duration;

use countersign_intent::id::TenantId;
use countersign_service::clock::Clock;
use countersign_service::credential::SecretKey;
use countersign_service::faults::Faults;
use countersign_service::random::Random;
use countersign_service::server::Isolation;
use url::Url;

use self::upstream::Upstream;
use crate::ceiling::Ceilings;

/// The issuer that tokens must name, unless configured otherwise.
pub const ISSUER: &str = "countersign";
/// The audience that tokens must name, unless configured otherwise: this enforcer, or its group.
pub const AUDIENCE: &str = "enforcer";
/// How long a call waits for another one on the same resource, unless configured otherwise.
pub const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Bytes that must be free for a call to start, unless configured otherwise: 256 MiB.
pub const FREE_SPACE: u64 = 256 << 20;
/// How long ended calls are kept, unless configured otherwise: 400 days.
pub const CALLS_KEPT: Duration = Duration::from_hours(400 * 24);

/// What an enforcer needs. Plain data: whoever starts it reads flags, files and environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// The only issuer whose tokens count.
    pub issuer: String,
    /// The only audience whose tokens count; also `iss` of receipts.
    pub audience: String,
    /// The tenant.
    pub tenant: TenantId,
    /// The data folder: keys in `keys/`, and the high-water file of the journal.
    pub data: PathBuf,
    /// The policies folder: `tools/*.toml`, `agents.toml`, `operators.toml`.
    pub policies: PathBuf,
    /// The folder with people's and agents' keys, where there is one.
    pub overlay: Option<PathBuf>,
    /// The database's address.
    pub database_url: String,
    /// The authority to ask for control and to send receipts to; without one, control must be pushed.
    pub authority: Option<Url>,
    /// The key that roles show each other.
    pub service_key: SecretKey,
    /// Where calls go.
    pub upstreams: Vec<Upstream>,
    /// How many calls a minute may run, whatever their tokens say.
    pub ceilings: Ceilings,
    /// How long a call waits for another one on the same resource before it is refused.
    pub lock_wait: Duration,
    /// Bytes that must be free on the disk of an SQLite journal for a call to start.
    pub free_space: u64,
    /// How long calls are kept after they ended; an hour after their token's end at least.
    pub calls_kept: Duration,
    /// Whether the enforcer has a process of its own.
    pub isolation: Isolation,
    /// Where the time comes from.
    pub clock: Clock,
    /// Where ids and keys come from.
    pub random: Random,
    /// Where a test ends the process.
    pub faults: Faults,
}

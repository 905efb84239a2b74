//! What an enforcer needs to know.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use countersign_intent::id::TenantId;
use countersign_service::clock::Clock;
use countersign_service::credential::SecretKey;
use countersign_service::random::Random;
use countersign_service::server::Isolation;
use url::Url;

use crate::ceiling::Ceilings;
use crate::faults::Faults;

/// The issuer that tokens must name, unless configured otherwise.
pub const ISSUER: &str = "countersign";
/// The audience that tokens must name, unless configured otherwise: this enforcer, or its group.
pub const AUDIENCE: &str = "enforcer";
/// How long a call waits for another one on the same resource, unless configured otherwise.
pub const LOCK_WAIT: Duration = Duration::from_secs(5);

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
    /// Whether the enforcer has a process of its own.
    pub isolation: Isolation,
    /// Where the time comes from.
    pub clock: Clock,
    /// Where ids and keys come from.
    pub random: Random,
    /// Where a test ends the process.
    pub faults: Faults,
}

/// Where the calls of some tools go. The credential is known here and nowhere else.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The name that tool definitions use.
    pub name: String,
    /// Scheme, host, port, and a path under which the definitions' paths lie.
    pub base_url: Url,
    /// Sent as `Authorization: Bearer` with every call.
    pub credential: Option<SecretKey>,
    /// The only addresses that may be dialled; empty for all but link-local and metadata addresses,
    /// which are never dialled.
    pub allowed: Vec<AddressRange>,
}

/// A range of addresses, such as `10.0.0.0/8` or `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    network: IpAddr,
    prefix: u8,
}

/// Not a range of addresses.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no address range: write `10.0.0.0/8` or one address")]
pub struct RangeError(String);

impl FromStr for AddressRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let wrong = || RangeError(text.chars().take(80).collect());
        let (network, prefix) = match text.split_once('/') {
            Some((network, prefix)) => (network, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = network.parse().map_err(|_cause| wrong())?;
        let whole = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_cause| wrong())?,
            None => whole,
        };
        if prefix > whole {
            return Err(wrong());
        }
        Ok(Self { network, prefix })
    }
}

impl AddressRange {
    /// Whether `address` lies in the range; an IPv4 address in IPv6 clothes counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32_u32.saturating_sub(u32::from(self.prefix));
                let top = |address: u32| address.checked_shr(shift).unwrap_or(0);
                top(network.to_bits()) == top(address.to_bits())
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128_u32.saturating_sub(u32::from(self.prefix));
                let top = |address: u128| address.checked_shr(shift).unwrap_or(0);
                top(network.to_bits()) == top(address.to_bits())
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_addresses_and_no_others() {
        let range: AddressRange = "10.1.0.0/16".parse().unwrap();
        for (address, inside) in [
            ("10.1.255.1", true),
            ("10.2.0.1", false),
            ("::ffff:10.1.0.1", true),
            ("::1", false),
        ] {
            assert_eq!(
                range.contains(address.parse().unwrap()),
                inside,
                "{address}"
            );
        }
        let one: AddressRange = "::1".parse().unwrap();
        assert!(one.contains("::1".parse().unwrap()));
        assert!(!one.contains("::2".parse().unwrap()));
        let all: AddressRange = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("8.8.8.8".parse().unwrap()));
        for text in ["", "10.0.0.0/33", "host", "10.0.0.0/x"] {
            assert!(text.parse::<AddressRange>().is_err(), "{text}");
        }
    }
}

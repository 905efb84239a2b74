//! What is configured of one upstream.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use countersign_service::credential::SecretKey;
use http::HeaderName;
use http::header::AUTHORIZATION;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;

/// Where the calls of some tools go. The credential is known here and nowhere else.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The name that tool definitions use.
    pub name: String,
    /// Scheme, host, port, and a path under which the definitions' paths lie.
    pub base_url: Url,
    /// Sent with every call.
    pub credential: Option<SecretKey>,
    /// The header field that carries the credential: `Bearer …` in `authorization`, bare in others.
    pub credential_header: HeaderName,
    /// The certificate authorities that may vouch for it; `None` for those of the system.
    pub roots: Option<Roots>,
    /// The only addresses that may be dialled; empty for all but link-local and metadata addresses,
    /// which are never dialled.
    pub allowed: Vec<AddressRange>,
}

impl Upstream {
    /// An upstream at `base_url` without credential, with the system's roots, at any address.
    pub fn new(name: &str, base_url: Url) -> Self {
        Self {
            name: name.to_owned(),
            base_url,
            credential: None,
            credential_header: AUTHORIZATION,
            roots: None,
            allowed: Vec::new(),
        }
    }
}

/// Certificate authorities that may vouch for an upstream.
#[derive(Clone)]
pub struct Roots(Arc<RootCertStore>);

/// The text holds no usable certificate authorities.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    /// It is not PEM.
    #[error("it is not PEM: {0}")]
    Pem(String),
    /// It is PEM without a certificate.
    #[error("it holds no certificate")]
    Empty,
    /// A certificate cannot be read.
    #[error("its certificate no. {0} cannot be read: {1}")]
    Certificate(usize, String),
}

impl Roots {
    /// The certificates of a PEM text.
    ///
    /// # Errors
    /// Each [`RootsError`].
    pub fn from_pem(text: &[u8]) -> Result<Self, RootsError> {
        let mut store = RootCertStore::empty();
        for (index, found) in CertificateDer::pem_slice_iter(text).enumerate() {
            let certificate = found.map_err(|error| RootsError::Pem(error.to_string()))?;
            store.add(certificate).map_err(|error| {
                RootsError::Certificate(index.saturating_add(1), error.to_string())
            })?;
        }
        if store.is_empty() {
            return Err(RootsError::Empty);
        }
        Ok(Self(Arc::new(store)))
    }

    /// The certificates.
    pub(crate) fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Roots({})", self.0.len())
    }
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

impl fmt::Display for AddressRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.network, self.prefix)
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
        assert_eq!(range.to_string(), "10.1.0.0/16");
        assert_eq!(one.to_string(), "::1/128");
    }

    #[test]
    fn text_without_a_certificate_is_no_root() {
        for (text, expected) in [
            ("", "it holds no certificate"),
            ("hello", "it holds no certificate"),
            (
                "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n",
                "it is not PEM",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "its certificate no. 1 cannot be read",
            ),
        ] {
            let error = Roots::from_pem(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}

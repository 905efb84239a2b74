//! Dialling: addresses are resolved and checked here, and the checked one is the one dialled.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use url::Host;

use super::target::Target;
use super::wire::Connection;

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("an upstream uses TLS, which cannot be set up: {0}")]
pub struct TlsError(String);

/// Why there is no connection. Not one byte of the call was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum DialError {
    #[error("`{0}` does not resolve")]
    Resolve(String, #[source] io::Error),
    #[error("no address of `{0}` may be dialled")]
    Forbidden(String),
    #[error("`{0}` does not take connections")]
    Connect(String, #[source] io::Error),
    #[error("TLS with `{0}` failed")]
    Tls(String, #[source] io::Error),
    #[error("`{0}` cannot be named in TLS")]
    Name(String),
}

/// Opens connections.
#[derive(Clone)]
pub(super) struct Dialer {
    tls: Option<TlsConnector>,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Dialer")
            .field("tls", &self.tls.is_some())
            .finish()
    }
}

impl Dialer {
    /// Trusts the system's certificate authorities where TLS is needed.
    pub(super) fn new(needs_tls: bool) -> Result<Self, TlsError> {
        if !needs_tls {
            return Ok(Self { tls: None });
        }
        let loaded = rustls_native_certs::load_native_certs();
        let mut roots = rustls::RootCertStore::empty();
        let (added, _ignored) = roots.add_parsable_certificates(loaded.certs);
        if added == 0 {
            return Err(TlsError(
                "the system has no certificate authorities".to_owned(),
            ));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: Some(TlsConnector::from(Arc::new(config))),
        })
    }

    /// Connects to `target`.
    pub(super) async fn dial(&self, target: &Target) -> Result<Connection, DialError> {
        let stream = connect(target).await?;
        // The call is one small write; waiting to fill a packet only delays it.
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.tls.as_ref().filter(|_| target.is_tls()) else {
            return Ok(Connection::Plain(stream));
        };
        let name = shown(target);
        let server = server_name(target).ok_or_else(|| DialError::Name(name.clone()))?;
        let stream = tls.connect(server, stream).await;
        Ok(Connection::Tls(Box::new(
            stream.map_err(|error| DialError::Tls(name, error))?,
        )))
    }
}

async fn connect(target: &Target) -> Result<TcpStream, DialError> {
    let mut last = None;
    let mut allowed = false;
    for address in resolve(target).await? {
        if !target.permits(address.ip()) {
            tracing::warn!(
                upstream = target.name(),
                "an address of the upstream may not be dialled"
            );
            continue;
        }
        allowed = true;
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(match last {
        Some(error) => DialError::Connect(shown(target), error),
        None if allowed => DialError::Connect(shown(target), io::ErrorKind::NotConnected.into()),
        None => DialError::Forbidden(shown(target)),
    })
}

async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, DialError> {
    let port = target.port();
    match target.host() {
        Host::Ipv4(address) => Ok(vec![SocketAddr::from((*address, port))]),
        Host::Ipv6(address) => Ok(vec![SocketAddr::from((*address, port))]),
        Host::Domain(name) => match lookup_host((name.as_str(), port)).await {
            Ok(found) => Ok(found.collect()),
            Err(error) => Err(DialError::Resolve(shown(target), error)),
        },
    }
}

fn server_name(target: &Target) -> Option<ServerName<'static>> {
    match target.host() {
        Host::Ipv4(address) => Some(ServerName::from(std::net::IpAddr::from(*address))),
        Host::Ipv6(address) => Some(ServerName::from(std::net::IpAddr::from(*address))),
        Host::Domain(name) => ServerName::try_from(name.clone()).ok(),
    }
}

fn shown(target: &Target) -> String {
    format!("{}:{}", target.host(), target.port())
}

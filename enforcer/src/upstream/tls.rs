//! TLS to upstreams: rustls on ring, versions 1.2 and 1.3, HTTP/1.1 alone.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use url::Host;

use crate::config::upstream::Roots;

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("upstream `{upstream}` uses TLS, which cannot be set up: {message}")]
pub struct TlsError {
    upstream: String,
    message: String,
}

/// How one upstream proves itself.
pub(super) struct Tls {
    pub(super) connector: TlsConnector,
    pub(super) name: ServerName<'static>,
}

/// The system's roots, read when the first upstream needs them.
#[derive(Default)]
pub(super) struct SystemRoots(Option<Arc<RootCertStore>>);

impl SystemRoots {
    fn store(&mut self) -> Result<Arc<RootCertStore>, String> {
        if let Some(store) = &self.0 {
            return Ok(Arc::clone(store));
        }
        let mut store = RootCertStore::empty();
        let loaded = rustls_native_certs::load_native_certs();
        let (added, _ignored) = store.add_parsable_certificates(loaded.certs);
        if added == 0 {
            return Err(
                "the system has no certificate authorities: name a file with `roots`".into(),
            );
        }
        Ok(Arc::clone(self.0.insert(Arc::new(store))))
    }
}

impl Tls {
    /// For the upstream `upstream` at `host`, vouched for by `roots` or the system's.
    pub(super) fn new(
        upstream: &str,
        host: &Host<String>,
        roots: Option<&Roots>,
        system: &mut SystemRoots,
    ) -> Result<Self, TlsError> {
        let failed = |message| TlsError {
            upstream: upstream.to_owned(),
            message,
        };
        let store = match roots {
            Some(roots) => roots.store(),
            None => system.store().map_err(failed)?,
        };
        let name =
            server_name(host).ok_or_else(|| failed(format!("`{host}` cannot be named in TLS")))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // No ALPN: what is spoken is HTTP/1.1. No early data, which could be replayed: it is off
        // unless it is asked for.
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.to_string()))?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            name,
        })
    }
}

fn server_name(host: &Host<String>) -> Option<ServerName<'static>> {
    match host {
        Host::Ipv4(address) => Some(ServerName::from(IpAddr::from(*address))),
        Host::Ipv6(address) => Some(ServerName::from(IpAddr::from(*address))),
        Host::Domain(name) => ServerName::try_from(name.clone()).ok(),
    }
}

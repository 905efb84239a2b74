//! HTTP clients: between roles, and to the outside (models, webhooks). Never the tool path.

mod peer;

use std::sync::Once;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder};

pub use peer::{Answer, Peer, PeerError};

/// A client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the HTTP client")]
pub struct ClientError(#[from] reqwest::Error);

/// A client for calls between roles: no redirects, no retries, no proxy from the environment, 2 s to
/// connect, 35 s in all.
///
/// # Errors
/// [`ClientError`].
pub fn internal() -> Result<Client, ClientError> {
    let builder = base().no_proxy().connect_timeout(Duration::from_secs(2));
    Ok(builder.timeout(Duration::from_secs(35)).build()?)
}

/// A client for calls between roles that answer without end (event streams): as [`internal`], but only
/// silence, for 60 s, ends an answer.
///
/// # Errors
/// [`ClientError`].
pub fn streaming() -> Result<Client, ClientError> {
    let builder = base().no_proxy().connect_timeout(Duration::from_secs(2));
    Ok(builder.read_timeout(Duration::from_mins(1)).build()?)
}

/// A client for servers outside: no redirects, no retries, 10 s to connect, at most `timeout` in all. A
/// proxy named by the environment is used.
///
/// # Errors
/// [`ClientError`].
pub fn external(timeout: Duration) -> Result<Client, ClientError> {
    let builder = base().connect_timeout(Duration::from_secs(10));
    Ok(builder.timeout(timeout).build()?)
}

/// Makes ring the crypto provider of every TLS connection in this process. Idempotent.
pub fn install_crypto_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error says that somebody installed one before, which is then used.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn base() -> ClientBuilder {
    install_crypto_provider();
    Client::builder()
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .pool_idle_timeout(Duration::from_secs(30))
        .tcp_nodelay(true)
        .tls_certs_only(system_roots())
}

/// The system's certificate authorities. A machine without them can still speak plain HTTP to its own
/// roles; HTTPS then fails with the peer's name.
fn system_roots() -> Vec<Certificate> {
    let roots = rustls_native_certs::load_native_certs();
    for error in &roots.errors {
        tracing::debug!(%error, "a system certificate was not read");
    }
    roots
        .certs
        .iter()
        .filter_map(|root| Certificate::from_der(root).ok())
        .collect()
}

#[cfg(test)]
mod tests;

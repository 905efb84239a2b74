//! Dialling: addresses are resolved and checked here, and the checked one is the one dialled.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use url::Host;

use super::target::Target;
use super::wire::Connection;

/// How long a name's addresses are remembered.
const REMEMBERED: Duration = Duration::from_secs(5);

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
    #[error("`{0}` does not take connections in time")]
    Time(String),
    #[error("TLS with `{0}` failed")]
    Tls(String, #[source] io::Error),
}

/// The addresses of a name, for a while.
#[derive(Default)]
pub(super) struct Addresses(Mutex<Option<(Instant, Arc<[SocketAddr]>)>>);

impl Addresses {
    fn known(&self) -> Option<Arc<[SocketAddr]>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, addresses) = known.as_ref()?;
        (since.elapsed() < REMEMBERED).then(|| Arc::clone(addresses))
    }

    fn remember(&self, addresses: Option<Arc<[SocketAddr]>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            addresses.map(|addresses| (Instant::now(), addresses));
    }
}

/// Connects to `target` until `deadline`.
pub(super) async fn dial(target: &Target, deadline: Instant) -> Result<Connection, DialError> {
    let late = |_elapsed| DialError::Time(target.authority().to_owned());
    let stream = timeout_at(deadline, connect(target, deadline))
        .await
        .map_err(late)??;
    // The call is one small write; waiting to fill a packet only delays it.
    let _ = stream.set_nodelay(true);
    let Some(tls) = target.tls() else {
        return Ok(Connection::Plain(stream));
    };
    let shaking = tls.connector.connect(tls.name.clone(), stream);
    match timeout_at(deadline, shaking).await.map_err(late)? {
        Ok(stream) => Ok(Connection::Tls(Box::new(stream))),
        Err(error) => Err(DialError::Tls(target.authority().to_owned(), error)),
    }
}

async fn connect(target: &Target, deadline: Instant) -> Result<TcpStream, DialError> {
    let port = target.port();
    let name = match target.host() {
        Host::Ipv4(address) => return among(target, &[(*address, port).into()], deadline).await,
        Host::Ipv6(address) => return among(target, &[(*address, port).into()], deadline).await,
        Host::Domain(name) => name,
    };
    if let Some(known) = target.addresses().known() {
        // Nothing was written to any of them, so asking again and trying again doubles nothing.
        if let Ok(stream) = among(target, &known, deadline).await {
            return Ok(stream);
        }
        target.addresses().remember(None);
    }
    let found: Vec<SocketAddr> = match lookup_host((name.as_str(), port)).await {
        Ok(found) => found.collect(),
        Err(error) => return Err(DialError::Resolve(target.authority().to_owned(), error)),
    };
    let found: Arc<[SocketAddr]> = interleaved(found).into();
    let stream = among(target, &found, deadline).await?;
    target.addresses().remember(Some(found));
    Ok(stream)
}

/// The first of `addresses` that may be dialled and takes the connection. Each but the last gets its
/// share of the time, so that one that swallows everything does not stand for all.
async fn among(
    target: &Target,
    addresses: &[SocketAddr],
    deadline: Instant,
) -> Result<TcpStream, DialError> {
    let permitted = addresses
        .iter()
        .filter(|address| target.permits(address.ip()));
    let mut left = u32::try_from(permitted.clone().count()).unwrap_or(u32::MAX);
    if left == 0 {
        tracing::warn!(
            upstream = target.name(),
            "no address of the upstream may be dialled"
        );
        return Err(DialError::Forbidden(target.authority().to_owned()));
    }
    let mut last = io::Error::from(io::ErrorKind::NotConnected);
    for address in permitted {
        let now = Instant::now();
        let share = deadline.saturating_duration_since(now).checked_div(left);
        left = left.saturating_sub(1);
        let until = now + share.unwrap_or_default();
        match timeout_at(until, TcpStream::connect(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_elapsed) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(DialError::Connect(target.authority().to_owned(), last))
}

/// The addresses with the families taking turns, the preferred one first (RFC 8305 §4).
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let six_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, others): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == six_first);
    let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
    let mut ordered = Vec::new();
    loop {
        let pair = [preferred.next(), others.next()];
        if pair == [None, None] {
            return ordered;
        }
        ordered.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_the_first_one_stays_first() {
        let parse = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let given = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"]);
        let expected = parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]);
        assert_eq!(interleaved(given), expected);
        assert!(interleaved(Vec::new()).is_empty());
    }
}

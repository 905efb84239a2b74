//! The enforcers as the authority sees them: whom it tells of control changes, whom it asks about
//! tokens, and whose receipts it believes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use countersign_intent::id::{IntentId, KeyId};
use countersign_intent::key::{JwkSet, KeyError, VerifyingKeys};
use countersign_service::client::{Peer, PeerError};
use countersign_service::clock::Clock;
use countersign_service::files::{self, FileError};
use futures_util::future::join_all;
use http::{HeaderMap, Method};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::control::ControlView;

/// How often, at most, enforcers are asked for keys that are not known.
const KEYS_EVERY: Duration = Duration::from_secs(2);
/// How long an enforcer may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why an enforcer's word is not to be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AskError {
    /// There is none.
    #[error("no enforcer is configured")]
    Nobody,
    /// It did not answer in time.
    #[error("the enforcer at `{0}` did not answer in time")]
    Late(String),
    /// It did not answer, or not as agreed.
    #[error("an enforcer did not answer: {0}")]
    Peer(#[from] PeerError),
}

/// Why an enforcer's keys were not pinned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// The file cannot be read or written.
    #[error("cannot keep the enforcers' pinned keys")]
    File(#[from] FileError),
    /// The file is no key set.
    #[error("`{}` is no key set: {message}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A key is not usable.
    #[error("an enforcer's key is not usable")]
    Key(#[from] KeyError),
}

/// What became of a token, by all enforcers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It expired unused, or the call never left, everywhere: another may be issued.
    Spent,
    /// It may still run, or ran, or nobody knows.
    Open,
}

/// Handle to the configured enforcers; clones share the pinned keys.
#[derive(Clone, Debug)]
pub(crate) struct Enforcers {
    peers: Arc<[Peer]>,
    clock: Clock,
    pins: Arc<Pins>,
}

#[derive(Debug)]
struct Pins {
    path: PathBuf,
    keys: RwLock<Arc<VerifyingKeys>>,
    last_asked: Mutex<Option<Duration>>,
}

#[derive(Deserialize)]
struct IntentAnswer {
    state: String,
    #[serde(default)]
    resolution: Option<String>,
    now: Timestamp,
}

impl IntentAnswer {
    fn is_spent(&self, expires_at: Timestamp) -> bool {
        match self.state.as_str() {
            "unused" => self.now >= expires_at,
            "not_sent" => true,
            "resolved" => self.resolution.as_deref() == Some("not_executed"),
            _ => false,
        }
    }
}

impl Enforcers {
    /// The enforcers `peers`, with the keys that were pinned in `folder`.
    pub(crate) fn load(folder: &Path, peers: Vec<Peer>, clock: Clock) -> Result<Self, PinError> {
        let path = folder.join("enforcers.jwks");
        let keys = match files::read_text_if_present(&path)? {
            Some(text) => {
                let set: JwkSet = serde_json::from_str(&text).map_err(|error| PinError::Form {
                    path: path.clone(),
                    message: error.to_string(),
                })?;
                VerifyingKeys::from_jwks(&set)?
            }
            None => VerifyingKeys::default(),
        };
        let pins = Pins {
            path,
            keys: RwLock::new(Arc::new(keys)),
            last_asked: Mutex::default(),
        };
        Ok(Self {
            peers: peers.into(),
            clock,
            pins: Arc::new(pins),
        })
    }

    /// The enforcers' keys. When `wanted` is not among them the enforcers are asked first, at most
    /// every [`KEYS_EVERY`]; a key once pinned is never dropped or replaced.
    pub(crate) async fn keys(&self, wanted: &KeyId) -> Arc<VerifyingKeys> {
        let known = self.pins.snapshot();
        if known.get(wanted).is_some() || !self.pins.may_ask(&self.clock) {
            return known;
        }
        for peer in self.peers.iter() {
            let asked = patiently(peer, peer.get::<JwkSet>("/.well-known/jwks.json")).await;
            match asked {
                Ok(set) => {
                    if let Err(error) = self.pins.add(&set) {
                        tracing::error!(enforcer.url = peer.base(), %error, "a key was not pinned");
                    }
                }
                Err(error) => {
                    tracing::warn!(enforcer.url = peer.base(), %error, "no keys of an enforcer");
                }
            }
        }
        self.pins.snapshot()
    }

    /// What became of the token `jti` that expires at `expires_at`.
    pub(crate) async fn fate(
        &self,
        jti: &IntentId,
        expires_at: Timestamp,
    ) -> Result<Fate, AskError> {
        if self.peers.is_empty() {
            return Err(AskError::Nobody);
        }
        for peer in self.peers.iter() {
            let path = format!("/v1/intents/{jti}");
            let answer: IntentAnswer = patiently(peer, peer.get(&path)).await?;
            if !answer.is_spent(expires_at) {
                return Ok(Fate::Open);
            }
        }
        Ok(Fate::Spent)
    }

    /// Sends the control document to every enforcer; answers who took it and who did not.
    pub(crate) async fn push(&self, control: &ControlView) -> Acknowledged {
        let headers = HeaderMap::new();
        let sent = self.peers.iter().map(|peer| async {
            let call = peer.call::<_, Value>(Method::PUT, "/v1/control", &headers, Some(control));
            (peer.base().to_owned(), patiently(peer, call).await)
        });
        let mut acknowledged = Acknowledged::default();
        for (url, answer) in join_all(sent).await {
            match answer {
                Ok(_) => acknowledged.acknowledged.push(url),
                Err(error) => {
                    tracing::warn!(enforcer.url = url, %error, "an enforcer did not take control");
                    acknowledged.missing.push(url);
                }
            }
        }
        acknowledged
    }
}

async fn patiently<T>(
    peer: &Peer,
    asking: impl Future<Output = Result<T, PeerError>>,
) -> Result<T, AskError> {
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(AskError::Late(peer.base().to_owned())),
    }
}

/// Which enforcers took a control document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    pub(crate) acknowledged: Vec<String>,
    pub(crate) missing: Vec<String>,
}

impl Pins {
    fn snapshot(&self) -> Arc<VerifyingKeys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn may_ask(&self, clock: &Clock) -> bool {
        let now = clock.monotonic();
        let mut last = self
            .last_asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|last| now.saturating_sub(last) >= KEYS_EVERY);
        if may {
            *last = Some(now);
        }
        may
    }

    fn add(&self, set: &JwkSet) -> Result<(), PinError> {
        let fetched = VerifyingKeys::from_jwks(set)?;
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = |key: &&_| {
            keys.get(countersign_intent::key::VerifyingKey::kid(key))
                .is_none()
        };
        let new: Vec<_> = fetched.iter().filter(is_new).cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        for key in &new {
            tracing::info!(key.id = %key.kid(), "pinned an enforcer's receipt key");
        }
        let all: VerifyingKeys = keys.iter().cloned().chain(new).collect();
        let text = serde_json::to_vec(&all.to_jwks()).unwrap_or_default();
        files::write_private(&self.path, &text)?;
        *keys = Arc::new(all);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_no_longer_run_is_spent() {
        let expires_at: Timestamp = "2030-01-01T00:01:00Z".parse().unwrap();
        let spent = |state: &str, resolution: Option<&str>, now: &str| {
            let answer = IntentAnswer {
                state: state.to_owned(),
                resolution: resolution.map(str::to_owned),
                now: now.parse().unwrap(),
            };
            answer.is_spent(expires_at)
        };
        assert!(!spent("unused", None, "2030-01-01T00:00:59Z"));
        assert!(spent("unused", None, "2030-01-01T00:01:00Z"));
        assert!(spent("not_sent", None, "2030-01-01T00:00:00Z"));
        assert!(spent(
            "resolved",
            Some("not_executed"),
            "2030-01-01T00:00:00Z"
        ));
        for (state, resolution) in [
            ("consumed", None),
            ("done", None),
            ("in_doubt", None),
            ("resolved", Some("executed")),
        ] {
            assert!(!spent(state, resolution, "2031-01-01T00:00:00Z"), "{state}");
        }
    }

    #[test]
    fn a_pinned_key_stays_and_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let key = |seed| countersign_intent::key::SigningKey::from_seed(&[seed; 32]).unwrap();
        let set = |seed| JwkSet {
            keys: vec![key(seed).verifying_key().to_jwk()],
        };
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let enforcers = Enforcers::load(folder.path(), Vec::new(), clock.clone()).unwrap();
        enforcers.pins.add(&set(1)).unwrap();
        enforcers.pins.add(&set(2)).unwrap();
        let again = Enforcers::load(folder.path(), Vec::new(), clock).unwrap();
        for seed in [1, 2] {
            assert!(again.pins.snapshot().get(key(seed).kid()).is_some());
        }
    }
}

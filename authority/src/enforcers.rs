//! The enforcers as the authority sees them: whom it tells of control changes, whom it asks about
//! tokens, and whose receipts it believes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use countersign_intent::id::{IntentId, KeyId};
use countersign_intent::key::{JwkSet, KeyError, VerifyingKeys};
use countersign_service::clock::Clock;
use countersign_service::credential::SecretKey;
use countersign_service::files::{self, FileError};
use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

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
    /// It did not answer, or not as agreed.
    #[error("the enforcer at `{url}` did not answer")]
    Silent {
        /// Its address.
        url: Url,
        /// Why.
        source: reqwest::Error,
    },
    /// It published a key that is not usable.
    #[error("the enforcer at `{url}` published an unusable key")]
    Key {
        /// Its address.
        url: Url,
        /// Why.
        source: KeyError,
    },
    /// The pinned keys cannot be kept.
    #[error("the enforcers' keys cannot be kept")]
    Pin(#[from] FileError),
}

/// Why the pinned keys were not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// The file cannot be read.
    #[error("cannot read the enforcers' pinned keys")]
    File(#[from] FileError),
    /// The file is no key set.
    #[error("`{}` is no key set: {message}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A key in it is not usable.
    #[error("a pinned enforcer key is not usable")]
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
    urls: Arc<[Url]>,
    http: reqwest::Client,
    service_key: Option<SecretKey>,
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

impl Enforcers {
    /// Takes the keys pinned in `folder`, and the enforcers at `urls`.
    pub(crate) fn load(
        folder: &Path,
        urls: Vec<Url>,
        http: reqwest::Client,
        service_key: Option<SecretKey>,
        clock: Clock,
    ) -> Result<Self, PinError> {
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
        let pins = Pins { path, keys: RwLock::new(Arc::new(keys)), last_asked: Mutex::default() };
        Ok(Self { urls: urls.into(), http, service_key, clock, pins: Arc::new(pins) })
    }

    /// The configured addresses.
    pub(crate) fn urls(&self) -> &[Url] {
        &self.urls
    }

    /// The enforcers' keys. When `wanted` is not among them the enforcers are asked first, at most
    /// every [`KEYS_EVERY`]; a key once pinned is never dropped or replaced.
    pub(crate) async fn keys(&self, wanted: Option<&KeyId>) -> Arc<VerifyingKeys> {
        let known = self.pins.snapshot();
        if wanted.is_some_and(|kid| known.get(kid).is_some()) || !self.pins.may_ask(&self.clock) {
            return known;
        }
        for url in self.urls.iter() {
            match self.fetch_keys(url).await {
                Ok(fetched) => {
                    if let Err(error) = self.pins.add(&fetched) {
                        tracing::error!(error = %error, "cannot keep an enforcer's key");
                    }
                }
                Err(error) => tracing::warn!(enforcer.url = %url, error = %error, "no enforcer keys"),
            }
        }
        self.pins.snapshot()
    }

    async fn fetch_keys(&self, url: &Url) -> Result<VerifyingKeys, AskError> {
        let silent = |source| AskError::Silent { url: url.clone(), source };
        let set: JwkSet = self
            .http
            .get(at(url, ".well-known/jwks.json"))
            .timeout(PATIENCE)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(silent)?
            .json()
            .await
            .map_err(silent)?;
        VerifyingKeys::from_jwks(&set).map_err(|source| AskError::Key { url: url.clone(), source })
    }

    /// What became of the token `jti` that expires at `expires_at`.
    pub(crate) async fn fate(
        &self,
        jti: &IntentId,
        expires_at: Timestamp,
    ) -> Result<Fate, AskError> {
        if self.urls.is_empty() {
            return Err(AskError::Nobody);
        }
        for url in self.urls.iter() {
            let answer = self.ask(url, jti).await?;
            let spent = match answer.state.as_str() {
                "unused" => answer.now >= expires_at,
                "not_sent" => true,
                "resolved" => answer.resolution.as_deref() == Some("not_executed"),
                _ => false,
            };
            if !spent {
                return Ok(Fate::Open);
            }
        }
        Ok(Fate::Spent)
    }

    async fn ask(&self, url: &Url, jti: &IntentId) -> Result<IntentAnswer, AskError> {
        let silent = |source| AskError::Silent { url: url.clone(), source };
        let request = self.http.get(at(url, &format!("v1/intents/{jti}"))).timeout(PATIENCE);
        self.authorized(request)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(silent)?
            .json()
            .await
            .map_err(silent)
    }

    /// Sends the control document to every enforcer; answers who took it and who did not.
    pub(crate) async fn push(&self, control: &ControlView) -> Acknowledged {
        let mut answer = Acknowledged::default();
        for url in self.urls.iter() {
            let request = self.http.put(at(url, "v1/control")).timeout(PATIENCE).json(control);
            let sent = self.authorized(request).send().await;
            match sent.and_then(reqwest::Response::error_for_status) {
                Ok(_) => answer.acknowledged.push(url.to_string()),
                Err(error) => {
                    tracing::warn!(enforcer.url = %url, error = %error, "control was not taken");
                    answer.missing.push(url.to_string());
                }
            }
        }
        answer
    }

    fn authorized(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.service_key {
            Some(key) => request.bearer_auth(key.expose()),
            None => request,
        }
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
        let mut last = self.last_asked.lock().unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|last| now.saturating_sub(last) >= KEYS_EVERY);
        if may {
            *last = Some(now);
        }
        may
    }

    fn add(&self, fetched: &VerifyingKeys) -> Result<(), AskError> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let new: Vec<_> = fetched.iter().filter(|key| keys.get(key.kid()).is_none()).cloned().collect();
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

/// `path` below the enforcer's base address.
fn at(base: &Url, path: &str) -> String {
    format!("{}/{path}", base.as_str().trim_end_matches('/'))
}

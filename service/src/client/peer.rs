//! Another role: its address, our key, its problems as errors.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use reqwest::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::credential::SecretKey;
use crate::problem::ProblemDocument;
use crate::server::request_id;

/// The largest answer that is read from another role.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// Another role of the deployment.
#[derive(Clone, Debug)]
pub struct Peer {
    client: Client,
    base: String,
    key: Option<SecretKey>,
}

/// What a peer answered, when it did not answer a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// 2xx.
    pub status: StatusCode,
    /// The body.
    pub body: T,
}

/// A peer did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// No answer: refused, unreachable, or not in time. Whether it was carried out is not known unless
    /// [`PeerError::not_sent`].
    #[error("`{base}` does not answer")]
    Unreachable {
        /// Its address.
        base: String,
        /// Why.
        source: reqwest::Error,
    },
    /// It answered a problem.
    #[error("{}: {}", .0.code, .0.detail)]
    Problem(Box<ProblemDocument>),
    /// It answered something that is not of its contract.
    #[error("`{base}` answered {status} with something else than its contract says: {message}")]
    Unreadable {
        /// Its address.
        base: String,
        /// The status.
        status: StatusCode,
        /// Why it cannot be read.
        message: String,
    },
}

impl Peer {
    /// The role at `base` (`http://127.0.0.1:8002`), to be asked through `client` with `key`.
    pub fn new(client: Client, base: &str, key: Option<SecretKey>) -> Self {
        Self {
            client,
            base: base.trim_end_matches('/').to_owned(),
            key,
        }
    }

    /// Its address, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The same role asked with another key.
    #[must_use]
    pub fn with_key(&self, key: SecretKey) -> Self {
        Self {
            key: Some(key),
            ..self.clone()
        }
    }

    /// `GET path`.
    ///
    /// # Errors
    /// Each [`PeerError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, PeerError> {
        let answer = self
            .call::<(), T>(Method::GET, path, &HeaderMap::new(), None)
            .await?;
        Ok(answer.body)
    }

    /// `POST path` with a JSON body.
    ///
    /// # Errors
    /// Each [`PeerError`].
    pub async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<Answer<T>, PeerError> {
        self.call(Method::POST, path, &HeaderMap::new(), Some(body))
            .await
    }

    /// Any method, further headers, and a JSON body where given.
    ///
    /// # Errors
    /// Each [`PeerError`].
    pub async fn call<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        headers: &HeaderMap,
        body: Option<&B>,
    ) -> Result<Answer<T>, PeerError> {
        let response = self.send(method, path, headers, body, None).await?;
        let status = response.status();
        let bytes = self.read(response).await?;
        if status.is_success() {
            let body =
                parse(&bytes).map_err(|error| self.unreadable(status, &error.to_string()))?;
            return Ok(Answer { status, body });
        }
        match serde_json::from_slice::<ProblemDocument>(&bytes) {
            Ok(problem) => Err(PeerError::Problem(Box::new(problem))),
            Err(error) => Err(self.unreadable(status, &error.to_string())),
        }
    }

    /// Sends a request and gives the answer as it comes, for callers that forward or stream it.
    ///
    /// # Errors
    /// [`PeerError::Unreachable`].
    pub async fn send<B: Serialize + Sync>(
        &self,
        method: Method,
        path: &str,
        headers: &HeaderMap,
        body: Option<&B>,
        timeout: Option<Duration>,
    ) -> Result<reqwest::Response, PeerError> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose());
        }
        if let Some(id) = request_id() {
            request = request.header("x-request-id", id);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(timeout) = timeout {
            request = request.timeout(timeout);
        }
        request
            .headers(headers.clone())
            .send()
            .await
            .map_err(|source| self.unreachable(source))
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Vec<u8>, PeerError> {
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|source| self.unreachable(source))?
        {
            if bytes.len().saturating_add(chunk.len()) > MAX_ANSWER {
                return Err(self.unreadable(status, "the answer is too large"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn unreachable(&self, source: reqwest::Error) -> PeerError {
        PeerError::Unreachable {
            base: self.base.clone(),
            source: source.without_url(),
        }
    }

    fn unreadable(&self, status: StatusCode, message: &str) -> PeerError {
        PeerError::Unreadable {
            base: self.base.clone(),
            status,
            message: message.to_owned(),
        }
    }
}

/// An empty body reads as null.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    if bytes.is_empty() {
        serde_json::from_value(Value::Null)
    } else {
        serde_json::from_slice(bytes)
    }
}

impl PeerError {
    /// The problem, where the peer answered one.
    pub fn problem(&self) -> Option<&ProblemDocument> {
        match self {
            Self::Problem(problem) => Some(problem),
            Self::Unreachable { .. } | Self::Unreadable { .. } => None,
        }
    }

    /// The code of the problem, where the peer answered one.
    pub fn code(&self) -> Option<&str> {
        self.problem().map(|problem| problem.code.as_str())
    }

    /// Whether it is certain that the peer never saw the request.
    pub fn not_sent(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => source.is_connect(),
            Self::Problem(_) | Self::Unreadable { .. } => false,
        }
    }
}

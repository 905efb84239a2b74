//! One request to a provider: bounded in time by its client, bounded in size here.

use countersign_intent::json;
use reqwest::RequestBuilder;
use serde_json::Value;

use super::{Model, ModelError};

/// The largest answer that is read: the strict reader's limit and room for the envelope.
const MAX_ANSWER: usize = json::MAX_BYTES + 64 * 1024;

impl Model {
    /// A `POST` of `body` to `path` of the provider.
    pub(super) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base)).json(body)
    }

    /// As [`Model::post`], for providers whose address may already end in `/v1`.
    pub(super) fn post_v1(&self, path: &str, body: &Value) -> RequestBuilder {
        let base = self.base.strip_suffix("/v1").unwrap_or(&self.base);
        self.client.post(format!("{base}/v1{path}")).json(body)
    }

    /// The provider's key, where one is configured.
    pub(super) fn api_key(&self) -> Option<&str> {
        self.config
            .api_key
            .as_ref()
            .map(countersign_service::credential::SecretKey::expose)
    }

    /// Sends `request` and reads the body of a 2xx answer, as far as it is allowed to go.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Vec<u8>, ModelError> {
        let unreachable = |error: reqwest::Error| ModelError::Unreachable {
            base: self.base.clone(),
            message: if error.is_timeout() {
                "no answer in time".to_owned()
            } else {
                kind(&error)
            },
        };
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if !status.is_success() {
            return Err(ModelError::Status {
                status: status.as_u16(),
            });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len().saturating_add(chunk.len()) > MAX_ANSWER {
                return Err(ModelError::Envelope(format!(
                    "more than {MAX_ANSWER} bytes"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// The error in one word: its own text may hold the address with a key in it.
fn kind(error: &reqwest::Error) -> String {
    let kind = if error.is_connect() {
        "cannot connect"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the request failed"
    };
    kind.to_owned()
}

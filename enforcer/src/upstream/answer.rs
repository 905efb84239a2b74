//! An answer's body: hashed whole, kept in part, scrubbed of the credential.

use countersign_intent::digest::Digest;
use countersign_intent::json;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::scrub::Scrubber;
use super::target::Target;
use crate::journal::call::BodyDigest;

/// Bytes of an answer that are kept.
const KEPT: usize = 1024 * 1024;
/// Bytes of an answer that are read at all.
const MAX: u64 = 64 * 1024 * 1024;

/// Why a body is not complete.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum BodyError {
    #[error("the answer broke off or is malformed")]
    Broken(#[from] hyper::Error),
    #[error("the answer is longer than {MAX} bytes")]
    TooLong,
}

/// A complete body.
#[derive(Debug)]
pub(crate) struct Body {
    /// What callers are shown.
    pub(crate) result: Value,
    /// Of the bytes as they came.
    pub(crate) digest: BodyDigest,
    /// Whether the result is only the beginning.
    pub(crate) truncated: bool,
}

impl Body {
    /// Reads the body to its end.
    pub(super) async fn read(mut body: Incoming, target: &Target) -> Result<Self, BodyError> {
        let mut hasher = Sha256::new();
        let mut kept = Vec::new();
        let mut length = 0_u64;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else {
                continue;
            };
            length = length.saturating_add(data.len() as u64);
            if length > MAX {
                return Err(BodyError::TooLong);
            }
            hasher.update(&data);
            let room = KEPT.saturating_sub(kept.len());
            kept.extend(data.iter().take(room));
        }
        let digest = BodyDigest {
            sha256: Digest::from_bytes(hasher.finalize().into()),
            length,
        };
        let truncated = length > kept.len() as u64;
        Ok(Self {
            result: shown(kept, truncated, target),
            digest,
            truncated,
        })
    }
}

/// The answer as callers see it: a JSON value where it is one, else text.
fn shown(mut kept: Vec<u8>, truncated: bool, target: &Target) -> Value {
    let scrubber = Scrubber::new(target.name(), target.credential());
    if truncated {
        // A credential that the cut went through would no longer be recognised.
        kept.truncate(kept.len().saturating_sub(scrubber.longest()));
    }
    let kept = scrubber.bytes(&kept);
    if kept.is_empty() {
        return Value::Null;
    }
    let value = match json::read(&kept) {
        Ok(value) if !truncated => value,
        Ok(_) | Err(_) => Value::String(String::from_utf8_lossy(&kept).into_owned()),
    };
    // Again on the values: escapes hide text from a search through bytes.
    scrubber.value(value)
}

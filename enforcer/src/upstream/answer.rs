//! An answer's body: hashed whole, kept in part, scrubbed of the credential.

use bytes::Bytes;
use countersign_intent::digest::Digest;
use countersign_intent::json;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::scrub::Scrubber;
use crate::journal::call::BodyDigest;

/// Bytes of an answer that are kept.
const KEPT: usize = 1024 * 1024;
/// Bytes of an answer that are read at all.
pub(super) const MAX: u64 = 64 * 1024 * 1024;

/// Pieces in which a body may come; each costs work, however short it is.
const PIECES: u32 = 1 << 20;

/// Why a body is not complete.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum BodyError {
    #[error("the answer broke off or is malformed")]
    Broken(#[from] hyper::Error),
    #[error("the answer is longer than {MAX} bytes")]
    TooLong,
    #[error("the answer comes in more than {PIECES} pieces")]
    TooMany,
}

/// A complete body.
#[derive(Debug)]
pub(crate) struct Body {
    /// What callers are shown.
    pub(crate) result: Value,
    /// What passes through the proxy door: the bytes that came, without the credential; as far as they
    /// were kept.
    pub(crate) passed: Bytes,
    /// Of the bytes as they came.
    pub(crate) digest: BodyDigest,
    /// Whether the result is only the beginning.
    pub(crate) truncated: bool,
}

impl Body {
    /// Reads the body to its end.
    pub(super) async fn read(mut body: Incoming, scrubber: &Scrubber) -> Result<Self, BodyError> {
        // Memory follows what came, never what a header promises.
        let promised = body.size_hint().upper().unwrap_or(0);
        if promised > MAX {
            return Err(BodyError::TooLong);
        }
        let mut hasher = Sha256::new();
        let mut kept = Vec::new();
        let mut length = 0_u64;
        let mut pieces = 0_u32;
        while let Some(frame) = body.frame().await {
            pieces = pieces.saturating_add(1);
            if pieces > PIECES {
                return Err(BodyError::TooMany);
            }
            let Ok(data) = frame?.into_data() else {
                continue;
            };
            length = length.saturating_add(data.len() as u64);
            if length > MAX {
                return Err(BodyError::TooLong);
            }
            hasher.update(&data);
            let room = KEPT.saturating_sub(kept.len()).min(data.len());
            kept.extend_from_slice(data.get(..room).unwrap_or_default());
        }
        let digest = BodyDigest {
            sha256: Digest::from_bytes(hasher.finalize().into()),
            length,
        };
        let truncated = length > kept.len() as u64;
        let (result, passed) = shown(kept, truncated, scrubber);
        Ok(Self {
            result,
            passed,
            digest,
            truncated,
        })
    }
}

/// The answer as callers see it, a JSON value where it is one, else text; and as it passes through.
fn shown(kept: Vec<u8>, truncated: bool, scrubber: &Scrubber) -> (Value, Bytes) {
    if kept.is_empty() {
        return (Value::Null, Bytes::new());
    }
    if truncated {
        let beginning = scrubber.beginning(text(&kept));
        return (Value::String(beginning), Bytes::new());
    }
    let suspect = scrubber.suspects(&kept);
    let (value, is_json) = match json::read(&kept) {
        Ok(value) => (value, true),
        Err(_not_json) => (Value::String(text(&kept)), false),
    };
    if !suspect {
        return (value, Bytes::from(kept));
    }
    let value = scrubber.value(value);
    // Bytes that may hide something behind escapes do not pass as they came.
    let passed = match value.as_str() {
        Some(text) if !is_json => Bytes::from(text.to_owned()),
        Some(_) | None => Bytes::from(value.to_string()),
    };
    (value, passed)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

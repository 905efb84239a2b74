//! Compact JWS with EdDSA over Ed25519 (RFC 7515 §7.1, RFC 8037 §3.1).
//!
//! `jsonwebtoken` encodes and opens the envelope through the provider below, which verifies with
//! `verify_strict`. No check of that crate beyond the signature is relied upon: the header is compared
//! whole, and claims are read by the strict reader.

use std::sync::Once;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::KeyId;
use crate::json;
use crate::key::{SigningKey, VerifyingKeys};

/// The largest accepted envelope, in bytes.
pub const MAX_BYTES: usize = 4_096;

/// Why an envelope was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Over [`MAX_BYTES`], not three base64url parts, or a payload that is no strict JSON.
    #[error("not a compact JWS of at most {MAX_BYTES} bytes")]
    Malformed,
    /// Not exactly `alg` `EdDSA`, a `kid` and the expected `typ`.
    #[error("the header is not exactly alg `EdDSA`, a kid and typ `{0}`")]
    Header(String),
    /// The key is not in the key set.
    #[error("key `{0}` is not in the key set")]
    Key(KeyId),
    /// The signature does not verify.
    #[error("the signature does not verify under key `{0}`")]
    Signature(KeyId),
    /// The payload is not JSON that the strict reader takes.
    #[error("the claims are not readable: {0}")]
    Claims(String),
}

/// The header, in full: another or repeated member refuses.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExactHeader {
    alg: String,
    kid: KeyId,
    typ: String,
}

/// An opened envelope: the claims, and the key that signed them.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) kid: KeyId,
    pub(crate) claims: Value,
}

/// Signs `claims` into a compact JWS of type `typ`.
pub(crate) fn seal(key: &SigningKey, typ: &str, claims: &impl Serialize) -> String {
    install_provider();
    let header = Header {
        typ: Some(typ.to_owned()),
        kid: Some(key.kid().to_string()),
        ..Header::new(Algorithm::EdDSA)
    };
    #[expect(
        clippy::expect_used,
        reason = "our provider signs with every key, and claims are plain data"
    )]
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(key.seed()))
        .expect("plain claims can always be signed")
}

/// Opens a compact JWS of type `typ`: size, header, key, signature, readable claims, in this order.
pub(crate) fn open(text: &str, typ: &str, keys: &VerifyingKeys) -> Result<Opened, OpenError> {
    install_provider();
    let header = header(text, typ)?;
    let key = keys
        .get(&header.kid)
        .ok_or_else(|| OpenError::Key(header.kid.clone()))?;
    let key = DecodingKey::from_ed_der(key.raw());
    match jsonwebtoken::decode::<serde::de::IgnoredAny>(text, &key, &signature_alone()) {
        Ok(_) => {}
        Err(error) if is_signature(&error) => return Err(OpenError::Signature(header.kid)),
        Err(_) => return Err(OpenError::Claims("not a JSON object".to_owned())),
    }
    let claims =
        json::read(&payload(text)?).map_err(|error| OpenError::Claims(error.to_string()))?;
    Ok(Opened {
        kid: header.kid,
        claims,
    })
}

/// The payload of a compact JWS, unverified: for display alone.
///
/// # Errors
/// [`OpenError::Malformed`] when the text is no compact JWS with a JSON payload.
pub fn peek(text: &str) -> Result<Value, OpenError> {
    json::read(&payload(text)?).map_err(|_cause| OpenError::Malformed)
}

fn is_signature(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidSignature | ErrorKind::Base64(_)
    )
}

fn parts(text: &str) -> Result<[&str; 3], OpenError> {
    if text.len() > MAX_BYTES {
        return Err(OpenError::Malformed);
    }
    let mut parts = text.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(signature), None) => Ok([header, payload, signature]),
        _ => Err(OpenError::Malformed),
    }
}

fn payload(text: &str) -> Result<Vec<u8>, OpenError> {
    let [_, payload, _] = parts(text)?;
    URL_SAFE_NO_PAD
        .decode(payload)
        .map_err(|_cause| OpenError::Malformed)
}

fn header(text: &str, typ: &str) -> Result<ExactHeader, OpenError> {
    let [header, payload, signature] = parts(text)?;
    let decode = |part: &str| {
        URL_SAFE_NO_PAD
            .decode(part)
            .map_err(|_cause| OpenError::Malformed)
    };
    let (header, _, _) = (decode(header)?, decode(payload)?, decode(signature)?);
    let refused = || OpenError::Header(typ.to_owned());
    let header: ExactHeader = json::read_as(&header).map_err(|_cause| refused())?;
    if header.alg != "EdDSA" || header.typ != typ {
        return Err(refused());
    }
    Ok(header)
}

/// Every field spelled out: the crate checks the signature and nothing else; the rest is ours.
fn signature_alone() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.leeway = 0;
    validation.reject_tokens_expiring_in_less_than = 0;
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.aud = None;
    validation.iss = None;
    validation.sub = None;
    validation.algorithms = vec![Algorithm::EdDSA];
    validation
}

/// EdDSA over `ed25519-dalek`, and no other algorithm.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| {
        only_eddsa(*algorithm)?;
        Ok(Box::new(Ed25519Signer::new(key)?))
    },
    verifier_factory: |algorithm, key| {
        only_eddsa(*algorithm)?;
        Ok(Box::new(Ed25519Verifier::new(key)?))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

fn only_eddsa(algorithm: Algorithm) -> Result<(), Error> {
    if algorithm == Algorithm::EdDSA {
        Ok(())
    } else {
        Err(ErrorKind::InvalidAlgorithm.into())
    }
}

fn install_provider() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        // A second installation cannot happen: this crate alone installs one.
        let _already = PROVIDER.install_default();
    });
}

struct Ed25519Signer(ed25519_dalek::SigningKey);

impl Ed25519Signer {
    fn new(key: &EncodingKey) -> Result<Self, Error> {
        let seed =
            <&[u8; 32]>::try_from(key.as_bytes()).map_err(|_cause| ErrorKind::InvalidEddsaKey)?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(seed)))
    }
}

impl signature::Signer<Vec<u8>> for Ed25519Signer {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        use ed25519_dalek::Signer as _;
        Ok(self.0.sign(message).to_bytes().to_vec())
    }
}

impl JwtSigner for Ed25519Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct Ed25519Verifier(ed25519_dalek::VerifyingKey);

impl Ed25519Verifier {
    fn new(key: &DecodingKey) -> Result<Self, Error> {
        let bytes = <&[u8; 32]>::try_from(key.try_get_as_bytes()?)
            .map_err(|_cause| ErrorKind::InvalidEddsaKey)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes)
            .map_err(|_cause| ErrorKind::InvalidEddsaKey)?;
        Ok(Self(key))
    }
}

impl signature::Verifier<Vec<u8>> for Ed25519Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let signature = ed25519_dalek::Signature::from_slice(signature)
            .map_err(|_cause| signature::Error::new())?;
        self.0
            .verify_strict(message, &signature)
            .map_err(|_cause| signature::Error::new())
    }
}

impl JwtVerifier for Ed25519Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

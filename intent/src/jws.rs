//! Compact JWS with EdDSA over Ed25519 (RFC 7515 §7.1, RFC 8037 §3.1).
//!
//! `jsonwebtoken` encodes the envelope and checks its signature through the provider below, which
//! verifies with `verify_strict`. Nothing else of that crate is relied upon: the header is compared
//! whole, and claims are decoded once and read once, by the strict reader.

use std::cell::RefCell;
use std::sync::{Arc, Once};
use std::thread::LocalKey;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::KeyId;
use crate::json;
use crate::key::{SigningKey, VerifyingKey, VerifyingKeys};

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
    // The public key names the signer that is at hand, so that no seed gets into the crate's hands.
    let name = EncodingKey::from_ed_der(&key.verifying_key().to_bytes());
    let _at_hand = AtHand::put(&SIGNER, key.ready());
    #[expect(
        clippy::expect_used,
        reason = "our provider signs with every key, and claims are plain data"
    )]
    jsonwebtoken::encode(&header, claims, &name).expect("plain claims can always be signed")
}

/// Opens a compact JWS of type `typ`: size, header, key, signature, readable claims, in this order.
pub(crate) fn open(text: &str, typ: &str, keys: &VerifyingKeys) -> Result<Opened, OpenError> {
    let (message, [header, payload, signature]) = parts(text)?;
    let payload = decode(payload)?;
    // Whether the signature has 64 bytes is for the provider to see; that it is base64url, for us.
    drop(decode(signature)?);
    let mut buffer = [0; HEADER_BYTES];
    let key = if let Some(kid) = usual_kid(header, typ, &mut buffer) {
        keys.named(kid).ok_or_else(|| unknown(kid))?
    } else {
        let kid = exact_header(header, typ)?.kid;
        keys.get(&kid).ok_or(OpenError::Key(kid))?
    };
    if !verifies(message, signature, key) {
        return Err(OpenError::Signature(key.kid().clone()));
    }
    let claims = json::read(&payload).map_err(|error| OpenError::Claims(error.to_string()))?;
    if !claims.is_object() {
        return Err(OpenError::Claims("not a JSON object".to_owned()));
    }
    Ok(Opened {
        kid: key.kid().clone(),
        claims,
    })
}

fn unknown(kid: &str) -> OpenError {
    match kid.parse() {
        Ok(kid) => OpenError::Key(kid),
        Err(_) => OpenError::Malformed,
    }
}

/// `jsonwebtoken` decodes the signature and asks our provider, which takes the key that is at hand.
fn verifies(message: &str, signature: &str, key: &VerifyingKey) -> bool {
    install_provider();
    let _at_hand = AtHand::put(&VERIFIER, key.ready());
    let (message, name) = (message.as_bytes(), key.envelope());
    jsonwebtoken::crypto::verify(signature, message, name, Algorithm::EdDSA).unwrap_or(false)
}

/// The payload of a compact JWS, unverified: for display alone.
///
/// # Errors
/// [`OpenError::Malformed`] when the text is no compact JWS with a JSON payload.
pub fn peek(text: &str) -> Result<Value, OpenError> {
    json::read(&payload(text)?).map_err(|_cause| OpenError::Malformed)
}

/// Splits a compact JWS into what is signed and its three parts.
fn parts(text: &str) -> Result<(&str, [&str; 3]), OpenError> {
    if text.len() > MAX_BYTES {
        return Err(OpenError::Malformed);
    }
    let (message, signature) = text.rsplit_once('.').ok_or(OpenError::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(OpenError::Malformed)?;
    if payload.contains('.') {
        return Err(OpenError::Malformed);
    }
    Ok((message, [header, payload, signature]))
}

fn payload(text: &str) -> Result<Vec<u8>, OpenError> {
    let (_, [_, payload, _]) = parts(text)?;
    decode(payload)
}

fn decode(part: &str) -> Result<Vec<u8>, OpenError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_cause| OpenError::Malformed)
}

/// Room for the header as [`seal`] writes it.
const HEADER_BYTES: usize = 96;

/// The `kid` of a header that is, byte for byte, the one that [`seal`] writes; any other spelling goes
/// through the strict reader.
fn usual_kid<'a>(part: &str, typ: &str, buffer: &'a mut [u8; HEADER_BYTES]) -> Option<&'a str> {
    let length = URL_SAFE_NO_PAD.decode_slice(part, buffer).ok()?;
    let header = str::from_utf8(buffer.get(..length)?).ok()?;
    let rest = header.strip_prefix(r#"{"typ":""#)?.strip_prefix(typ)?;
    let kid = rest
        .strip_prefix(r#"","alg":"EdDSA","kid":""#)?
        .strip_suffix(r#""}"#)?;
    let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (kid.len() == 16 && kid.bytes().all(hexadecimal)).then_some(kid)
}

fn exact_header(part: &str, typ: &str) -> Result<ExactHeader, OpenError> {
    let refused = || OpenError::Header(typ.to_owned());
    let header = json::read(&decode(part)?).map_err(|_cause| refused())?;
    // A list of the three values would be taken for the members.
    if !header.is_object() {
        return Err(refused());
    }
    let header = ExactHeader::deserialize(header).map_err(|_cause| refused())?;
    if header.alg != "EdDSA" || header.typ != typ {
        return Err(refused());
    }
    Ok(header)
}

thread_local! {
    /// The key that signs, for the time of one [`seal`].
    static SIGNER: RefCell<Option<Arc<ed25519_dalek::SigningKey>>> = const { RefCell::new(None) };
    /// The key that verifies, for the time of one [`open`].
    static VERIFIER: RefCell<Option<ed25519_dalek::VerifyingKey>> = const { RefCell::new(None) };
}

/// A key that is handed to our provider past `jsonwebtoken`, whose own key types hold bytes alone: to
/// parse them again costs as much as a tenth of a verification. Taken back when this is dropped.
struct AtHand<T: 'static>(&'static LocalKey<RefCell<Option<T>>>);

impl<T> AtHand<T> {
    fn put(place: &'static LocalKey<RefCell<Option<T>>>, key: T) -> Self {
        place.set(Some(key));
        Self(place)
    }
}

impl<T> Drop for AtHand<T> {
    fn drop(&mut self) {
        self.0.set(None);
    }
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

struct Ed25519Signer(Arc<ed25519_dalek::SigningKey>);

impl Ed25519Signer {
    /// The signer at hand, if it is the one that `name` names by its public key.
    fn new(name: &EncodingKey) -> Result<Self, Error> {
        SIGNER
            .with_borrow(Clone::clone)
            .filter(|key| key.verifying_key().as_bytes() == name.as_bytes())
            .map(Self)
            .ok_or_else(|| ErrorKind::InvalidEddsaKey.into())
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
    /// The key at hand, if it is the one whose bytes `name` holds.
    fn new(name: &DecodingKey) -> Result<Self, Error> {
        let bytes = name.try_get_as_bytes()?;
        VERIFIER
            .with_borrow(|key| *key)
            .filter(|key| key.as_bytes() == bytes)
            .map(Self)
            .ok_or_else(|| ErrorKind::InvalidEddsaKey.into())
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_header_that_is_written_is_the_one_that_is_read_without_a_parser() {
        let key = SigningKey::from_seed(&[1; 32]).unwrap();
        for typ in ["intent+jwt", "intent-proof+jwt", "receipt+jwt"] {
            let text = seal(&key, typ, &json!({}));
            let header = text.split('.').next().unwrap();
            let mut buffer = [0; HEADER_BYTES];
            let kid = usual_kid(header, typ, &mut buffer);
            assert_eq!(kid, Some(key.kid().as_str()), "{typ}");
            assert_eq!(usual_kid(header, "intent", &mut [0; HEADER_BYTES]), None);
        }
    }

    #[test]
    fn no_key_stays_at_hand() {
        let key = SigningKey::from_seed(&[1; 32]).unwrap();
        let text = seal(&key, "x", &json!({"a": 1}));
        let keys = [key.verifying_key().clone()].into_iter().collect();
        assert_eq!(open(&text, "x", &keys).unwrap().claims, json!({"a": 1}));
        assert!(SIGNER.with_borrow(Option::is_none));
        assert!(VERIFIER.with_borrow(Option::is_none));
        let (message, signature) = text.rsplit_once('.').unwrap();
        let name = key.verifying_key().envelope();
        let alone =
            jsonwebtoken::crypto::verify(signature, message.as_bytes(), name, Algorithm::EdDSA);
        assert!(alone.is_err(), "the provider has no key of its own");
    }
}

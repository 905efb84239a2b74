//! Ed25519 keys as JWKs (RFC 8037), and key sets looked up by `kid`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer as _;
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::digest::Digest;
use crate::id::KeyId;
use crate::json;

/// A public Ed25519 key as a JSON Web Key (RFC 7517, RFC 8037 §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Jwk {
    /// Key type: `OKP`.
    pub kty: String,
    /// Curve: `Ed25519`.
    pub crv: String,
    /// Key id: the first 16 hexadecimal digits of the SHA-256 of the public key.
    pub kid: KeyId,
    /// The public key, base64url without padding.
    pub x: String,
    /// What the key is for: `sig`.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub use_: Option<String>,
    /// The algorithm: `EdDSA`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
}

/// A set of public keys (RFC 7517 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<Jwk>,
}

/// A key that was not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not a JWK of the expected members.
    #[error("not a JSON Web Key: {0}")]
    Malformed(String),
    /// Another key type or curve.
    #[error("only Ed25519 keys (`kty` OKP, `crv` Ed25519) are taken")]
    Kind,
    /// Not 32 bytes of base64url, or not a point of the curve.
    #[error("the key's bytes are not an Ed25519 key")]
    Bytes,
    /// A small-order point, under which anyone can sign (RFC 8032 §5.1.7).
    #[error("the public key is weak")]
    Weak,
    /// `kid` or `x` does not belong to the key.
    #[error("`kid` or `x` is not that of the key")]
    Mismatch,
}

/// A checked public key, ready for use: its point is decompressed once, when it is loaded.
#[derive(Clone)]
pub struct VerifyingKey {
    kid: KeyId,
    key: ed25519_dalek::VerifyingKey,
    envelope: DecodingKey,
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for VerifyingKey {}

impl VerifyingKey {
    /// Takes the 32 raw bytes of a public key; weak keys refuse.
    ///
    /// # Errors
    /// [`KeyError::Bytes`] or [`KeyError::Weak`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key =
            ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_cause| KeyError::Bytes)?;
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        Ok(Self {
            kid: KeyId::of(bytes),
            key,
            envelope: DecodingKey::from_ed_der(bytes),
        })
    }

    /// Takes a public key in base64url without padding, as in `operators.toml`.
    ///
    /// # Errors
    /// As [`VerifyingKey::from_bytes`].
    pub fn from_base64url(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(&*bytes32(text)?)
    }

    /// Takes a public JWK; `kid` must be that of the key.
    ///
    /// # Errors
    /// Each [`KeyError`].
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        if jwk.kty != "OKP" || jwk.crv != "Ed25519" {
            return Err(KeyError::Kind);
        }
        let key = Self::from_base64url(&jwk.x)?;
        if key.kid != jwk.kid {
            return Err(KeyError::Mismatch);
        }
        Ok(key)
    }

    /// The key's id.
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// The public key in base64url without padding.
    pub fn to_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.as_bytes())
    }

    /// The key as a public JWK.
    pub fn to_jwk(&self) -> Jwk {
        Jwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            kid: self.kid.clone(),
            x: self.to_base64url(),
            use_: Some("sig".to_owned()),
            alg: Some("EdDSA".to_owned()),
        }
    }

    /// The key's thumbprint (RFC 7638 §3, RFC 8037 appendix A.3), base64url without padding.
    pub fn thumbprint(&self) -> String {
        let members = format!(
            r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#,
            self.to_base64url()
        );
        URL_SAFE_NO_PAD.encode(Digest::of(members.as_bytes()).as_bytes())
    }

    /// Whether `signature` (64 bytes) is this key's over `message`, by the strict rules of RFC 8032.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        ed25519_dalek::Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }

    /// The 32 bytes of the public key.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The key as `jsonwebtoken` names it.
    pub(crate) fn envelope(&self) -> &DecodingKey {
        &self.envelope
    }

    pub(crate) fn ready(&self) -> ed25519_dalek::VerifyingKey {
        self.key
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VerifyingKey({})", self.kid)
    }
}

/// A private key. Its `Debug` shows the key id alone.
#[derive(Clone)]
pub struct SigningKey {
    public: VerifyingKey,
    key: Arc<ed25519_dalek::SigningKey>,
}

impl SigningKey {
    /// The key of the 32 secret bytes `seed` (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// [`KeyError::Weak`], which no random seed meets.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = VerifyingKey::from_bytes(key.verifying_key().as_bytes())?;
        Ok(Self {
            public,
            key: Arc::new(key),
        })
    }

    /// Reads a private JWK (RFC 8037 §2: `d` is the seed); `x` and `kid` must belong to it.
    ///
    /// # Errors
    /// Each [`KeyError`].
    pub fn from_jwk(text: &str) -> Result<Self, KeyError> {
        let jwk: PrivateJwk = json::read_as(text.as_bytes())
            .map_err(|error| KeyError::Malformed(error.to_string()))?;
        let key = Self::from_seed(&*bytes32(&jwk.d)?)?;
        if VerifyingKey::from_jwk(&jwk.public)? != key.public {
            return Err(KeyError::Mismatch);
        }
        Ok(key)
    }

    /// The private JWK as JSON text, wiped from memory when dropped.
    pub fn to_private_jwk(&self) -> Zeroizing<String> {
        let jwk = PrivateJwk {
            public: self.public.to_jwk(),
            d: URL_SAFE_NO_PAD.encode(self.key.as_bytes()),
        };
        Zeroizing::new(serde_json::to_string(&jwk).unwrap_or_default())
    }

    /// The public half.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// The key's id.
    pub fn kid(&self) -> &KeyId {
        &self.public.kid
    }

    /// Signs `message`: 64 bytes.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    pub(crate) fn ready(&self) -> Arc<ed25519_dalek::SigningKey> {
        Arc::clone(&self.key)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.public.kid)
    }
}

#[derive(Serialize, Deserialize)]
struct PrivateJwk {
    #[serde(flatten)]
    public: Jwk,
    d: String,
}

fn bytes32(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let bytes = Zeroizing::new(
        URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_cause| KeyError::Bytes)?,
    );
    let array = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_cause| KeyError::Bytes)?;
    Ok(Zeroizing::new(array))
}

/// The keys that a verifier trusts, looked up by `kid` and by nothing else.
#[derive(Clone, Debug, Default)]
pub struct VerifyingKeys(BTreeMap<KeyId, VerifyingKey>);

impl VerifyingKeys {
    /// Takes a published key set; one bad key refuses the whole set.
    ///
    /// # Errors
    /// The first key's [`KeyError`].
    pub fn from_jwks(set: &JwkSet) -> Result<Self, KeyError> {
        let keys: Result<Vec<_>, _> = set.keys.iter().map(VerifyingKey::from_jwk).collect();
        Ok(keys?.into_iter().collect())
    }

    /// The key with this id.
    pub fn get(&self, kid: &KeyId) -> Option<&VerifyingKey> {
        self.0.get(kid)
    }

    pub(crate) fn named(&self, kid: &str) -> Option<&VerifyingKey> {
        self.0.get(kid)
    }

    /// The keys in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.values()
    }

    /// The published form.
    pub fn to_jwks(&self) -> JwkSet {
        JwkSet {
            keys: self.iter().map(VerifyingKey::to_jwk).collect(),
        }
    }
}

impl FromIterator<VerifyingKey> for VerifyingKeys {
    fn from_iter<I: IntoIterator<Item = VerifyingKey>>(keys: I) -> Self {
        Self(keys.into_iter().map(|key| (key.kid.clone(), key)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_jwk_round_trips_and_debug_hides_it() {
        let key = SigningKey::from_seed(&[7; 32]).unwrap();
        let text = key.to_private_jwk();
        let again = SigningKey::from_jwk(&text).unwrap();
        assert_eq!(again.kid(), key.kid());
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.kid()));
    }

    #[test]
    fn weak_and_foreign_keys_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert!(matches!(
            VerifyingKey::from_bytes(&identity),
            Err(KeyError::Weak)
        ));
        assert!(matches!(
            VerifyingKey::from_bytes(&[0; 32]),
            Err(KeyError::Weak)
        ));
        let mut jwk = SigningKey::from_seed(&[7; 32])
            .unwrap()
            .verifying_key()
            .to_jwk();
        jwk.kid = SigningKey::from_seed(&[8; 32]).unwrap().kid().clone();
        assert!(matches!(
            VerifyingKey::from_jwk(&jwk),
            Err(KeyError::Mismatch)
        ));
        jwk.crv = "X25519".to_owned();
        assert!(matches!(VerifyingKey::from_jwk(&jwk), Err(KeyError::Kind)));
    }
}

//! Tokens that nobody should have: made from real ones, signed with the authority's own key or another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_intent::key::SigningKey;
use serde_json::{Value, json};

/// Signs `header` and `claims` as they are into a compact JWS.
pub(crate) fn sign(key: &SigningKey, header: &Value, claims: &str) -> String {
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// The header of an intent token signed with `key`.
pub(crate) fn header(key: &SigningKey) -> Value {
    json!({"alg": "EdDSA", "kid": key.kid(), "typ": "intent+jwt"})
}

/// The claims of `token`, unverified.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// `token` with other claims, signed with `key`.
pub(crate) fn altered(key: &SigningKey, token: &str, alter: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims(token);
    alter(&mut claims);
    sign(key, &header(key), &claims.to_string())
}

//! The agent's proof of possession: one signed line for each request (RFC 9449 in spirit).
//!
//! A token whose `cnf` names a key is worth nothing without a proof made with that key, for this very
//! request and this very token. Making one is free for every client; [`verify`] is the only source of
//! a [`Proof`].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::ProofId;
use crate::jws;
use crate::key::{SigningKey, VerifyingKey};
use crate::refusal::{Refusal, RefusalCode};
use crate::token::Confirmation;

/// The `typ` of a proof.
pub const TYP: &str = "intent-proof+jwt";
/// The header field that carries it.
pub const HEADER: &str = "intent-proof";
/// How far behind the verifier's clock `iat` may lie, in seconds.
pub const MAX_AGE: i64 = 60;
/// How far ahead of the verifier's clock `iat` may lie, in seconds.
pub const SKEW: i64 = 5;

/// The request that a proof is for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The HTTP method, as it stands in the request line.
    pub method: &'a str,
    /// The path of the request target, without its query.
    pub path: &'a str,
    /// The intent token that comes with it, without blanks around it.
    pub token: &'a str,
}

impl Request<'_> {
    /// `ath`: base64url of the SHA-256 of the token.
    fn token_hash(&self) -> String {
        URL_SAFE_NO_PAD.encode(Digest::of(self.token.as_bytes()).as_bytes())
    }
}

/// The claims, in full: an unknown, missing or repeated one refuses.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    jti: ProofId,
    iat: i64,
    htm: String,
    htu: String,
    ath: String,
}

/// Makes the proof for `request` with the agent's key.
pub fn make(key: &SigningKey, id: ProofId, now: Timestamp, request: Request<'_>) -> String {
    let claims = Claims {
        jti: id,
        iat: now.as_second(),
        htm: request.method.to_owned(),
        htu: request.path.to_owned(),
        ath: request.token_hash(),
    };
    jws::seal(key, TYP, &claims)
}

/// A proof that was checked. Where a token may be used more than once, its id must be new.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Proof {
    id: ProofId,
    issued_at: i64,
}

impl Proof {
    /// The proof's id.
    pub fn id(&self) -> &ProofId {
        &self.id
    }

    /// The second from which on the proof is too old anyway, so that its id need not be remembered.
    pub fn stale_at(&self) -> i64 {
        self.issued_at.saturating_add(MAX_AGE).saturating_add(1)
    }
}

/// Checks the proof that came with `request`: made with the agent's `key`, which is the one that the
/// token's `cnf` names, for this method, path and token, not longer than [`MAX_AGE`] ago.
///
/// # Errors
/// `agent_proof`, with what is wrong.
pub fn verify(
    proof: Option<&str>,
    confirmation: &Confirmation,
    key: &VerifyingKey,
    request: Request<'_>,
    now: Timestamp,
) -> Result<Proof, Refusal> {
    let refuse = |why: &str| {
        let message = format!("{why}: the token is bound to a key of the agent");
        Err(Refusal::new(RefusalCode::AgentProof, message))
    };
    if key.thumbprint() != confirmation.jkt {
        return refuse("the agent's key is not the one that the token names");
    }
    let Some(proof) = proof else {
        return refuse("no `Intent-Proof` came with the call");
    };
    let keys = [key.clone()].into_iter().collect();
    let opened = match jws::open(proof, TYP, &keys) {
        Ok(opened) => opened,
        Err(error) => return refuse(&format!("`Intent-Proof` was refused, {error}")),
    };
    let Ok(claims) = Claims::deserialize(opened.claims) else {
        return refuse("`Intent-Proof` has not exactly the claims jti, iat, htm, htu and ath");
    };
    if claims.htm != request.method || claims.htu != request.path {
        return refuse("`Intent-Proof` is for another request");
    }
    if claims.ath != request.token_hash() {
        return refuse("`Intent-Proof` is for another token");
    }
    let now = now.as_second();
    if claims.iat < now.saturating_sub(MAX_AGE) || claims.iat > now.saturating_add(SKEW) {
        return refuse("`Intent-Proof` was not made just now, check the clocks");
    }
    Ok(Proof {
        id: claims.jti,
        issued_at: claims.iat,
    })
}

//! The agent's proof of possession.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign_intent::digest::Digest;
use countersign_intent::id::ProofId;
use countersign_intent::key::SigningKey;
use countersign_intent::proof::{self, Request};
use countersign_intent::token::sign;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Corpus, METHOD, NOW, PATH, SEALED, Written, jws};

/// A token for `sealed`, and the proof that belongs to it.
struct Pair {
    token: String,
    header: Value,
    claims: Value,
}

impl Pair {
    fn new(corpus: &Corpus) -> Self {
        let token = sign(&corpus.authority, &corpus.sealed());
        let hash = Digest::of(token.as_bytes());
        let header = json!({"alg": "EdDSA", "kid": corpus.agent.kid(), "typ": "intent-proof+jwt"});
        let claims = json!({"jti": format!("proof-{}", corpus.cases.len()), "iat": NOW, "htm": METHOD,
            "htu": PATH, "ath": B64.encode(hash.as_bytes())});
        Self {
            token,
            header,
            claims,
        }
    }

    fn sealed(&self, key: &SigningKey) -> String {
        jws(
            key,
            self.header.written().as_bytes(),
            self.claims.written().as_bytes(),
        )
    }
}

/// Adds a call of `sealed` with the proof that `make` gives.
fn case(
    corpus: &mut Corpus,
    name: &str,
    expect: &str,
    make: impl FnOnce(&Corpus, Pair) -> Option<String>,
) {
    let pair = Pair::new(corpus);
    let token = pair.token.clone();
    let proof = make(corpus, pair);
    let case = corpus.add(name, expect, token);
    case["agent"] = json!(SEALED);
    if let Some(proof) = proof {
        case["proof"] = json!(proof);
    }
}

/// Adds a call whose proof has other claims.
fn claims(corpus: &mut Corpus, name: &str, expect: &str, change: impl FnOnce(&mut Value)) {
    case(corpus, name, expect, |corpus, mut pair| {
        change(&mut pair.claims);
        Some(pair.sealed(&corpus.agent))
    });
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn add(corpus: &mut Corpus) {
    corpus.group("proof");
    case(corpus, "as made", "accepted", |corpus, pair| {
        let now = Timestamp::from_second(NOW).unwrap();
        let request = Request {
            method: METHOD,
            path: PATH,
            token: &pair.token,
        };
        Some(proof::make(
            &corpus.agent,
            ProofId::mint(now, [5; 10]),
            now,
            request,
        ))
    });
    case(corpus, "none", "agent_proof", |_, _| None);
    for (name, text) in [("empty", ""), ("no JWS", "proof"), ("dots", "..")] {
        case(corpus, name, "agent_proof", |_, _| Some(text.to_owned()));
    }
    case(corpus, "of another key", "agent_proof", |corpus, pair| {
        Some(pair.sealed(&corpus.stranger))
    });
    case(
        corpus,
        "of the authority's key",
        "agent_proof",
        |corpus, mut pair| {
            pair.header["kid"] = json!(corpus.authority.kid());
            Some(pair.sealed(&corpus.authority))
        },
    );
    case(corpus, "the token itself", "agent_proof", |_, pair| {
        Some(pair.token)
    });
    for (name, member, value) in [
        ("typ of a token", "typ", json!("intent+jwt")),
        ("typ of RFC 9449", "typ", json!("dpop+jwt")),
        ("alg none", "alg", json!("none")),
        ("an embedded key", "jwk", json!({})),
    ] {
        case(corpus, name, "agent_proof", |corpus, mut pair| {
            pair.header[member] = value;
            Some(pair.sealed(&corpus.agent))
        });
    }
    for (name, by, expect) in [
        ("60 s old", -60, "accepted"),
        ("61 s old", -61, "agent_proof"),
        ("5 s ahead", 5, "accepted"),
        ("6 s ahead", 6, "agent_proof"),
    ] {
        claims(corpus, name, expect, |claims| {
            claims["iat"] = json!(NOW + by);
        });
    }
    for name in ["jti", "iat", "htm", "htu", "ath"] {
        claims(
            corpus,
            &format!("without {name}"),
            "agent_proof",
            |claims| {
                claims.as_object_mut().unwrap().remove(name).unwrap();
            },
        );
        claims(corpus, &format!("{name} null"), "agent_proof", |claims| {
            claims[name] = Value::Null;
        });
    }
    for (name, member, value) in [
        ("another method", "htm", json!("GET")),
        ("a method in small letters", "htm", json!("post")),
        ("another path", "htu", json!("/mcp")),
        ("a path with a query", "htu", json!("/v1/calls?x=1")),
        ("a whole URL", "htu", json!("http://enforcer/v1/calls")),
        ("another token", "ath", json!(B64.encode([0; 32]))),
        (
            "the token's hash in hexadecimal",
            "ath",
            json!("0".repeat(64)),
        ),
        ("a claim more", "nonce", json!("n")),
        ("an id of another form", "jti", json!("a b")),
        ("a time as text", "iat", json!(NOW.to_string())),
    ] {
        claims(corpus, name, "agent_proof", |claims| claims[member] = value);
    }
    bindings(corpus);
}

fn bindings(corpus: &mut Corpus) {
    let mut intent = corpus.sealed();
    intent.cnf.as_mut().unwrap().jkt = corpus.stranger.verifying_key().thumbprint();
    let token = sign(&corpus.authority, &intent);
    let now = Timestamp::from_second(NOW).unwrap();
    let request = Request {
        method: METHOD,
        path: PATH,
        token: &token,
    };
    let id = ProofId::mint(now, [6; 10]);
    let proof = proof::make(&corpus.agent, id, now, request);
    let case = corpus.add("a token bound to another key", "agent_proof", token.clone());
    case["agent"] = json!(SEALED);
    case["proof"] = json!(proof);
    let mut intent = corpus.sealed();
    intent.cnf = None;
    let token = sign(&corpus.authority, &intent);
    let case = corpus.add("a token bound to no key", "agent_proof", token);
    case["agent"] = json!(SEALED);
    let mut intent = corpus.sealed();
    intent.sub = super::AGENT.parse().unwrap();
    let token = sign(&corpus.authority, &intent);
    corpus.add(
        "a bound token of an agent without a key",
        "agent_proof",
        token,
    );
}

//! Algorithms, header members and keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Corpus, Written, jwk, jws};

pub(super) fn add(corpus: &mut Corpus) {
    algorithms(corpus);
    members(corpus);
    keys(corpus);
}

/// HMAC-SHA-256 (RFC 2104), as a verifier would compute it that lets the header choose.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block
            .iter_mut()
            .zip(key)
            .for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

fn algorithms(corpus: &mut Corpus) {
    corpus.group("algorithm");
    for alg in [
        "none", "None", "NONE", "", "HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES256K",
        "ES384", "Ed25519", "Ed448", "eddsa", "EDDSA", "EdDSA ",
    ] {
        let token = corpus.with_header(|header| header["alg"] = json!(alg));
        corpus.add(
            &format!("alg `{alg}`, signed all the same"),
            "token_header",
            token,
        );
    }
    for (name, alg) in [
        ("null", Value::Null),
        ("a list", json!(["EdDSA"])),
        ("a number", json!(-8)),
    ] {
        let token = corpus.with_header(|header| header["alg"] = alg);
        corpus.add(&format!("alg {name}"), "token_header", token);
    }
    let header =
        json!({"alg": "none", "kid": corpus.authority.kid(), "typ": "intent+jwt"}).written();
    let message = format!(
        "{}.{}",
        B64.encode(header),
        B64.encode(corpus.claims().written())
    );
    corpus.add(
        "alg none and no signature",
        "token_header",
        format!("{message}."),
    );
    let public = corpus.authority.verifying_key().to_bytes();
    let secrets = [
        ("the public key's bytes", public.to_vec()),
        (
            "the public key's text",
            corpus.authority.verifying_key().to_base64url().into_bytes(),
        ),
    ];
    for (name, secret) in secrets {
        let header = json!({"alg": "HS256", "kid": corpus.authority.kid(), "typ": "intent+jwt"});
        let claims = corpus.claims().written();
        let message = format!("{}.{}", B64.encode(header.written()), B64.encode(claims));
        let token = format!(
            "{message}.{}",
            B64.encode(hmac(&secret, message.as_bytes()))
        );
        corpus.add(
            &format!("HS256 with {name} as the secret"),
            "token_header",
            token,
        );
    }
    let token = corpus.with_header(|header| header["crv"] = json!("Ed448"));
    corpus.add("EdDSA of another curve", "token_header", token);
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn members(corpus: &mut Corpus) {
    corpus.group("header");
    let stranger = jwk(&corpus.stranger);
    let added = [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("jwk", stranger),
        ("jku", json!("https://keys.example/jwks.json")),
        ("x5u", json!("https://keys.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t#S256", json!("AAAA")),
        ("cty", json!("JWT")),
        ("zip", json!("DEF")),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("url", json!("https://enforcer.example")),
        ("enc", json!("A256GCM")),
        ("nonce", json!("n")),
        ("__proto__", json!({})),
        ("$ref", json!("#")),
        ("x\u{0}", json!(1)),
    ];
    for (name, value) in added {
        let token = corpus.with_header(|header| header[name] = value.clone());
        corpus.add(
            &format!("{} {}", name.escape_debug(), value.written()),
            "token_header",
            token,
        );
    }
    for name in ["alg", "kid", "typ"] {
        let token = corpus.with_header(|header| drop(header.as_object_mut().unwrap().remove(name)));
        corpus.add(&format!("without {name}"), "token_header", token);
        let own = corpus.header()[name].clone();
        let twice = corpus
            .header()
            .written()
            .replacen('{', &format!("{{\"{name}\":{own},"), 1);
        let token = corpus.seal(twice, corpus.claims().written());
        corpus.add(&format!("{name} twice"), "token_header", token);
    }
    let escaped = corpus
        .header()
        .written()
        .replacen('{', r#"{"\u0061lg":"none","#, 1);
    let token = corpus.seal(escaped, corpus.claims().written());
    corpus.add("alg twice, once escaped", "token_header", token);
    for typ in [
        "JWT",
        "jwt",
        "Intent+jwt",
        "intent+JWT",
        "application/intent+jwt",
        "intent",
        "intent+jwt ",
        "at+jwt",
        "",
    ] {
        let token = corpus.with_header(|header| header["typ"] = json!(typ));
        corpus.add(&format!("typ `{typ}`"), "token_header", token);
    }
    let texts: [(&str, &[u8]); 9] = [
        ("no JSON", b"header"),
        ("a list", b"[]"),
        ("text", b"\"EdDSA\""),
        ("null", b"null"),
        ("nothing", b""),
        ("not UTF-8", b"{\"alg\":\"EdDSA\xff\"}"),
        ("a byte order mark", b"\xef\xbb\xbf{}"),
        ("two documents", b"{}{}"),
        ("a trailing comma", b"{\"alg\":\"EdDSA\",}"),
    ];
    for (name, bytes) in texts {
        let token = corpus.seal(bytes, corpus.claims().written());
        corpus.add(name, "token_header", token);
    }
    let values = json!(["EdDSA", corpus.authority.kid(), "intent+jwt"]);
    let token = corpus.seal(values.written(), corpus.claims().written());
    corpus.add("its values as a list", "token_header", token);
    let escaped = corpus.header().written().replace("EdDSA", r"\u0045dDSA");
    let token = corpus.seal(escaped, corpus.claims().written());
    let case = corpus.add("alg with an escape", "accepted", token);
    case["about"] = json!("the same JSON value");
    let spaced = corpus.header().written().replace(':', " :\n ");
    let token = corpus.seal(spaced, corpus.claims().written());
    corpus.add("blanks in the header", "accepted", token);
}

fn keys(corpus: &mut Corpus) {
    corpus.group("key");
    let kid = corpus.authority.kid().to_string();
    for (name, value) in [
        ("in capitals", json!(kid.to_uppercase())),
        ("of 15 digits", json!(kid[..15])),
        ("of 17 digits", json!(format!("{kid}0"))),
        ("empty", json!("")),
        ("a path", json!("../../../../etc/passwd")),
        ("a URL", json!("https://keys.example/1")),
        ("an SQL text", json!("' OR 1=1 --")),
        ("with a blank", json!(format!(" {kid}"))),
        ("with U+0000", json!(format!("{kid}\u{0}"))),
        ("a number", json!(1_234_567_890_123_456_u64)),
        ("null", Value::Null),
        ("a list", json!([kid])),
    ] {
        let token = corpus.with_header(|header| header["kid"] = value);
        corpus.add(&format!("kid {name}"), "token_header", token);
    }
    let sealed = |key: &countersign_intent::key::SigningKey, kid: &str, corpus: &Corpus| {
        let header = json!({"alg": "EdDSA", "kid": kid, "typ": "intent+jwt"}).written();
        jws(key, header.as_bytes(), corpus.claims().written().as_bytes())
    };
    let stranger = corpus.stranger.kid().to_string();
    let token = sealed(&corpus.stranger, &stranger, corpus);
    corpus.add("an untrusted key", "token_key", token);
    let token = sealed(&corpus.authority, "0000000000000000", corpus);
    corpus.add("a kid of no key", "token_key", token);
    let token = sealed(&corpus.authority, &stranger, corpus);
    corpus.add(
        "the kid of an untrusted key, signed by a trusted one",
        "token_key",
        token,
    );
    let token = sealed(&corpus.stranger, &kid, corpus);
    corpus.add(
        "a trusted kid, signed by another key",
        "token_signature",
        token,
    );
    let second = corpus.second.kid().to_string();
    let token = sealed(&corpus.authority, &second, corpus);
    corpus.add("the kid of the other trusted key", "token_signature", token);
    let agent = corpus.agent.kid().to_string();
    let token = sealed(&corpus.agent, &agent, corpus);
    corpus.add("the agent's own key", "token_key", token);
}

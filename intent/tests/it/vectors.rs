//! Third-party test vectors; sources and licences stand beside them in `tests/vectors/`.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_intent::key::{SigningKey, VerifyingKey};
use countersign_intent::token::{Floor, UnverifiedToken};
use countersign_intent::{canonical, json};
use serde_json::Value;

use crate::fixture;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/vectors")
        .join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

fn value(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|d| u8::try_from(d).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

#[test]
fn rfc_8785_documents_have_their_canonical_bytes() {
    let mut compared = 0;
    for name in [
        "arrays",
        "french",
        "structures",
        "unicode",
        "values",
        "weird",
    ] {
        let input = std::fs::read(path(&format!("jcs-rfc8785/input/{name}.json"))).unwrap();
        let expected = unhex(&text(&format!("jcs-rfc8785/outhex/{name}.txt")));
        // `values` holds 1E30, which the strict reader refuses: beyond 2^53 JSON numbers lose digits.
        let value = json::read(&input)
            .or_else(|_| serde_json::from_slice(&input))
            .unwrap();
        assert_eq!(canonical::to_vec(&value), expected, "{name}");
        compared += 1;
    }
    assert_eq!(compared, 6);
}

#[test]
fn rfc_8785_numbers_have_their_text() {
    let mut compared = 0;
    for line in text("jcs-rfc8785/es6-numbers-10000.txt").lines() {
        let (bits, expected) = line.split_once(',').unwrap();
        let number = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
        assert_eq!(
            canonical::to_string(&Value::from(number)),
            expected,
            "{bits}"
        );
        compared += 1;
    }
    assert_eq!(compared, 10_000);
}

#[test]
fn what_a_json_parser_must_refuse_is_refused() {
    let (mut refused, mut accepted) = (0, 0);
    for line in text("json-parsing/cases.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let bytes = match case["base64"].as_str() {
            Some(text) => STANDARD.decode(text).unwrap(),
            None if case["file"].as_str().unwrap().contains("open_array_object") => {
                "[{\"\":".repeat(50_000).into_bytes()
            }
            None => "[".repeat(100_000).into_bytes(),
        };
        let read = json::read(&bytes);
        match case["expect"].as_str().unwrap() {
            "reject" => {
                assert!(read.is_err(), "{}", case["file"]);
                refused += 1;
            }
            // Accepted JSON may still be refused for a reason of ours; then the reason says so.
            "accept" => match read {
                Ok(value) => {
                    let again = json::read(&canonical::to_vec(&value)).unwrap();
                    assert_eq!(again, value, "{}", case["file"]);
                    accepted += 1;
                }
                Err(error) => assert!(is_ours(&error.to_string()), "{}: {error}", case["file"]),
            },
            _ => {}
        }
    }
    assert_eq!(refused, 188);
    assert!(accepted >= 80, "{accepted}");
}

fn is_ours(message: &str) -> bool {
    ["stands twice", "2^53", "minus zero", "U+0000", "reserved"]
        .iter()
        .any(|why| message.contains(why))
}

#[test]
fn wycheproof_ed25519_signatures_are_judged_as_listed() {
    let mut judged = 0;
    let vectors = value("wycheproof/ed25519_test.json");
    for group in vectors["testGroups"].as_array().unwrap() {
        let public = unhex(group["publicKey"]["pk"].as_str().unwrap());
        let key = VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
        for test in group["tests"].as_array().unwrap() {
            let verified = key.verify(
                &unhex(test["msg"].as_str().unwrap()),
                &unhex(test["sig"].as_str().unwrap()),
            );
            assert_eq!(verified, test["result"] == "valid", "{}", test["tcId"]);
            judged += 1;
        }
    }
    assert_eq!(judged, 151);
}

#[test]
fn every_foreign_jws_is_refused_as_a_token() {
    let mut refused = 0;
    let vectors = value("wycheproof/json_web_signature_test.json");
    for group in vectors["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let jws = &test["jws"];
            let jws = jws.as_str().map_or_else(|| jws.to_string(), str::to_owned);
            let keys = fixture::keys();
            let verdict = UnverifiedToken::new(&jws).and_then(|token| {
                fixture::verifier().verify(token, &keys, fixture::now(), Floor::default())
            });
            assert!(verdict.is_err(), "{}", test["tcId"]);
            refused += 1;
        }
    }
    assert_eq!(refused, 401);
}

#[test]
fn rfc_8037_key_signs_the_published_example() {
    let vectors = value("jose-rfc/rfc8037.json");
    let seed = URL_SAFE_NO_PAD
        .decode(vectors["private_jwk"]["d"].as_str().unwrap())
        .unwrap();
    let key = SigningKey::from_seed(&seed.try_into().unwrap()).unwrap();
    assert_eq!(
        key.verifying_key().to_base64url(),
        vectors["public_jwk"]["x"].as_str().unwrap()
    );
    let jws = vectors["jws_alg_EdDSA"].as_str().unwrap();
    let (message, signature) = jws.rsplit_once('.').unwrap();
    assert_eq!(
        URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes())),
        signature
    );
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert!(key.verifying_key().verify(message.as_bytes(), &signature));
}

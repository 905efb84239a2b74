//! Z2: no text of a token ends the verifier, and it accepts only what its key signed.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign_intent::id::TenantId;
use countersign_intent::json;
use countersign_intent::key::{SigningKey, VerifyingKeys};
use countersign_intent::token::{Floor, UnverifiedToken, Verifier};
use jiff::Timestamp;
use serde_json::Value;

/// The clock of the token corpus, whose tokens are the seeds.
const NOW: i64 = 1_800_000_000;

static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::from_seed(&[1; 32]).expect("a key"));
static KEYS: LazyLock<VerifyingKeys> =
    LazyLock::new(|| [KEY.verifying_key().clone()].into_iter().collect());
static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| Verifier {
    issuer: "authority".to_owned(),
    audience: "enforcer".to_owned(),
    tenant: TenantId::single(),
});

/// Verifies `data` as a token; gives back whether it was accepted.
///
/// A first byte `!` asks for a signature: what follows is a header up to a line feed, and a payload. So
/// the fuzzer gets behind the signature, which it cannot guess.
pub(crate) fn run(data: &[u8]) -> bool {
    match data.strip_prefix(b"!") {
        Some(rest) => {
            let at = rest.iter().position(|byte| *byte == b'\n');
            let (header, payload) = rest.split_at(at.unwrap_or(rest.len()));
            let payload = payload.strip_prefix(b"\n").unwrap_or_default();
            let message = format!("{}.{}", B64.encode(header), B64.encode(payload));
            let signature = B64.encode(KEY.sign(message.as_bytes()));
            verify(&format!("{message}.{signature}"))
        }
        None => verify(&String::from_utf8_lossy(data)),
    }
}

fn verify(text: &str) -> bool {
    let Ok(token) = UnverifiedToken::new(text) else {
        return false;
    };
    let now = Timestamp::from_second(NOW).expect("a time");
    let Ok(verified) = VERIFIER.verify(token, &KEYS, now, Floor::default()) else {
        return false;
    };
    let (message, signature) = token.as_str().rsplit_once('.').expect("three parts");
    let signature = B64.decode(signature).expect("base64url");
    assert!(
        KEY.verifying_key().verify(message.as_bytes(), &signature),
        "accepted, but not signed"
    );
    assert_eq!(verified.kid(), KEY.kid());
    let (_, payload) = message.split_once('.').expect("three parts");
    let claims: Value = json::read(&B64.decode(payload).expect("base64url")).expect("strict JSON");
    let intent = verified.get();
    assert_eq!(
        serde_json::to_value(intent).expect("claims"),
        claims,
        "every claim was read"
    );
    assert!(intent.nbf <= NOW + 5 && NOW < intent.exp && intent.exp - intent.iat <= 300);
    assert_eq!(
        (intent.iss.as_str(), intent.aud.as_str()),
        ("authority", "enforcer")
    );
    true
}

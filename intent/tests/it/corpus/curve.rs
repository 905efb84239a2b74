//! Signatures and keys that implementations of Ed25519 disagree about.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign_intent::id::KeyId;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use super::{Corpus, Written, parts};

/// The order of the base point, little-endian (RFC 8032 §5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];
/// The identity, as RFC 8032 encodes it.
const IDENTITY: [u8; 32] = first(1);
/// The identity with y = p + 1: the same point, in an encoding that RFC 8032 §5.1.3 refuses.
const IDENTITY_AGAIN: [u8; 32] = {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xee;
    bytes[31] = 0x7f;
    bytes
};

const fn first(byte: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = byte;
    bytes
}

/// `number` + the order, as often as told.
fn plus_order(mut number: [u8; 32], times: usize) -> [u8; 32] {
    for _ in 0..times {
        let mut carry = 0;
        for (byte, add) in number.iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = u8::try_from(sum & 0xff).unwrap();
            carry = sum >> 8;
        }
    }
    number
}

/// A signature with the point `r` in place of a random one, such that [s]B = [k]A and R adds nothing.
fn with_point(seed: u8, r: [u8; 32], message: &[u8]) -> [u8; 64] {
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
    let secret = key.to_scalar();
    let one = secret * secret.invert();
    let hash = Sha512::new()
        .chain_update(r)
        .chain_update(key.verifying_key().as_bytes())
        .chain_update(message)
        .finalize();
    // The hash as a number modulo the order, bit by bit from the highest.
    let mut number = one + -one;
    for byte in hash.iter().rev() {
        for bit in (0..8).rev() {
            number += number;
            if byte >> bit & 1 == 1 {
                number += one;
            }
        }
    }
    let s = number * secret;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(s.as_bytes());
    signature
}

pub(super) fn add(corpus: &mut Corpus) {
    corpus.group("curve");
    let token = corpus.token();
    let [head, body, tail] = parts(&token);
    let genuine = B64.decode(tail).unwrap();
    let (r, s) = genuine.split_at(32);
    let s: [u8; 32] = s.try_into().unwrap();
    let rebuilt = |r: &[u8], s: &[u8]| format!("{head}.{body}.{}", B64.encode([r, s].concat()));
    for times in [1, 2, 7] {
        let name = format!("s + {times} L");
        let token = rebuilt(r, &plus_order(s, times));
        corpus.add(&name, "token_signature", token);
    }
    let mut high = s;
    high[31] |= 0xe0;
    let mut sign = r.to_vec();
    sign[31] ^= 0x80;
    let cases = [
        ("s with its highest bits set", rebuilt(r, &high)),
        ("s = 0", rebuilt(r, &[0; 32])),
        ("s = L", rebuilt(r, &ORDER)),
        ("R with the other sign", rebuilt(&sign, &s)),
        ("R and s exchanged", rebuilt(&s, r)),
        ("zeros", rebuilt(&[0; 32], &[0; 32])),
        ("R = identity, s = 0", rebuilt(&IDENTITY, &[0; 32])),
        ("R of no point", rebuilt(&first(2), &s)),
        (
            "R with y = p",
            rebuilt(
                &{
                    let mut p = [0xff; 32];
                    p[0] = 0xed;
                    p[31] = 0x7f;
                    p
                },
                &s,
            ),
        ),
        ("R with all bits set", rebuilt(&[0xff; 32], &s)),
    ];
    for (name, token) in cases {
        corpus.add(name, "token_signature", token);
    }
    let message = format!("{head}.{body}");
    let small = with_point(1, IDENTITY, message.as_bytes());
    let token = rebuilt(&small[..32], &small[32..]);
    let case = corpus.add("R of small order", "token_signature", token);
    case["about"] = json!(
        "made with the key itself; the equation of RFC 8032 holds, strict verification refuses"
    );
    case["rfc8032"] = json!("accepted");
    let small = with_point(1, IDENTITY_AGAIN, message.as_bytes());
    let token = rebuilt(&small[..32], &small[32..]);
    corpus.add("R of small order, not canonical", "token_signature", token);
    weak_keys(corpus);
}

/// Under a key of small order, R = identity and s = 0 sign many messages.
fn weak_keys(corpus: &mut Corpus) {
    for (name, key) in [
        ("the identity", IDENTITY),
        ("y = 0", [0; 32]),
        ("y = -1", minus_one()),
    ] {
        let header = json!({"alg": "EdDSA", "kid": KeyId::of(&key), "typ": "intent+jwt"}).written();
        let message = format!(
            "{}.{}",
            B64.encode(header),
            B64.encode(corpus.claims().written())
        );
        let signature = B64.encode([IDENTITY, [0; 32]].concat());
        let name = format!("signed by nobody under {name}");
        corpus.add(&name, "token_key", format!("{message}.{signature}"));
    }
}

const fn minus_one() -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xec;
    bytes[31] = 0x7f;
    bytes
}

/// Public keys that no key set may hold.
pub(super) fn refused_keys() -> Value {
    const EIGHT: &str = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
    const EIGHT_TOO: &str = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
    let unhex = |text: &str| -> Vec<u8> {
        let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        (0..32).map(|byte| digit(byte * 2)).collect()
    };
    let keys = [
        ("the identity", IDENTITY.to_vec()),
        ("order 2", minus_one().to_vec()),
        ("order 4", vec![0; 32]),
        ("order 8", unhex(EIGHT)),
        ("order 8, the other", unhex(EIGHT_TOO)),
        ("the identity, not canonical", IDENTITY_AGAIN.to_vec()),
        ("no point", first(2).to_vec()),
        ("31 bytes", vec![1; 31]),
        ("33 bytes", vec![1; 33]),
        ("nothing", Vec::new()),
    ];
    keys.into_iter()
        .map(|(why, bytes)| json!({"why": why, "x": B64.encode(bytes)}))
        .collect()
}

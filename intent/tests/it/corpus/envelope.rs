//! The text of a token: parts, alphabets, size, swapped pieces.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD as B64};
use countersign_intent::token::sign;
use serde_json::json;

use super::{Corpus, Written, parts};

pub(super) fn add(corpus: &mut Corpus) {
    text(corpus);
    base64(corpus);
    size(corpus);
    swapped(corpus);
}

fn text(corpus: &mut Corpus) {
    corpus.group("text");
    for (name, token) in [("nothing", ""), ("blanks", "  \t ")] {
        corpus.add(name, "token_missing", token);
    }
    let token = corpus.token();
    corpus.add("blanks around it", "accepted", format!("  {token}\t "));
    let token = corpus.token();
    let [head, body, tail] = parts(&token);
    let json_form = json!({"protected": head, "payload": body, "signature": tail}).written();
    let general = json!({"payload": body, "signatures": [{"protected": head, "signature": tail}]});
    let cases = [
        ("one part", head.to_owned()),
        ("two parts", format!("{head}.{body}")),
        ("four parts", format!("{token}.")),
        ("four parts, the first repeated", format!("{head}.{token}")),
        (
            "five parts, as of a JWE",
            format!("{head}.{body}.{body}.{body}.{tail}"),
        ),
        ("a leading dot", format!(".{token}")),
        ("flattened JSON serialisation", json_form),
        ("general JSON serialisation", general.written()),
        ("a blank inside", format!("{head}. {body}.{tail}")),
        ("a line feed inside", format!("{head}.\n{body}.{tail}")),
        ("a tab inside", format!("{head}\t.{body}.{tail}")),
        ("U+0001 inside", format!("{head}.{body}.\u{1}{tail}")),
        (
            "a letter that is not ASCII",
            format!("{head}.{body}.{tail}é"),
        ),
        ("a no-break space in front", format!("x\u{a0}{token}")),
        ("a scheme in front", format!("Bearer {token}")),
        ("two tokens", format!("{token},{token}")),
    ];
    for (name, token) in cases {
        corpus.add(name, "token_malformed", token);
    }
    let unsigned = corpus.add("no signature", "token_signature", format!("{head}.{body}."));
    unsigned["about"] = json!("an empty part is base64url of no bytes");
    corpus.add("no payload", "token_signature", format!("{head}..{tail}"));
    corpus.add("no header", "token_header", format!(".{body}.{tail}"));
    corpus.add("three empty parts", "token_header", "..");
}

/// The same bytes with other bits after the last one.
fn other_tail(part: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = part.split_at(part.len() - 1);
    let at = DIGITS.iter().position(|digit| *digit == last.as_bytes()[0]);
    let other = char::from(DIGITS[at.unwrap() | 1]);
    format!("{rest}{other}")
}

fn base64(corpus: &mut Corpus) {
    corpus.group("base64");
    let token = corpus.token();
    let [head, body, tail] = parts(&token);
    let padded = |part: &str| URL_SAFE.encode(B64.decode(part).unwrap());
    let standard = |part: &str| STANDARD.encode(B64.decode(part).unwrap());
    // Bytes FB FF give `-` and `_` in one alphabet, `+` and `/` in the other.
    let rare = B64.encode([0xfb, 0xff, 0xfe]);
    let cases = [
        (
            "padding after the signature",
            format!("{head}.{body}.{}", padded(tail)),
        ),
        ("one padding sign", format!("{head}.{body}.{tail}=")),
        ("padding after the header", format!("{head}=.{body}.{tail}")),
        (
            "padding after the payload",
            format!("{head}.{body}==.{tail}"),
        ),
        (
            "the standard alphabet",
            format!("{head}.{body}.{}", standard(tail)),
        ),
        (
            "the standard alphabet without padding",
            format!("{head}.{}.{tail}", rare.replace('-', "+")),
        ),
        (
            "a slash",
            format!("{head}.{}.{tail}", rare.replace('_', "/")),
        ),
        ("a percent sign", format!("{head}.{body}.%2D{tail}")),
        (
            "other bits after the signature",
            format!("{head}.{body}.{}", other_tail(tail)),
        ),
        (
            "a signature part of one digit more",
            format!("{head}.{body}.{tail}AAA"),
        ),
    ];
    for (name, token) in cases {
        corpus.add(name, "token_malformed", token);
    }
    for extra in [1, 2] {
        // The payload ends in blanks until its last digit has unused bits.
        let mut payload = corpus.claims().written();
        while payload.len() % 3 != extra {
            payload.push(' ');
        }
        let token = corpus.with_payload(&payload);
        let [head, body, tail] = parts(&token);
        let name = format!("other bits after the payload, {extra} bytes over");
        corpus.add(
            &name,
            "token_malformed",
            format!("{head}.{}.{tail}", other_tail(body)),
        );
        let name = format!("a payload with {extra} bytes over");
        corpus.add(&name, "accepted", token.clone());
    }
    let mut header = corpus.header().written();
    while header.len() % 3 != 1 {
        header.push(' ');
    }
    let token = corpus.seal(&header, corpus.claims().written());
    let [head, body, tail] = parts(&token);
    let changed = format!("{}.{body}.{tail}", other_tail(head));
    corpus.add("other bits after the header", "token_malformed", changed);
    corpus.add("a header with one byte over", "accepted", token.clone());
    let short = B64.encode(&B64.decode(tail).unwrap()[..63]);
    corpus.add(
        "a signature of 63 bytes",
        "token_signature",
        format!("{head}.{body}.{short}"),
    );
    let long = B64.encode([B64.decode(tail).unwrap(), vec![0]].concat());
    corpus.add(
        "a signature of 65 bytes",
        "token_signature",
        format!("{head}.{body}.{long}"),
    );
}

/// A genuine token of exactly `length` bytes: blanks in header and payload fill it up.
fn of_length(corpus: &Corpus, length: usize) -> String {
    let (header, claims) = (corpus.header().written(), corpus.claims().written());
    for blanks in 0..3 {
        let header = format!("{header}{}", " ".repeat(blanks));
        for more in 0..length {
            let payload = format!("{claims}{}", " ".repeat(more));
            let digits = |bytes: usize| (bytes * 4).div_ceil(3);
            let total = digits(header.len()) + digits(payload.len()) + 86 + 2;
            if total == length {
                return corpus.seal(header, payload);
            }
        }
    }
    panic!("no token has {length} bytes");
}

fn size(corpus: &mut Corpus) {
    corpus.group("size");
    for (length, expect) in [
        (4_095, "accepted"),
        (4_096, "accepted"),
        (4_097, "token_malformed"),
        (6_000, "token_malformed"),
    ] {
        let token = of_length(corpus, length);
        assert_eq!(token.len(), length);
        corpus.add(&format!("{length} bytes"), expect, token);
    }
}

fn swapped(corpus: &mut Corpus) {
    corpus.group("swapped");
    let mine = corpus.token();
    let mut other = corpus.intent_for("infra.scale", json!({"service_id": "auth", "replicas": 9}));
    other.sub = "watcher".parse().unwrap();
    let (other, second) = (
        sign(&corpus.authority, &other),
        sign(&corpus.second, &corpus.intent()),
    );
    let ([head, body, tail], [_, other_body, other_tail]) = (parts(&mine), parts(&other));
    let [second_head, second_body, second_tail] = parts(&second);
    let cases = [
        (
            "the signature of another token",
            format!("{head}.{body}.{other_tail}"),
        ),
        (
            "the payload of another token",
            format!("{head}.{other_body}.{tail}"),
        ),
        (
            "the header of another trusted key",
            format!("{second_head}.{body}.{tail}"),
        ),
        (
            "the signature of another trusted key",
            format!("{head}.{second_body}.{second_tail}"),
        ),
        (
            "payload and header exchanged",
            format!("{head}.{head}.{tail}"),
        ),
        ("a signature of the payload alone", {
            let signature = corpus.authority.sign(body.as_bytes());
            format!("{head}.{body}.{}", B64.encode(signature))
        }),
        ("a signature of the decoded parts", {
            let bytes = [B64.decode(head).unwrap(), B64.decode(body).unwrap()].join(&b'.');
            format!(
                "{head}.{body}.{}",
                B64.encode(corpus.authority.sign(&bytes))
            )
        }),
    ];
    for (name, token) in cases {
        corpus.add(name, "token_signature", token);
    }
    let receipt = corpus.with_header(|header| header["typ"] = json!("receipt+jwt"));
    corpus.add("a receipt in place of a token", "token_header", receipt);
}

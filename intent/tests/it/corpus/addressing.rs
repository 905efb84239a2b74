//! Issuer, audience, tenant, times and floors.

use serde_json::{Value, json};

use super::{Corpus, EPOCH, FLOOR, NOW, Written};

pub(super) fn add(corpus: &mut Corpus) {
    addressees(corpus);
    times(corpus);
    floors(corpus);
}

fn addressees(corpus: &mut Corpus) {
    corpus.group("addressees");
    for (claim, value, code) in [
        ("iss", "other", "token_issuer"),
        ("iss", "Authority", "token_issuer"),
        ("iss", "authority/", "token_issuer"),
        ("iss", " authority", "token_issuer"),
        ("iss", "https://authority", "token_issuer"),
        ("iss", "", "token_issuer"),
        ("aud", "other", "token_audience"),
        ("aud", "Enforcer", "token_audience"),
        ("aud", "enforce", "token_audience"),
        ("aud", "enforcer2", "token_audience"),
        ("aud", "enforcer other", "token_audience"),
        ("aud", "enforcer,other", "token_audience"),
        ("aud", "*", "token_audience"),
        ("aud", "", "token_audience"),
        ("aud", "\u{ff45}nforcer", "token_audience"),
        ("tenant", "other", "token_tenant"),
        ("tenant", "Default", "token_tenant"),
        ("tenant", "default2", "token_tenant"),
    ] {
        let token = corpus.with_claims(|claims| claims[claim] = json!(value));
        corpus.add(&format!("{claim} `{value}`"), code, token);
    }
    for value in [
        json!(["enforcer"]),
        json!(["enforcer", "other"]),
        json!([]),
        json!({"enforcer": 1}),
    ] {
        let name = format!("aud {value}");
        let token = corpus.with_claims(|claims| claims["aud"] = value);
        corpus.add(&name, "token_claims", token);
    }
}

fn times(corpus: &mut Corpus) {
    corpus.group("times");
    // iat, nbf and exp, in seconds from now.
    for (name, [iat, nbf, exp], expect) in [
        ("a second is left", [0, 0, 1], "accepted"),
        ("expires now", [-1, -1, 0], "token_expired"),
        ("expired a second ago", [-60, -60, -1], "token_expired"),
        ("valid in 5 s", [0, 5, 60], "accepted"),
        ("valid in 6 s", [0, 6, 60], "token_early"),
        ("issued and valid in 5 s", [5, 5, 60], "accepted"),
        ("issued and valid in 6 s", [6, 6, 60], "token_early"),
        ("valid in a year", [0, 31_536_000, 60], "token_early"),
        (
            "valid a second before it was issued",
            [0, -1, 60],
            "token_claims",
        ),
        ("valid for 299 s", [0, 0, 299], "accepted"),
        ("valid for 300 s", [0, 0, 300], "accepted"),
        ("valid for 301 s", [0, 0, 301], "token_claims"),
        ("valid for a year", [0, 0, 31_536_000], "token_claims"),
        ("valid for no time", [0, 0, 0], "token_claims"),
        ("expires before it was issued", [0, 0, -1], "token_claims"),
        ("issued in 1970", [-NOW, -NOW, 60], "token_claims"),
        (
            "issued and expired in 1970",
            [-NOW, -NOW, 60 - NOW],
            "token_expired",
        ),
    ] {
        let token = corpus.with_claims(|claims| {
            for (claim, offset) in ["iat", "nbf", "exp"].into_iter().zip([iat, nbf, exp]) {
                claims[claim] = json!(NOW + offset);
            }
        });
        corpus.add(name, expect, token);
    }
    for claim in ["iat", "nbf", "exp"] {
        for (name, value) in [
            ("negative", json!(-1)),
            ("a half", json!(1_800_000_000.5)),
            ("2^53 - 1", json!(9_007_199_254_740_991_u64)),
            ("2^53", json!(9_007_199_254_740_992_u64)),
            ("2^63", json!(9_223_372_036_854_775_808_u64)),
            ("2^64 - 1", json!(u64::MAX)),
            ("text", json!("1800000000")),
            ("true", json!(true)),
            ("a date", json!("2027-01-15T08:00:00Z")),
        ] {
            // The largest `nbf` is plausible, and simply not yet.
            let expect = match (claim, name) {
                ("nbf", "2^53 - 1") => "token_early",
                _ => "token_claims",
            };
            let token = corpus.with_claims(|claims| claims[claim] = value);
            corpus.add(&format!("{claim} {name}"), expect, token);
        }
        for text in [
            "1e400",
            "-0",
            "-0.0",
            "1E309",
            "01800000000",
            "+1800000000",
            "0x6B49D200",
            "NaN",
            "Infinity",
        ] {
            let mut claims = corpus.claims();
            claims[claim] = Value::from("@");
            let token = corpus.with_payload(claims.written().replace("\"@\"", text));
            corpus.add(&format!("{claim} written {text}"), "token_claims", token);
        }
    }
}

fn floors(corpus: &mut Corpus) {
    corpus.group("floors");
    let times = |iat: i64, epoch: u64| {
        move |claims: &mut Value| {
            claims["iat"] = json!(iat);
            claims["nbf"] = json!(iat);
            claims["policy_epoch"] = json!(epoch);
        }
    };
    for (name, iat, epoch, expect) in [
        ("issued at the floor", FLOOR, EPOCH, "accepted"),
        (
            "issued a second before the floor",
            FLOOR - 1,
            EPOCH,
            "token_floor",
        ),
        ("of the epoch before", NOW, EPOCH - 1, "token_epoch"),
        ("of epoch 0", NOW, 0, "token_epoch"),
        ("of the epoch after", NOW, EPOCH + 1, "accepted"),
        ("below both floors", FLOOR - 1, EPOCH - 1, "token_floor"),
    ] {
        let token = corpus.with_claims(times(iat, epoch));
        corpus.add(name, expect, token);
    }
}

//! One thing of the token or of the agent's credential is changed.

use serde_json::{Value, json};

use super::{Case, Range, case, claim};
use crate::harness::forge;

#[tokio::test]
async fn a_call_without_a_genuine_token_is_refused() {
    let range = Range::open().await;
    range.refuses_all(&envelopes()).await;
    range.refuses_all(&signatures()).await;
}

#[tokio::test]
async fn a_token_whose_claims_do_not_hold_is_refused() {
    let range = Range::open().await;
    range.refuses_all(&claims()).await;
}

#[tokio::test]
async fn a_token_in_the_hands_of_another_agent_is_refused() {
    let range = Range::open().await;
    range.refuses_all(&holders()).await;
}

fn envelopes() -> Vec<Case> {
    vec![
        case("no token", 401, "token_missing", |_, shot| {
            shot.token = None;
        }),
        case("an empty token", 401, "token_missing", |_, shot| {
            shot.token = Some(String::new());
        }),
        case("not a token", 401, "token_malformed", |_, shot| {
            shot.token = Some("abc".to_owned());
        }),
        case("two parts of three", 401, "token_malformed", |_, shot| {
            let token = shot.token.as_deref().unwrap();
            shot.token = Some(token.rsplit_once('.').unwrap().0.to_owned());
        }),
        case(
            "a token of 5,000 bytes",
            401,
            "token_malformed",
            |_, shot| {
                shot.token = Some("a".repeat(5_000));
            },
        ),
    ]
}

fn signatures() -> Vec<Case> {
    vec![
        case("another type", 401, "token_header", |range, shot| {
            *shot = headed(range, shot, |header| header["typ"] = "JWT".into());
        }),
        case("no algorithm", 401, "token_header", |range, shot| {
            *shot = headed(range, shot, |header| header["alg"] = "none".into());
        }),
        case(
            "a header that brings its own key",
            401,
            "token_header",
            |range, shot| {
                *shot = headed(range, shot, |header| header["jwk"] = json!({"kty": "OKP"}));
            },
        ),
        case(
            "a key that nobody knows",
            401,
            "token_key",
            |range, shot| {
                let token = shot.token.as_deref().unwrap();
                shot.token = Some(forge::altered(&range.unknown, token, |_| {}));
            },
        ),
        case(
            "another key under the known name",
            401,
            "token_signature",
            |range, shot| {
                let claims = forge::claims(shot.token.as_deref().unwrap()).to_string();
                shot.token = Some(forge::sign(
                    &range.unknown,
                    &forge::header(&range.stolen),
                    &claims,
                ));
            },
        ),
        case(
            "other claims under the old signature",
            401,
            "token_signature",
            |range, shot| {
                let token = shot.token.clone().unwrap();
                let forged =
                    forge::altered(&range.stolen, &token, |claims| claims["exp"] = json!(1));
                let signed = forged.rsplit_once('.').unwrap().0;
                let signature = token.rsplit_once('.').unwrap().1;
                shot.token = Some(format!("{signed}.{signature}"));
            },
        ),
        case("a repeated claim", 401, "token_claims", |range, shot| {
            let claims = forge::claims(shot.token.as_deref().unwrap()).to_string();
            let claims = claims.replacen('{', "{\"aud\":\"enforcer\",", 1);
            shot.token = Some(forge::sign(
                &range.stolen,
                &forge::header(&range.stolen),
                &claims,
            ));
        }),
    ]
}

fn claims() -> Vec<Case> {
    let mut cases = vec![
        claim("no exp", "token_claims", |claims| {
            drop(members(claims).remove("exp"));
        }),
        claim("no jti", "token_claims", |claims| {
            drop(members(claims).remove("jti"));
        }),
        claim("no audience", "token_claims", |claims| {
            drop(members(claims).remove("aud"));
        }),
        claim("exp as text", "token_claims", |claims| {
            claims["exp"] = "9999999999".into();
        }),
        claim("audiences as a list", "token_claims", |claims| {
            claims["aud"] = json!(["enforcer"]);
        }),
        claim("an unknown claim", "token_claims", |claims| {
            claims["admin"] = true.into();
        }),
        claim("approvals that are null", "token_claims", |claims| {
            claims["approvals"] = Value::Null;
        }),
        claim("a life of an hour", "token_claims", |claims| {
            claims["exp"] = json!(claims["iat"].as_i64().unwrap() + 3_600);
        }),
        claim("two calls", "token_claims", |claims| {
            let call = claims["authorization_details"][0].clone();
            claims["authorization_details"] = json!([call, call]);
        }),
        claim("a lease for a change", "token_claims", |claims| {
            claims["authorization_details"][0]["use"] = "lease".into();
        }),
        claim("another issuer", "token_issuer", |claims| {
            claims["iss"] = "mallory".into();
        }),
        claim("another audience", "token_audience", |claims| {
            claims["aud"] = "other-enforcer".into();
        }),
        claim("another tenant", "token_tenant", |claims| {
            claims["tenant"] = "other".into();
        }),
        claim("not valid yet", "token_early", |claims| shift(claims, 60)),
        claim("expired", "token_expired", |claims| shift(claims, -3_600)),
        claim("expired this second", "token_expired", |claims| {
            // No leeway: `exp` is the first second in which the token counts no more.
            let issued = claims["iat"].as_i64().unwrap();
            claims["iat"] = json!(issued - 60);
            claims["nbf"] = json!(issued - 60);
            claims["exp"] = json!(issued);
        }),
        claim("from before the journal", "token_floor", |claims| {
            let issued = claims["iat"].as_i64().unwrap();
            claims["iat"] = json!(issued - 200);
            claims["exp"] = json!(issued + 60);
        }),
        claim("another definition of the tool", "tool_changed", |claims| {
            claims["authorization_details"][0]["definition_sha256"] = "0".repeat(64).into();
        }),
        claim("another rendered call", "render_mismatch", |claims| {
            claims["authorization_details"][0]["request_sha256"] = "0".repeat(64).into();
        }),
        claim("issued to another agent", "agent_mismatch", |claims| {
            claims["sub"] = "watcher".into();
        }),
    ];
    for claim_name in [
        "plan",
        "plan_sha256",
        "step",
        "policy",
        "policy_epoch",
        "iat",
        "nbf",
        "sub",
    ] {
        cases.push(claim("a missing claim", "token_claims", move |claims| {
            drop(members(claims).remove(claim_name));
        }));
    }
    cases
}

fn holders() -> Vec<Case> {
    vec![
        case("no agent", 401, "credential_missing", |_, shot| {
            shot.agent = None;
        }),
        case("an unknown agent", 401, "credential_invalid", |_, shot| {
            shot.agent = Some("cs_agent_0000000000000000000000000000000000000000000".to_owned());
        }),
        case("an operator", 401, "credential_invalid", |range, shot| {
            shot.agent = Some(range.installation.person("operator").to_owned());
        }),
        case("another agent", 403, "agent_mismatch", |range, shot| {
            shot.agent = Some(range.installation.agent("watcher").to_owned());
        }),
    ]
}

/// The same call with another header on its token, signed with the authority's own key.
fn headed(range: &Range, shot: &super::Shot, alter: impl Fn(&mut Value)) -> super::Shot {
    let mut header = forge::header(&range.stolen);
    alter(&mut header);
    let claims = forge::claims(shot.token.as_deref().unwrap()).to_string();
    super::Shot {
        token: Some(forge::sign(&range.stolen, &header, &claims)),
        ..shot.clone()
    }
}

fn members(claims: &mut Value) -> &mut serde_json::Map<String, Value> {
    claims.as_object_mut().unwrap()
}

/// Moves a token's whole life by `seconds`.
fn shift(claims: &mut Value, seconds: i64) {
    for time in ["iat", "nbf", "exp"] {
        claims[time] = json!(claims[time].as_i64().unwrap() + seconds);
    }
}

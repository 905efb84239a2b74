//! A valid token is accepted; every single change of it is refused with its own code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign_intent::id::AgentId;
use countersign_intent::key::SigningKey;
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::token::{Floor, MatchedCall, UnverifiedToken, sign};
use serde_json::{Value, json};

use crate::fixture;

fn run(token: &str, agent: &str, tool: &str, params: Value) -> Result<MatchedCall, Refusal> {
    run_with(token, agent, tool, params, Floor::default())
}

fn run_with(
    token: &str,
    agent: &str,
    tool: &str,
    params: Value,
    floor: Floor,
) -> Result<MatchedCall, Refusal> {
    let agent: AgentId = agent.parse().unwrap();
    let token = UnverifiedToken::new(token)?;
    fixture::verifier()
        .verify(token, &fixture::keys(), fixture::now(), floor)?
        .match_call(&agent, &fixture::tool(tool), fixture::object(params))
}

fn good_params() -> Value {
    json!({"service_id": "payments", "replicas": 4})
}

fn code(token: &str) -> RefusalCode {
    run(token, "remediator", "infra.scale", good_params())
        .unwrap_err()
        .code
}

/// Signs `header` and `claims` as they stand, with the right key: a forger's or a buggy issuer's token.
fn raw(key: &SigningKey, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", B64.encode(header), B64.encode(claims));
    format!("{message}.{}", B64.encode(key.sign(message.as_bytes())))
}

fn header() -> Value {
    json!({"alg": "EdDSA", "kid": fixture::key().kid(), "typ": "intent+jwt"})
}

fn claims() -> Value {
    serde_json::to_value(fixture::intent()).unwrap()
}

fn with_header(change: impl Fn(&mut Value)) -> String {
    let mut header = header();
    change(&mut header);
    raw(&fixture::key(), &header.to_string(), &claims().to_string())
}

fn with_claims(change: impl Fn(&mut Value)) -> String {
    let mut claims = claims();
    change(&mut claims);
    raw(&fixture::key(), &header().to_string(), &claims.to_string())
}

#[test]
fn the_unaltered_call_is_matched() {
    let token = sign(&fixture::key(), &fixture::intent());
    let call = run(&token, "remediator", "infra.scale", good_params()).unwrap();
    assert_eq!(call.request().target(), "/v1/services/payments/scale");
    assert_eq!(call.request().body_bytes().unwrap(), br#"{"replicas":4}"#);
    assert!(
        run(
            &with_claims(|_| ()),
            "remediator",
            "infra.scale",
            good_params()
        )
        .is_ok()
    );
}

#[test]
fn malformed_envelopes_are_refused() {
    let token = sign(&fixture::key(), &fixture::intent());
    let parts: Vec<&str> = token.split('.').collect();
    let [head, body, tail] = parts[..] else {
        panic!()
    };
    for bad in [
        "x".to_owned(),
        "a.b".to_owned(),
        format!("{token}."),
        format!("{token}=="),
        format!("{head}.{body}.{tail}."),
        format!("{head}.{body}.*{tail}"),
        "a".repeat(5_000),
    ] {
        assert_eq!(code(&bad), RefusalCode::TokenMalformed, "{bad}");
    }
    assert_eq!(
        UnverifiedToken::new("  ").unwrap_err().code,
        RefusalCode::TokenMissing
    );
}

#[test]
fn any_other_header_is_refused() {
    type Change = Box<dyn Fn(&mut Value)>;
    let cases: [(&str, Change); 8] = [
        ("alg none", Box::new(|h| h["alg"] = json!("none"))),
        ("alg HS256", Box::new(|h| h["alg"] = json!("HS256"))),
        ("alg Ed25519", Box::new(|h| h["alg"] = json!("Ed25519"))),
        ("typ", Box::new(|h| h["typ"] = json!("JWT"))),
        ("crit", Box::new(|h| h["crit"] = json!(["x"]))),
        ("jwk", Box::new(|h| h["jwk"] = json!({}))),
        (
            "kid path",
            Box::new(|h| h["kid"] = json!("../../etc/passwd")),
        ),
        (
            "no kid",
            Box::new(|h| drop(h.as_object_mut().unwrap().remove("kid"))),
        ),
    ];
    for (name, change) in cases {
        assert_eq!(
            code(&with_header(change)),
            RefusalCode::TokenHeader,
            "{name}"
        );
    }
    let repeated = header().to_string().replacen('{', r#"{"alg":"EdDSA","#, 1);
    let token = raw(&fixture::key(), &repeated, &claims().to_string());
    assert_eq!(code(&token), RefusalCode::TokenHeader);
}

#[test]
fn foreign_keys_and_signatures_are_refused() {
    let other = SigningKey::from_seed(&[2; 32]).unwrap();
    assert_eq!(
        code(&sign(&other, &fixture::intent())),
        RefusalCode::TokenKey
    );
    let forged = raw(&other, &header().to_string(), &claims().to_string());
    assert_eq!(code(&forged), RefusalCode::TokenSignature);
    let token = sign(&fixture::key(), &fixture::intent());
    let (message, _) = token.rsplit_once('.').unwrap();
    assert_eq!(code(&format!("{message}.")), RefusalCode::TokenSignature);
}

#[test]
fn claims_are_exact() {
    for name in [
        "iss",
        "sub",
        "aud",
        "iat",
        "nbf",
        "exp",
        "jti",
        "authorization_details",
        "tenant",
        "plan",
        "plan_sha256",
        "step",
        "policy",
        "policy_epoch",
    ] {
        let token = with_claims(|c| drop(c.as_object_mut().unwrap().remove(name)));
        assert_eq!(code(&token), RefusalCode::TokenClaims, "without {name}");
        let token = with_claims(|c| c[name] = Value::Null);
        assert_eq!(code(&token), RefusalCode::TokenClaims, "{name} null");
    }
    let changes: [(&str, Value); 10] = [
        ("exp", json!("1800000060")),
        ("exp", json!(1_800_000_060.5)),
        ("aud", json!(["enforcer"])),
        ("aud", json!(["enforcer", "other"])),
        ("approvals", Value::Null),
        ("cnf", Value::Null),
        ("scope", json!("all")),
        ("authorization_details", json!([])),
        ("exp", json!(fixture::NOW + 301)),
        ("nbf", json!(fixture::NOW - 1)),
    ];
    for (name, value) in changes {
        let token = with_claims(|c| c[name] = value.clone());
        assert_eq!(code(&token), RefusalCode::TokenClaims, "{name} = {value}");
    }
    let two = with_claims(|c| {
        let detail = c["authorization_details"][0].clone();
        c["authorization_details"]
            .as_array_mut()
            .unwrap()
            .push(detail);
    });
    assert_eq!(code(&two), RefusalCode::TokenClaims);
    let repeated = claims()
        .to_string()
        .replacen('{', r#"{"aud":"enforcer","#, 1);
    let token = raw(&fixture::key(), &header().to_string(), &repeated);
    assert_eq!(code(&token), RefusalCode::TokenClaims);
}

#[test]
fn addressees_times_and_floors_have_their_codes() {
    let cases: [(&str, Value, RefusalCode); 3] = [
        ("iss", json!("other"), RefusalCode::TokenIssuer),
        ("aud", json!("other"), RefusalCode::TokenAudience),
        ("tenant", json!("other"), RefusalCode::TokenTenant),
    ];
    for (name, value, expected) in cases {
        assert_eq!(
            code(&with_claims(|c| c[name] = value.clone())),
            expected,
            "{name}"
        );
    }
    let shifted = |by: i64| {
        with_claims(|c| {
            for name in ["iat", "nbf", "exp"] {
                c[name] = json!(c[name].as_i64().unwrap() + by);
            }
        })
    };
    assert_eq!(code(&shifted(-60)), RefusalCode::TokenExpired);
    assert_eq!(code(&shifted(6)), RefusalCode::TokenEarly);
    assert!(run(&shifted(-59), "remediator", "infra.scale", good_params()).is_ok());
    assert!(run(&shifted(5), "remediator", "infra.scale", good_params()).is_ok());
    let token = sign(&fixture::key(), &fixture::intent());
    let floored = |floor| {
        run_with(&token, "remediator", "infra.scale", good_params(), floor)
            .unwrap_err()
            .code
    };
    let late = Floor {
        issued_at: fixture::NOW + 1,
        policy_epoch: 0,
    };
    assert_eq!(floored(late), RefusalCode::TokenFloor);
    let risen = Floor {
        issued_at: 0,
        policy_epoch: 2,
    };
    assert_eq!(floored(risen), RefusalCode::TokenEpoch);
}

#[test]
fn another_call_than_the_approved_one_is_refused() {
    let token = sign(&fixture::key(), &fixture::intent());
    let scale = |id: &str, replicas: Value| json!({"service_id": id, "replicas": replicas});
    let extra = json!({"service_id": "payments", "replicas": 4, "x": 1});
    let (agent, tool) = ("remediator", "infra.scale");
    let cases = [
        ("watcher", tool, good_params(), RefusalCode::AgentMismatch),
        (
            agent,
            "infra.get",
            json!({"service_id": "payments"}),
            RefusalCode::ToolMismatch,
        ),
        (
            agent,
            "infra.get",
            json!({"bad": 1}),
            RefusalCode::ToolMismatch,
        ),
        (
            agent,
            tool,
            scale("auth", json!(4)),
            RefusalCode::ParamsMismatch,
        ),
        (
            agent,
            tool,
            scale("payments", json!(5)),
            RefusalCode::ParamsMismatch,
        ),
        (
            agent,
            tool,
            scale("payments", json!("4")),
            RefusalCode::ParamsInvalid,
        ),
        (
            agent,
            tool,
            scale("payments", json!(true)),
            RefusalCode::ParamsInvalid,
        ),
        (agent, tool, extra, RefusalCode::ParamsInvalid),
        (
            agent,
            tool,
            json!({"service_id": "payments"}),
            RefusalCode::ParamsInvalid,
        ),
    ];
    for (agent, tool, params, expected) in cases {
        let code = run(&token, agent, tool, params.clone()).unwrap_err().code;
        assert_eq!(code, expected, "{agent} {tool} {params}");
    }
    let changed = |name: &str, value: Value| {
        with_claims(|c| c["authorization_details"][0][name] = value.clone())
    };
    let zeros = json!("0".repeat(64));
    assert_eq!(
        code(&changed("definition_sha256", zeros.clone())),
        RefusalCode::ToolChanged
    );
    assert_eq!(
        code(&changed("request_sha256", zeros)),
        RefusalCode::RenderMismatch
    );
    assert_eq!(
        code(&changed("use", json!("lease"))),
        RefusalCode::TokenClaims
    );
}

//! Claims: each one missing, null, of another type, repeated, unknown; payloads that are no claims.

use serde_json::{Value, json};

use super::{Corpus, NOW, Written};

const REQUIRED: [&str; 14] = [
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
];
const DETAIL: [&str; 6] = [
    "type",
    "tool",
    "params_sha256",
    "definition_sha256",
    "request_sha256",
    "use",
];

pub(super) fn add(corpus: &mut Corpus) {
    required(corpus);
    details(corpus);
    forms(corpus);
    payloads(corpus);
}

/// A value of another type than `value`.
fn other_type(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.to_string()),
        Value::String(_) => json!(7),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => json!("text"),
    }
}

fn remove(object: &mut Value, name: &str) {
    object.as_object_mut().unwrap().remove(name).unwrap();
}

fn required(corpus: &mut Corpus) {
    corpus.group("claims");
    for name in REQUIRED {
        let token = corpus.with_claims(|claims| remove(claims, name));
        corpus.add(&format!("without {name}"), "token_claims", token);
        let token = corpus.with_claims(|claims| claims[name] = Value::Null);
        corpus.add(&format!("{name} null"), "token_claims", token);
        let token = corpus.with_claims(|claims| claims[name] = other_type(&claims[name]));
        corpus.add(&format!("{name} of another type"), "token_claims", token);
        let claims = corpus.claims();
        let twice =
            claims
                .written()
                .replacen('{', &format!("{{\"{name}\":{},", claims[name].written()), 1);
        let token = corpus.with_payload(twice);
        corpus.add(&format!("{name} twice"), "token_claims", token);
    }
    for name in ["approvals", "precondition", "cnf"] {
        let token = corpus.with_claims(|claims| claims[name] = Value::Null);
        corpus.add(&format!("{name} null"), "token_claims", token);
        let token = corpus.with_claims(|claims| claims[name] = json!("x"));
        corpus.add(&format!("{name} of another form"), "token_claims", token);
    }
    for (name, value) in [
        ("v", json!(1)),
        ("scope", json!("all")),
        ("ISS", json!("authority")),
        ("azp", json!("x")),
        ("act", json!({"sub": "root"})),
        ("__entity", json!({"type": "User", "id": "root"})),
        ("__extn", json!({"fn": "ip", "arg": "::1"})),
        ("$ref", json!("#")),
        ("", json!(1)),
    ] {
        let token = corpus.with_claims(|claims| claims[name] = value);
        corpus.add(&format!("unknown `{name}`"), "token_claims", token);
    }
}

fn details(corpus: &mut Corpus) {
    corpus.group("authorization_details");
    for name in DETAIL {
        let token =
            corpus.with_claims(|claims| remove(&mut claims["authorization_details"][0], name));
        corpus.add(&format!("without {name}"), "token_claims", token);
        let token =
            corpus.with_claims(|claims| claims["authorization_details"][0][name] = Value::Null);
        corpus.add(&format!("{name} null"), "token_claims", token);
        let token =
            corpus.with_claims(|claims| claims["authorization_details"][0][name] = json!(7));
        corpus.add(&format!("{name} of another type"), "token_claims", token);
    }
    let detail = corpus.claims()["authorization_details"][0].clone();
    let mut other_type = detail.clone();
    other_type["type"] = json!("payment");
    let mut more = detail.clone();
    more["locations"] = json!(["https://enforcer.example"]);
    for (name, value) in [
        ("none", json!([])),
        ("two", json!([detail, detail])),
        ("an object", detail.clone()),
        ("of another type", json!([other_type])),
        ("with a member more", json!([more])),
        (
            "its values as a list",
            json!([DETAIL.map(|name| &detail[name])]),
        ),
        ("nested", json!([[detail]])),
    ] {
        let token = corpus.with_claims(|claims| claims["authorization_details"] = value);
        corpus.add(name, "token_claims", token);
    }
    for (name, member, value) in [
        ("use never", "use", json!("never")),
        ("use in capitals", "use", json!("ONCE")),
        ("use as an object", "use", json!({"once": null})),
        ("use as a list", "use", json!(["once"])),
        (
            "a digest in capitals",
            "params_sha256",
            json!("A".repeat(64)),
        ),
        (
            "a digest of 63 digits",
            "params_sha256",
            json!("a".repeat(63)),
        ),
        (
            "a digest in base64url",
            "request_sha256",
            json!("a".repeat(43)),
        ),
        ("a tool name with a blank", "tool", json!("infra.scale ")),
        (
            "a tool name with a look-alike letter",
            "tool",
            json!("infr\u{430}.scale"),
        ),
    ] {
        let token = corpus.with_claims(|claims| claims["authorization_details"][0][member] = value);
        corpus.add(name, "token_claims", token);
    }
}

fn forms(corpus: &mut Corpus) {
    corpus.group("forms");
    let jti = corpus.claims()["jti"].as_str().unwrap().to_owned();
    for (name, claim, value) in [
        ("jti in small letters", "jti", json!(jti.to_lowercase())),
        ("jti of 25 digits", "jti", json!(jti[..25])),
        (
            "jti with a letter that is no digit",
            "jti",
            json!(format!("{}U", &jti[..25])),
        ),
        ("a plan without its prefix", "plan", json!(jti)),
        ("a step with a slash", "step", json!("s/1")),
        ("an empty step", "step", json!("")),
        ("an agent with a line feed", "sub", json!("remediator\n")),
        ("an empty agent", "sub", json!("")),
        ("an agent of 129 letters", "sub", json!("a".repeat(129))),
        ("an empty tenant", "tenant", json!("")),
        ("a negative epoch", "policy_epoch", json!(-1)),
        (
            "an epoch of 2^53",
            "policy_epoch",
            json!(9_007_199_254_740_992_u64),
        ),
        ("an epoch and a half", "policy_epoch", json!(3.5)),
        (
            "cnf with a member more",
            "cnf",
            json!({"jkt": "x", "jwk": {}}),
        ),
        (
            "cnf with a key in place of a thumbprint",
            "cnf",
            json!({"jwk": {}}),
        ),
        ("an empty cnf", "cnf", json!({})),
        ("cnf as a list", "cnf", json!(["x"])),
    ] {
        let token = corpus.with_claims(|claims| claims[claim] = value);
        corpus.add(name, "token_claims", token);
    }
}

fn payloads(corpus: &mut Corpus) {
    corpus.group("payload");
    let claims = corpus.claims().written();
    let nested = format!(r#"{{"x":{}{}}}"#, "[".repeat(40), "]".repeat(40));
    let texts: [(&str, Vec<u8>); 13] = [
        ("nothing", Vec::new()),
        ("no JSON", b"claims".to_vec()),
        ("text", b"\"claims\"".to_vec()),
        ("null", b"null".to_vec()),
        ("a list", format!("[{claims}]").into_bytes()),
        ("an empty object", b"{}".to_vec()),
        (
            "a byte order mark",
            format!("\u{feff}{claims}").into_bytes(),
        ),
        ("two documents", format!("{claims}{claims}").into_bytes()),
        ("a byte after the end", format!("{claims}x").into_bytes()),
        ("nested deeper than 32", nested.into_bytes()),
        ("a comment", format!("/*x*/{claims}").into_bytes()),
        (
            "not UTF-8",
            claims
                .replace("authority", "authorit\u{1}")
                .bytes()
                .map(|byte| if byte == 1 { 0xff } else { byte })
                .collect(),
        ),
        (
            "half a surrogate pair",
            claims.replace("authority", r"authority\ud800").into_bytes(),
        ),
    ];
    for (name, bytes) in texts {
        let token = corpus.with_payload(bytes);
        corpus.add(name, "token_claims", token);
    }
    let twice = claims.replacen('{', r#"{"\u0061ud":"other","#, 1);
    let token = corpus.with_payload(twice);
    corpus.add("aud twice, once escaped", "token_claims", token);
    let nul = corpus
        .claims()
        .written()
        .replace("authority", r"authority\u0000");
    let token = corpus.with_payload(nul);
    corpus.add("U+0000 in a claim", "token_claims", token);
    let blanks = corpus.claims().written().replace(',', " ,\r\n\t");
    let token = corpus.with_payload(blanks);
    corpus.add("blanks between the claims", "accepted", token);
    let escaped = corpus
        .claims()
        .written()
        .replace("\"aud\"", r#""\u0061\u0075\u0064""#);
    let token = corpus.with_payload(escaped);
    corpus.add("a claim's name with escapes", "accepted", token);
    let exp = format!("\"exp\":{}", NOW + 60);
    for text in ["1800000060.0", "1.80000006e9", "18000000600e-1"] {
        let payload = corpus
            .claims()
            .written()
            .replace(&exp, &format!("\"exp\":{text}"));
        let token = corpus.with_payload(payload);
        let case = corpus.add(&format!("exp written {text}"), "accepted", token);
        case["about"] = json!("the same number");
    }
}

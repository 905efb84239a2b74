//! The call beside a genuine token: agent, tool, parameters, definition, rendered request.

use countersign_intent::token::sign;
use serde_json::{Value, json};

use super::{Corpus, Written};

pub(super) fn add(corpus: &mut Corpus) {
    who_and_what(corpus);
    parameters(corpus);
    every_place(corpus);
    bound(corpus);
}

fn with(corpus: &mut Corpus, name: &str, expect: &str, member: &str, value: &str) {
    let token = corpus.token();
    corpus.add(name, expect, token)[member] = json!(value);
}

fn who_and_what(corpus: &mut Corpus) {
    corpus.group("call");
    with(
        corpus,
        "another agent",
        "agent_mismatch",
        "agent",
        "watcher",
    );
    with(corpus, "another tool", "tool_mismatch", "tool", "note.put");
    with(
        corpus,
        "a tool that reads",
        "tool_mismatch",
        "tool",
        "infra.get",
    );
    for tool in [
        "infra.explode",
        "infra.Scale",
        "infra.scale ",
        "",
        "infr\u{430}.scale",
    ] {
        with(
            corpus,
            &format!("tool `{tool}`"),
            "tool_unknown",
            "tool",
            tool,
        );
    }
    let token = corpus.with_claims(|claims| claims["sub"] = json!("watcher"));
    corpus.add("a token of another agent", "agent_mismatch", token);
    let token = corpus.with_claims(|claims| claims["sub"] = json!("Remediator"));
    corpus.add("a token of an agent in capitals", "agent_mismatch", token);
    let token = corpus.token();
    let case = corpus.add("another agent and another tool", "agent_mismatch", token);
    case["agent"] = json!("watcher");
    case["tool"] = json!("infra.get");
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn parameters(corpus: &mut Corpus) {
    corpus.group("parameters");
    for (name, text) in [
        (
            "in another order",
            r#"{"replicas":4,"service_id":"payments"}"#,
        ),
        (
            "with blanks",
            "{ \"service_id\" : \"payments\",\n\t\"replicas\" : 4 }",
        ),
        (
            "with escapes",
            r#"{"service_id":"\u0070ayments","\u0072eplicas":4}"#,
        ),
        ("4.0 for 4", r#"{"service_id":"payments","replicas":4.0}"#),
        (
            "40e-1 for 4",
            r#"{"service_id":"payments","replicas":40e-1}"#,
        ),
    ] {
        with(corpus, name, "accepted", "params", text);
    }
    for (name, text) in [
        (
            "another number",
            r#"{"service_id":"payments","replicas":40}"#,
        ),
        ("another service", r#"{"service_id":"auth","replicas":4}"#),
        (
            "a service in capitals",
            r#"{"service_id":"Payments","replicas":4}"#,
        ),
        ("a blank more", r#"{"service_id":"payments ","replicas":4}"#),
        (
            "a look-alike letter",
            r#"{"service_id":"p\u0430yments","replicas":4}"#,
        ),
        (
            "a path in the service",
            r#"{"service_id":"../payments","replicas":4}"#,
        ),
    ] {
        with(corpus, name, "params_mismatch", "params", text);
    }
    for (name, text) in [
        (
            "text for a number",
            r#"{"service_id":"payments","replicas":"4"}"#,
        ),
        (
            "true for a number",
            r#"{"service_id":"payments","replicas":true}"#,
        ),
        ("a half", r#"{"service_id":"payments","replicas":4.5}"#),
        (
            "above the maximum",
            r#"{"service_id":"payments","replicas":101}"#,
        ),
        (
            "below the minimum",
            r#"{"service_id":"payments","replicas":-1}"#,
        ),
        ("null", r#"{"service_id":"payments","replicas":null}"#),
        ("one missing", r#"{"service_id":"payments"}"#),
        (
            "one more",
            r#"{"service_id":"payments","replicas":4,"force":true}"#,
        ),
        ("none", "{}"),
        (
            "an undeclared $secret",
            r#"{"service_id":"payments","replicas":4,"$secret":"x"}"#,
        ),
        (
            "a $secret in place of text",
            r#"{"service_id":{"$secret":"x"},"replicas":4}"#,
        ),
        (
            "an undeclared $blob",
            r#"{"service_id":"payments","replicas":4,"$blob":"sha256:0"}"#,
        ),
        (
            "$ref",
            r##"{"service_id":"payments","replicas":4,"$ref":"#"}"##,
        ),
        (
            "__entity",
            r#"{"service_id":"payments","replicas":{"__entity":{"type":"A","id":"b"}}}"#,
        ),
        (
            "__extn",
            r#"{"service_id":"payments","replicas":{"__extn":{"fn":"ip","arg":"::1"}}}"#,
        ),
        (
            "one twice",
            r#"{"service_id":"payments","replicas":4,"replicas":4}"#,
        ),
        (
            "one twice, once escaped",
            r#"{"service_id":"payments","replicas":4,"replic\u0061s":9}"#,
        ),
        ("U+0000", r#"{"service_id":"payments\u0000","replicas":4}"#),
        (
            "half a surrogate pair",
            r#"{"service_id":"payments\ud800","replicas":4}"#,
        ),
        ("minus zero", r#"{"service_id":"payments","replicas":-0}"#),
        (
            "minus zero, a fraction",
            r#"{"service_id":"payments","replicas":-0.0}"#,
        ),
        (
            "2^53",
            r#"{"service_id":"payments","replicas":9007199254740992}"#,
        ),
        ("1e400", r#"{"service_id":"payments","replicas":1e400}"#),
        (
            "a trailing comma",
            r#"{"service_id":"payments","replicas":4,}"#,
        ),
        ("a comment", r#"{"service_id":"payments","replicas":4/**/}"#),
        ("single quotes", "{'service_id':'payments','replicas':4}"),
        ("a list", r#"["payments",4]"#),
        ("text", "\"payments\""),
    ] {
        with(corpus, name, "params_invalid", "params", text);
    }
}

/// `note.put` has a parameter in the path, the query, a header and the body.
fn every_place(corpus: &mut Corpus) {
    corpus.group("rendering");
    let full = json!({"id": "n-1", "text": "é \"\\\u{7}\u{1f600}\u{e000}", "lang": "a&b=c d/é", "page": -7,
        "reason": "it was asked for", "share": 0.1, "tags": ["a", "", "\u{2028}"]});
    let note = |corpus: &mut Corpus, name: &str, params: &Value, expect: &str| {
        let token = sign(
            &corpus.authority,
            &corpus.intent_for("note.put", params.clone()),
        );
        let case = corpus.add(name, expect, token);
        case["tool"] = json!("note.put");
        case["params"] = json!(params.written());
    };
    note(corpus, "a parameter in every place", &full, "accepted");
    note(
        corpus,
        "the least",
        &json!({"id": "n", "text": ""}),
        "accepted",
    );
    for share in [
        1e-7,
        123_456.789,
        5e-324,
        0.000_001,
        4_503_599_627_370_495.5,
        -1.5e-10,
    ] {
        let params = json!({"id": "n", "text": "", "share": share});
        note(
            corpus,
            &format!("a share of {share:e}"),
            &params,
            "accepted",
        );
    }
    for id in [
        "..", ".", "a/b", "%2e%2e", "a?b", "a#b", "a@b", "a\\b", "", "-a", "~a", "a b", "ä",
        "a\u{7f}",
    ] {
        let params = json!({"id": id, "text": ""});
        note(
            corpus,
            &format!("`{}` in the path", id.escape_debug()),
            &params,
            "render_refused",
        );
    }
    let params = json!({"id": "a".repeat(129), "text": ""});
    note(corpus, "129 letters in the path", &params, "render_refused");
    for reason in ["a\r\nx-evil: 1", "é", "\u{7f}"] {
        let params = json!({"id": "n", "text": "", "reason": reason});
        let name = format!("`{}` in a header", reason.escape_debug());
        note(corpus, &name, &params, "render_refused");
    }
}

fn bound(corpus: &mut Corpus) {
    corpus.group("binding");
    let zeros = json!("0".repeat(64));
    let claims = corpus.claims();
    let detail = claims["authorization_details"][0].clone();
    for (name, member, value, expect) in [
        (
            "another parameters hash",
            "params_sha256",
            zeros.clone(),
            "params_mismatch",
        ),
        (
            "another definition",
            "definition_sha256",
            zeros.clone(),
            "tool_changed",
        ),
        (
            "another request",
            "request_sha256",
            zeros,
            "render_mismatch",
        ),
        (
            "the parameters hash as the request's",
            "request_sha256",
            detail["params_sha256"].clone(),
            "render_mismatch",
        ),
        (
            "a lease for a tool that changes things",
            "use",
            json!("lease"),
            "token_claims",
        ),
        (
            "another tool in the token",
            "tool",
            json!("infra.get"),
            "tool_mismatch",
        ),
    ] {
        let token = corpus.with_claims(|claims| claims["authorization_details"][0][member] = value);
        corpus.add(name, expect, token);
    }
    let get = corpus.intent_for("infra.get", json!({"service_id": "payments"}));
    let other =
        serde_json::to_value(get).unwrap()["authorization_details"][0]["definition_sha256"].clone();
    let token = corpus
        .with_claims(|claims| claims["authorization_details"][0]["definition_sha256"] = other);
    corpus.add("the definition of another tool", "tool_changed", token);
}

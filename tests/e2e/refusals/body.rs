//! One thing of the call itself is changed: the tool, the resource, a parameter, or how it is written.

use serde_json::json;

use super::{Case, Range, case};
use crate::harness::installation::Installation;

#[tokio::test]
async fn a_call_that_is_not_the_approved_one_is_refused() {
    let range = Range::open().await;
    range.refuses_all(&calls()).await;
    range.refuses_all(&tools()).await;
}

#[tokio::test]
async fn a_call_that_cannot_be_read_for_certain_is_refused() {
    let range = Range::open().await;
    range.refuses_all(&texts()).await;
}

#[tokio::test]
async fn true_does_not_pass_for_one() {
    let range = Range::open().await;
    let world: &Installation = &range.installation;
    range.runs("one replica", &range.scaling(1).await).await;
    let fresh = range.scaling(1).await;
    let before = range.upstream.log().await;
    let mut shot = world.shot(&fresh);
    shot.body = scale(r#"{"service_id": "payments", "replicas": true}"#);
    world.fire(&shot).await.refused(422, "params_invalid");
    assert_eq!(
        range.upstream.log().await,
        before,
        "something was forwarded"
    );
    range.runs("one replica", &fresh).await;
}

/// Other spellings of the same value are the same call: what is forwarded is rendered from the value.
#[tokio::test]
async fn another_spelling_of_the_same_call_is_the_same_call() {
    let range = Range::open().await;
    let world: &Installation = &range.installation;
    for params in [
        r#"{ "replicas" : 4 , "service_id" : "payments" }"#,
        r#"{"service_id": "\u0070ayments", "replicas": 4.0}"#,
    ] {
        let fresh = range.scaling(4).await;
        let before = range.upstream.count().await;
        let mut shot = world.shot(&fresh);
        shot.body = scale(params);
        world.fire(&shot).await.with(200);
        let log = range.upstream.log().await.requests;
        let canonical = countersign_intent::digest::Digest::of(br#"{"replicas":4}"#).to_string();
        assert_eq!(
            (log.len(), &log[before]["body_sha256"]),
            (before + 1, &json!(canonical)),
            "{params}"
        );
    }
}

/// A call whose parameters are changed to `params`.
fn params(name: &'static str, status: u16, code: &'static str, params: &'static str) -> Case {
    case(name, status, code, move |_, shot| shot.body = scale(params))
}

/// The body of a call of `infra.scale` with these parameters, as they are written.
fn scale(params: &str) -> String {
    format!(r#"{{"tool": "infra.scale", "params": {params}}}"#)
}

/// A call whose whole body is `body`.
fn body(name: &'static str, status: u16, code: &'static str, body: &'static str) -> Case {
    case(name, status, code, move |_, shot| {
        body.clone_into(&mut shot.body);
    })
}

fn calls() -> Vec<Case> {
    vec![
        params(
            "a changed parameter",
            403,
            "params_mismatch",
            r#"{"service_id": "payments", "replicas": 5}"#,
        ),
        params(
            "another resource",
            403,
            "params_mismatch",
            r#"{"service_id": "auth", "replicas": 4}"#,
        ),
        params(
            "an extra parameter",
            422,
            "params_invalid",
            r#"{"service_id": "payments", "replicas": 4, "force": true}"#,
        ),
        params(
            "a missing parameter",
            422,
            "params_invalid",
            r#"{"service_id": "payments"}"#,
        ),
        params(
            "text for a number",
            422,
            "params_invalid",
            r#"{"service_id": "payments", "replicas": "4"}"#,
        ),
        params(
            "truth for a number",
            422,
            "params_invalid",
            r#"{"service_id": "payments", "replicas": true}"#,
        ),
        params(
            "four and a half",
            422,
            "params_invalid",
            r#"{"service_id": "payments", "replicas": 4.5}"#,
        ),
        params(
            "beyond the schema",
            422,
            "params_invalid",
            r#"{"service_id": "payments", "replicas": 101}"#,
        ),
        params(
            "a path in a name",
            403,
            "params_mismatch",
            r#"{"service_id": "../databases/prod_db", "replicas": 4}"#,
        ),
        params(
            "a query in a name",
            422,
            "params_invalid",
            r#"{"service_id": "payments?replicas=9", "replicas": 4}"#,
        ),
        params("no parameters", 422, "params_invalid", "{}"),
        params("a list of parameters", 422, "params_invalid", "[4]"),
    ]
}

fn tools() -> Vec<Case> {
    vec![
        body(
            "another tool",
            403,
            "tool_mismatch",
            r#"{"tool": "infra.restart", "params": {"service_id": "payments"}}"#,
        ),
        body(
            "another tool with the same parameters",
            403,
            "tool_mismatch",
            r#"{"tool": "data.wipe", "params": {"service_id": "payments", "replicas": 4}}"#,
        ),
        body(
            "an unknown tool",
            403,
            "tool_unknown",
            r#"{"tool": "infra.explode", "params": {}}"#,
        ),
        body("no tool", 422, "params_invalid", r#"{"params": {}}"#),
        body(
            "a member beside tool and parameters",
            422,
            "params_invalid",
            r#"{"tool": "infra.scale", "params": {"service_id": "payments", "replicas": 4}, "dry_run": true}"#,
        ),
    ]
}

fn texts() -> Vec<Case> {
    vec![
        params(
            "a parameter twice",
            400,
            "params_invalid",
            r#"{"service_id": "payments", "replicas": 4, "replicas": 40}"#,
        ),
        params(
            "a parameter twice, once in other letters",
            400,
            "params_invalid",
            r#"{"service_id": "payments", "replicas": 40, "replica\u0073": 4}"#,
        ),
        body(
            "the tool twice",
            400,
            "params_invalid",
            r#"{"tool": "data.wipe", "tool": "infra.scale", "params": {"service_id": "payments", "replicas": 4}}"#,
        ),
        body(
            "half a document",
            400,
            "params_invalid",
            r#"{"tool": "infra.scale", "params": {"#,
        ),
        body(
            "a list",
            400,
            "params_invalid",
            r#"[{"tool": "infra.scale", "params": {}}]"#,
        ),
        body("nothing", 400, "params_invalid", ""),
        case(
            "bytes after the document",
            400,
            "params_invalid",
            |_, shot| shot.body.push_str(" {}"),
        ),
        case(
            "a mark before the document",
            400,
            "params_invalid",
            |_, shot| shot.body.insert(0, '\u{feff}'),
        ),
        case(
            "a document that is too deep",
            400,
            "params_invalid",
            |_, shot| {
                shot.body = scale(&format!("{}{}", "[".repeat(40), "]".repeat(40)));
            },
        ),
        params(
            "a number that is not exact",
            400,
            "params_invalid",
            r#"{"service_id": "payments", "replicas": 9007199254740993}"#,
        ),
        params(
            "a name that steers Cedar",
            400,
            "params_invalid",
            r#"{"service_id": {"__entity": {"type": "Service", "id": "auth"}}, "replicas": 4}"#,
        ),
    ]
}

//! P2: any change of one byte, in the token or in the call, refuses. Here is the pure part; that
//! nothing is written either is the enforcer's to show (`enforcer/tests/it/binding.rs`).

use std::sync::LazyLock;

use countersign_intent::id::AgentId;
use countersign_intent::json;
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::token::{Floor, MatchedCall, UnverifiedToken, sign};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture;

static TOKEN: LazyLock<String> = LazyLock::new(|| sign(&fixture::key(), &fixture::intent()));
const BODY: &str = r#"{"tool":"infra.scale","params":{"service_id":"payments","replicas":4}}"#;

/// Judges a call as a door does: token, then body.
fn judge(token: &str, body: &[u8], agent: &str) -> Result<MatchedCall, Refusal> {
    let refuse = |code| Refusal::new(code, "unreadable");
    let token = UnverifiedToken::new(token)?;
    let verified =
        fixture::verifier().verify(token, &fixture::keys(), fixture::now(), Floor::default())?;
    let call = json::read(body).map_err(|_cause| refuse(RefusalCode::ParamsInvalid))?;
    let members = call.as_object().filter(|members| members.len() == 2);
    let asked = members.and_then(|members| {
        Some((
            members.get("tool")?.as_str()?,
            members.get("params")?.as_object()?,
        ))
    });
    let (tool, params) = asked.ok_or_else(|| refuse(RefusalCode::ParamsInvalid))?;
    let catalogue = fixture::catalogue();
    let tool = tool.parse().ok().and_then(|tool| catalogue.get(&tool));
    let tool = tool.ok_or_else(|| refuse(RefusalCode::ToolUnknown))?;
    let agent: AgentId = agent
        .parse()
        .map_err(|_cause| refuse(RefusalCode::AgentMismatch))?;
    verified.match_call(&agent, tool, params.clone())
}

/// `text` with one byte replaced, removed or put in.
fn changed(text: &str, at: prop::sample::Index, byte: u8, how: u8) -> Option<Vec<u8>> {
    let mut bytes = text.as_bytes().to_vec();
    let at = at.index(bytes.len());
    match how {
        0 => bytes[at] = byte,
        1 => drop(bytes.remove(at)),
        _ => bytes.insert(at, byte),
    }
    (bytes != text.as_bytes()).then_some(bytes)
}

#[test]
fn the_unaltered_call_is_matched() {
    let call = judge(&TOKEN, BODY.as_bytes(), "remediator").unwrap();
    assert_eq!(call.kid(), fixture::key().kid());
    assert_eq!(*call.share_intent(), fixture::intent());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn any_one_byte_change_of_a_token_is_refused(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0u8..3,
    ) {
        if let Some(bytes) = changed(&TOKEN, at, byte, how) {
            // What is not text is no header value; blanks at the ends do not belong to a token.
            let text = String::from_utf8_lossy(&bytes).into_owned();
            prop_assume!(text.trim() != *TOKEN);
            prop_assert!(judge(&text, BODY.as_bytes(), "remediator").is_err());
        }
    }

    #[test]
    fn any_one_byte_change_of_a_call_is_refused(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0u8..3,
    ) {
        if let Some(bytes) = changed(BODY, at, byte, how) {
            // A blank between tokens, or `4.` made of more digits, may leave the value as it was.
            let same = json::read(&bytes).ok() == json::read(BODY.as_bytes()).ok();
            prop_assert_eq!(judge(&TOKEN, &bytes, "remediator").is_ok(), same);
        }
    }

    #[test]
    fn any_other_parameters_are_refused(service in "[a-z]{1,8}|payments", replicas in 0i64..8, agent in "remediator|[a-z]{3,9}") {
        let body: Value = json!({"tool": "infra.scale", "params": {"service_id": service, "replicas": replicas}});
        let approved = service == "payments" && replicas == 4 && agent == "remediator";
        prop_assert_eq!(judge(&TOKEN, body.to_string().as_bytes(), &agent).is_ok(), approved);
    }
}

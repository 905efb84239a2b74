//! P2 at the door: any change of one byte, in the token or in the call, refuses, writes nothing to the
//! journal and sends nothing. The pure part, with more cases, stands in `intent/tests/it/binding.rs`.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::bench::{AGENT, Bench, scale_params};

const CASES: u32 = 500;

/// Where, what and how: replaced, removed or put in; and whether the token or the body changes.
type Change = (Index, u8, u8, bool);

fn apply(text: &str, (at, byte, how, _): Change) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = at.index(bytes.len());
    match how {
        0 => bytes[at] = byte,
        1 => drop(bytes.remove(at)),
        _ => bytes.insert(at, byte),
    }
    String::from_utf8(bytes).unwrap()
}

/// The cases, drawn before the enforcer starts: the runner is not asynchronous.
fn changes() -> Vec<Change> {
    let strategy = (any::<Index>(), 33u8..127, 0u8..3, any::<bool>());
    let mut runner = TestRunner::deterministic();
    let mut draw = || strategy.new_tree(&mut runner).unwrap().current();
    (0..CASES).map(|_| draw()).collect()
}

#[tokio::test]
async fn one_changed_byte_refuses_sends_nothing_and_leaves_the_token_good() {
    let bench = Bench::start().await;
    let token = bench.scale();
    let body = json!({"tool": "infra.scale", "params": scale_params()}).to_string();
    let means = |text: &str| serde_json::from_str::<Value>(text).ok();
    let mut refused = 0;
    for change in changes() {
        let (sent_token, sent_body) = if change.3 {
            (apply(&token, change), body.clone())
        } else {
            (token.clone(), apply(&body, change))
        };
        if sent_token == token && means(&sent_body) == means(&body) {
            continue;
        }
        let (status, answer) = bench
            .post_call(Some(&sent_token), Some(AGENT), &[], sent_body)
            .await;
        assert!(status.is_client_error(), "{change:?}: {status} {answer}");
        refused += 1;
    }
    assert!(refused > CASES * 9 / 10, "{refused}");
    assert_eq!(bench.upstream.count(), 0);
    assert!(bench.calls().await.is_empty(), "the journal has no row");
    let (status, answer) = bench.post_call(Some(&token), Some(AGENT), &[], body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!((bench.upstream.count(), bench.calls().await.len()), (1, 1));
}

//! Z1: the strict reader ends on any bytes, and what it accepts has one meaning.

use countersign_intent::digest::Digest;
use countersign_intent::{canonical, json};
use serde_json::Value;

/// Reads `data`; gives back whether it was accepted.
pub(crate) fn run(data: &[u8]) -> bool {
    let Ok(value) = json::read(data) else {
        return false;
    };
    let bytes = canonical::to_vec(&value);
    let again = json::read(&bytes).expect("canonical bytes are read");
    assert_eq!(again, value, "canonical bytes mean the same");
    assert_eq!(canonical::to_vec(&again), bytes, "and are canonical");
    assert_eq!(Digest::of_json(&value), Digest::of(&bytes));
    json::check(&value).expect("an accepted value passes the check of values");
    // Another reader sees the same value: nothing was dropped, nothing joined.
    let other: Value = serde_json::from_slice(data).expect("JSON");
    assert_eq!(canonical::to_vec(&other), bytes, "two readers, one value");
    let mut nodes = 0;
    bounded(&value, 0, &mut nodes);
    assert!(data.len() <= json::MAX_BYTES && nodes <= json::MAX_NODES);
    true
}

fn bounded(value: &Value, depth: usize, nodes: &mut usize) {
    *nodes += 1;
    assert!(depth <= json::MAX_DEPTH);
    match value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| bounded(item, depth + 1, nodes)),
        Value::Object(members) => {
            for (name, member) in members {
                let declared = name == "$secret" || name == "$blob";
                assert!(!name.starts_with("__") && (!name.starts_with('$') || declared));
                assert!(!name.contains('\0'));
                bounded(member, depth + 1, nodes);
            }
        }
        Value::String(text) => assert!(!text.contains('\0')),
        Value::Number(number) => {
            let double = number.as_f64().expect("a number is a double");
            assert!(
                double.abs() < 9_007_199_254_740_992.0
                    && !(double == 0.0 && double.is_sign_negative())
            );
        }
        Value::Null | Value::Bool(_) => {}
    }
}

//! P1: the canonical form is stable and injective, and three implementations of RFC 8785 agree on
//! every value that the reader accepts.

use countersign_intent::{canonical, digest::Digest, json};
use proptest::prelude::*;
use serde_json::Value;

/// Characters where writers differ: escapes, controls, surrogate pairs, the end of the plane.
const RARE: &str = "[\u{1}-\u{1f}\"\\\\/\u{7f}\u{80}é\u{2028}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{1f600}\u{10ffff}a]{0,6}";

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[a-z_.$-]{0,8}", RARE, "\\PC{0,6}"];
    let name = prop_oneof!["[a-z]{1,4}", RARE.prop_map(|text| format!("n{text}"))];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..4).prop_map(Value::from),
        (-json::MAX_INTEGER..=json::MAX_INTEGER).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-1e6f64..1e6).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A value as the reader accepts it, from JSON text.
fn accepted() -> impl Strategy<Value = Value> {
    value().prop_filter_map("refused by the reader", |value| {
        json::read(&serde_json::to_vec(&value).unwrap()).ok()
    })
}

/// The same value with the members of each object the other way round.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(reversed).collect(),
        Value::Object(members) => {
            let members = members.iter().rev();
            Value::Object(
                members
                    .map(|(name, value)| (name.clone(), reversed(value)))
                    .collect(),
            )
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn three_writers_agree_on_every_accepted_value(value in accepted()) {
        let bytes = canonical::to_vec(&value);
        prop_assert_eq!(&bytes, &serde_json_canonicalizer::to_vec(&value).unwrap());
        prop_assert_eq!(&bytes, &serde_jcs::to_vec(&value).unwrap());
        prop_assert_eq!(Digest::of_json(&value), Digest::of(&bytes));
    }

    #[test]
    fn canonical_bytes_read_back_as_the_same_value_and_do_not_know_its_order(value in accepted()) {
        let bytes = canonical::to_vec(&value);
        let again = json::read(&bytes).unwrap();
        prop_assert_eq!(&again, &value);
        prop_assert_eq!(&canonical::to_vec(&again), &bytes);
        prop_assert_eq!(&canonical::to_vec(&reversed(&value)), &bytes);
        let pretty = serde_json::to_vec_pretty(&reversed(&value)).unwrap();
        prop_assert_eq!(&canonical::to_vec(&json::read(&pretty).unwrap()), &bytes);
    }

    #[test]
    fn different_values_have_different_bytes(a in accepted(), b in accepted()) {
        prop_assert_eq!(a == b, canonical::to_vec(&a) == canonical::to_vec(&b));
    }

    #[test]
    fn reading_any_bytes_ends_and_what_is_read_is_canonical_once(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(value) = json::read(&bytes) {
            prop_assert_eq!(json::read(&canonical::to_vec(&value)).unwrap(), value);
        }
    }
}

//! Canonical JSON bytes (RFC 8785), the only form that is hashed or signed.

use serde_json::Value;

/// Encodes `value` as RFC 8785 canonical bytes.
///
/// For values that came through [`crate::json::read`] the form is injective: no two different values
/// share bytes.
pub fn to_vec(value: &Value) -> Vec<u8> {
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "a `Value` has string keys and finite numbers, and a Vec takes every byte"
    )]
    serde_json_canonicalizer::to_vec(value).expect("a JSON value always has a canonical form")
}

/// Encodes `value` as canonical text.
pub fn to_string(value: &Value) -> String {
    String::from_utf8_lossy(&to_vec(value)).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-json::MAX_INTEGER..=json::MAX_INTEGER).prop_map(Value::from),
            "[^\u{0}]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[a-z\u{e9}\u{1f600}]{1,6}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn order_of_members_does_not_matter() {
        let one = json::read(br#"{"b": {"d": 1, "c": 2}, "a": 3}"#).unwrap();
        let other = json::read(br#"{"a": 3, "b": {"c": 2, "d": 1}}"#).unwrap();
        assert_eq!(to_string(&one), r#"{"a":3,"b":{"c":2,"d":1}}"#);
        assert_eq!(to_vec(&one), to_vec(&other));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn canonical_bytes_read_back_as_the_same_value(value in value()) {
            let bytes = to_vec(&value);
            let again = json::read(&bytes).unwrap();
            prop_assert_eq!(&again, &value);
            prop_assert_eq!(to_vec(&again), bytes);
        }

        #[test]
        fn different_values_have_different_bytes(a in value(), b in value()) {
            prop_assert_eq!(a == b, to_vec(&a) == to_vec(&b));
        }
    }
}

//! `bounds`: JSON Schemas for parameters whose values are known only when the step runs.
//!
//! Agents write them, so they are a small closed subset of JSON Schema: nothing in it takes long to
//! compile or to evaluate, and people can read what it allows.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::{Map, Value};

use crate::schema;

/// The keywords that a bound may use.
const KEYWORDS: [&str; 11] = [
    "type",
    "const",
    "enum",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "format",
    "description",
];
/// The longest bound, in bytes of its canonical form.
const MAX_BYTES: usize = 4_096;
/// The most values of an `enum`.
const MAX_VALUES: usize = 64;

/// Bounds that are no schema, or values outside them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BoundsError {
    /// The bound is not a usable JSON Schema.
    #[error("the bound of `{param}` is not a usable JSON Schema: {message}")]
    Schema {
        /// The parameter.
        param: String,
        /// What is wrong.
        message: String,
    },
    /// A bounded parameter has no value.
    #[error("parameter `{param}` is bounded and needs a value now")]
    Missing {
        /// The parameter.
        param: String,
    },
    /// The value lies outside the bound.
    #[error("parameter `{param}` is outside what was approved: {message}")]
    Outside {
        /// The parameter.
        param: String,
        /// The violation.
        message: String,
    },
    /// A parameter that is not bounded differs from the plan's.
    #[error("parameter `{param}` is not bounded and differs from the plan")]
    Changed {
        /// The parameter.
        param: String,
    },
}

/// Checks that every bound is a usable schema.
///
/// # Errors
/// [`BoundsError::Schema`].
pub fn check(bounds: &BTreeMap<String, Value>) -> Result<(), BoundsError> {
    bounds
        .iter()
        .try_for_each(|(param, bound)| compile(param, bound).map(drop))
}

/// Compiles one bound, once it is seen to be of the closed subset.
fn compile(param: &str, bound: &Value) -> Result<Validator, BoundsError> {
    let refuse = |message: String| {
        Err(BoundsError::Schema {
            param: param.to_owned(),
            message,
        })
    };
    let Some(members) = bound.as_object() else {
        return refuse("it is no object".to_owned());
    };
    if let Some(keyword) = members
        .keys()
        .find(|name| !KEYWORDS.contains(&name.as_str()))
    {
        return refuse(format!(
            "`{keyword}` is not taken in a bound, only {}",
            KEYWORDS.join(", ")
        ));
    }
    let values = members
        .get("enum")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    if values > MAX_VALUES || crate::canonical::to_vec(bound).len() > MAX_BYTES {
        return refuse(format!(
            "it is longer than {MAX_VALUES} values or {MAX_BYTES} bytes"
        ));
    }
    schema::compile(bound)
        .map(|(_, validator)| validator)
        .or_else(refuse)
}

/// The exact parameters of a step: those of the plan, with the bounded ones taken from `exact`.
///
/// # Errors
/// [`BoundsError`] when a value is missing, outside its bound, or changes an unbounded parameter.
pub fn settle(
    planned: &Map<String, Value>,
    bounds: &BTreeMap<String, Value>,
    exact: &Map<String, Value>,
) -> Result<Map<String, Value>, BoundsError> {
    let mut settled = planned.clone();
    for (param, value) in exact {
        if !bounds.contains_key(param) && planned.get(param) != Some(value) {
            return Err(BoundsError::Changed {
                param: param.clone(),
            });
        }
        settled.insert(param.clone(), value.clone());
    }
    for (param, bound) in bounds {
        let validator = compile(param, bound)?;
        let value = settled.get(param).ok_or_else(|| BoundsError::Missing {
            param: param.clone(),
        })?;
        if let Some(message) = schema::violation(&validator, value) {
            return Err(BoundsError::Outside {
                param: param.clone(),
                message,
            });
        }
    }
    Ok(settled)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bounds_are_a_small_closed_subset() {
        let check = |bound: Value| check(&BTreeMap::from([("p".to_owned(), bound)]));
        assert!(check(json!({"type": "integer", "minimum": 1, "exclusiveMaximum": 9})).is_ok());
        assert!(check(json!({"enum": ["a", "b"]})).is_ok());
        for bound in [
            json!({"pattern": "(a+)+$"}),
            json!({"anyOf": [{"const": 1}]}),
            json!({"type": "object", "properties": {}}),
            json!({"enum": (0..65).collect::<Vec<_>>()}),
            json!({"const": "x".repeat(5_000)}),
            json!(true),
        ] {
            assert!(
                matches!(check(bound.clone()), Err(BoundsError::Schema { .. })),
                "{bound}"
            );
        }
    }

    #[test]
    fn only_bounded_parameters_move_and_only_inside_their_bounds() {
        let planned = json!({"to": "a"}).as_object().unwrap().clone();
        let bounds = BTreeMap::from([(
            "amount".to_owned(),
            json!({"type": "integer", "maximum": 100}),
        )]);
        let settle = |exact: Value| settle(&planned, &bounds, exact.as_object().unwrap());
        assert_eq!(
            Value::Object(settle(json!({"amount": 100})).unwrap()),
            json!({"to": "a", "amount": 100})
        );
        assert!(matches!(
            settle(json!({"amount": 101})),
            Err(BoundsError::Outside { .. })
        ));
        assert!(matches!(
            settle(json!({})),
            Err(BoundsError::Missing { .. })
        ));
        assert!(matches!(
            settle(json!({"amount": 1, "to": "b"})),
            Err(BoundsError::Changed { .. })
        ));
    }
}

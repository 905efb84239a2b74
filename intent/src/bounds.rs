//! `bounds`: JSON Schemas for parameters whose values are known only when the step runs.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::schema;

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
    for (param, bound) in bounds {
        compile(param, bound)?;
    }
    Ok(())
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
        let value = settled.get(param).ok_or_else(|| BoundsError::Missing {
            param: param.clone(),
        })?;
        let validator = compile(param, bound)?;
        if let Some(message) = schema::violation(&validator, value) {
            return Err(BoundsError::Outside {
                param: param.clone(),
                message,
            });
        }
    }
    Ok(settled)
}

fn compile(param: &str, bound: &Value) -> Result<jsonschema::Validator, BoundsError> {
    schema::compile(bound)
        .map(|(_, validator)| validator)
        .map_err(|message| BoundsError::Schema {
            param: param.to_owned(),
            message,
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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

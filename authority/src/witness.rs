//! Values that stand for a bounded parameter while its real one is not known yet.
//!
//! Policy judges a step with bounds at the edges of what they allow, and the worst verdict counts.
//! The exact values are judged again when the token is asked for, so that a policy that looks at
//! something between the edges still has the last word.

use std::collections::BTreeMap;

use countersign_intent::bounds;
use countersign_intent::tool::{Params, Tool};
use serde_json::{Map, Value, json};

/// The most combinations that are judged for one step.
const MAX_COMBINATIONS: usize = 64;

/// Why a step's bounds cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WitnessError {
    /// A bound names no parameter of the tool.
    #[error("`{0}` is bounded but is no parameter of the tool")]
    Unknown(String),
    /// More combinations than are judged.
    #[error("the bounds allow too many combinations to judge: list fewer values")]
    TooMany,
    /// Nothing that the bounds allow fits the tool.
    #[error(
        "no value that the bounds allow fits the tool's parameters: give an `enum`, a `minimum` and `maximum`, or a value in the plan"
    )]
    Nothing,
}

/// The parameters under which a step is judged: its own when nothing is bounded, else the edges.
pub(crate) fn candidates(
    tool: &Tool,
    planned: &Map<String, Value>,
    limits: &BTreeMap<String, Value>,
) -> Result<Vec<Params>, WitnessError> {
    let mut combinations = vec![Map::new()];
    for (param, bound) in limits {
        let declared = tool
            .params_schema()
            .get("properties")
            .and_then(|properties| properties.get(param))
            .ok_or_else(|| WitnessError::Unknown(param.clone()))?;
        let mut values = edges(bound, declared);
        values.extend(
            planned
                .get(param)
                .filter(|value| !values.contains(value))
                .cloned(),
        );
        combinations = combine(&combinations, param, &values)?;
    }
    let fitting: Vec<Params> = combinations
        .into_iter()
        .filter_map(|exact| bounds::settle(planned, limits, &exact).ok())
        .filter_map(|params| tool.params(params).ok())
        .collect();
    if fitting.is_empty() {
        Err(WitnessError::Nothing)
    } else {
        Ok(fitting)
    }
}

fn combine(
    before: &[Map<String, Value>],
    param: &str,
    values: &[Value],
) -> Result<Vec<Map<String, Value>>, WitnessError> {
    if before.len().saturating_mul(values.len()) > MAX_COMBINATIONS {
        return Err(WitnessError::TooMany);
    }
    let with = |exact: &Map<String, Value>, value: &Value| {
        let mut exact = exact.clone();
        exact.insert(param.to_owned(), value.clone());
        exact
    };
    Ok(before
        .iter()
        .flat_map(|exact| values.iter().map(move |value| with(exact, value)))
        .collect())
}

/// The values at the edges of `bound`, with those of the tool's own schema where it is tighter. What
/// does not fit both is dropped later.
fn edges(bound: &Value, declared: &Value) -> Vec<Value> {
    if let Some(value) = bound.get("const") {
        return vec![value.clone()];
    }
    if let Some(values) = bound.get("enum").and_then(Value::as_array) {
        return values.clone();
    }
    let mut values = Vec::new();
    for schema in [bound, declared] {
        for name in ["minimum", "maximum"] {
            values.extend(schema.get(name).cloned());
        }
        values.extend(
            schema
                .get("exclusiveMinimum")
                .and_then(|edge| moved(edge, 1)),
        );
        values.extend(
            schema
                .get("exclusiveMaximum")
                .and_then(|edge| moved(edge, -1)),
        );
    }
    if let Some(choices) = declared.get("enum").and_then(Value::as_array) {
        values.extend(choices.iter().cloned());
    }
    let kind = declared
        .get("type")
        .or_else(|| bound.get("type"))
        .and_then(Value::as_str);
    match kind {
        Some("boolean") => values.extend([json!(false), json!(true)]),
        Some("string") if values.is_empty() => values.push(json!(sample(bound, declared))),
        _ => {}
    }
    values.dedup();
    values
}

fn moved(edge: &Value, by: i64) -> Option<Value> {
    edge.as_i64()?.checked_add(by).map(Value::from)
}

/// A text that is as long as both schemas want it.
fn sample(bound: &Value, declared: &Value) -> String {
    let least = |schema: &Value| schema.get("minLength").and_then(Value::as_u64).unwrap_or(1);
    let length = least(bound).max(least(declared)).clamp(1, 1_024);
    "x".repeat(usize::try_from(length).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use countersign_intent::catalogue::Catalogue;

    use super::*;

    const TOOLS: &str = r#"
[[tool]]
name = "infra.scale"
description = "Set the number of replicas of a service"
effect = "service"
resource = { type = "Service", param = "service_id" }
upstream = "cloud"
request = { method = "POST", path = "/v1/services/{service_id}/scale", body = { replicas = "{replicas}", note = "{note}" } }
[tool.params]
type = "object"
required = ["service_id", "replicas"]
[tool.params.properties.service_id]
type = "string"
format = "identifier"
[tool.params.properties.note]
type = "string"
[tool.params.properties.replicas]
type = "integer"
minimum = 0
maximum = 100
"#;

    fn judged(planned: &Value, limits: &Value) -> Result<Vec<Value>, WitnessError> {
        let catalogue = Catalogue::parse(&[("t.toml".to_owned(), TOOLS.to_owned())]).unwrap();
        let tool = catalogue.iter().next().unwrap();
        let limits = serde_json::from_value(limits.clone()).unwrap();
        let found = candidates(tool, planned.as_object().unwrap(), &limits)?;
        Ok(found.iter().map(Params::to_value).collect())
    }

    #[test]
    fn a_step_without_bounds_is_judged_as_it_stands() {
        let planned = json!({"service_id": "auth", "replicas": 3});
        assert_eq!(judged(&planned, &json!({})).unwrap(), [planned]);
    }

    #[test]
    fn a_range_is_judged_at_both_edges_and_at_the_planned_value() {
        let planned = json!({"service_id": "auth", "replicas": 3});
        let found = judged(
            &planned,
            &json!({"replicas": {"minimum": 2, "maximum": 500}}),
        )
        .unwrap();
        let replicas: Vec<_> = found
            .iter()
            .map(|params| params["replicas"].as_i64().unwrap())
            .collect();
        assert_eq!(
            replicas,
            [2, 100, 3],
            "500 does not fit the tool, whose own maximum is judged"
        );
    }

    #[test]
    fn every_listed_resource_is_judged() {
        let found = judged(
            &json!({"replicas": 3}),
            &json!({"service_id": {"enum": ["auth", "db"]}}),
        );
        assert_eq!(found.unwrap().len(), 2);
    }

    #[test]
    fn a_free_text_is_judged_by_a_sample() {
        let planned = json!({"service_id": "auth", "replicas": 3});
        let found = judged(&planned, &json!({"note": {"minLength": 3}})).unwrap();
        assert_eq!(found[0]["note"], "xxx");
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        let planned = || json!({"service_id": "auth"});
        let nothing = judged(&planned(), &json!({"replicas": {"minimum": 200}}));
        assert_eq!(nothing.unwrap_err(), WitnessError::Nothing);
        let many: Vec<i64> = (0..65).collect();
        let many = judged(&planned(), &json!({"replicas": {"enum": many}}));
        assert_eq!(many.unwrap_err(), WitnessError::TooMany);
        let unknown = judged(&planned(), &json!({"replica": {"maximum": 1}}));
        assert_eq!(
            unknown.unwrap_err(),
            WitnessError::Unknown("replica".to_owned())
        );
    }
}

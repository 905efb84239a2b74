//! Plans as agents submit them: untrusted until the authority judged them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::bounds::{self, BoundsError};
use crate::id::{OperatorId, RunId, StepId, ToolName};

/// The longest goal or reason, in bytes.
pub const MAX_TEXT: usize = 4_096;

/// A proposed set of tool uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// What the agent wants to reach, in its own words: data, never believed.
    pub goal: String,
    /// The run that the plan belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The person for whom the agent asks. It can only narrow who may approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<OperatorId>,
    /// The steps.
    pub steps: Vec<StepRequest>,
}

/// One proposed tool use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepRequest {
    /// The step's name in this plan.
    pub id: StepId,
    /// The tool.
    pub tool: ToolName,
    /// The parameters.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub params: Map<String, Value>,
    /// JSON Schemas for parameters whose values are known only when the step runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub bounds: BTreeMap<String, Value>,
    /// The value that was seen where the tool's precondition looks, which must still be there when the
    /// step runs. Stated exactly where the tool has a precondition.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::precondition::seen"
    )]
    #[schema(value_type = Option<Object>)]
    pub precondition: Option<Value>,
    /// Why, in the agent's own words: data, never believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Steps that must be done before this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<StepId>,
}

/// A plan that cannot be judged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No step, or too many.
    #[error("a plan has 1 to {max} steps, this one has {found}")]
    Steps {
        /// The limit.
        max: usize,
        /// The number found.
        found: usize,
    },
    /// Two steps of one name.
    #[error("step `{0}` stands twice")]
    Repeated(StepId),
    /// `after` names no step of the plan.
    #[error("step `{step}` waits for `{after}`, which is not in the plan")]
    UnknownAfter {
        /// The step.
        step: StepId,
        /// The name in `after`.
        after: StepId,
    },
    /// Steps that wait for each other.
    #[error("step `{0}` waits for itself, directly or through others")]
    Cycle(StepId),
    /// A text over [`MAX_TEXT`].
    #[error("`{0}` is longer than {MAX_TEXT} bytes")]
    TooLong(&'static str),
    /// A bound that is no schema.
    #[error("step `{step}`: {source}")]
    Bounds {
        /// The step.
        step: StepId,
        /// What is wrong with it.
        source: BoundsError,
    },
}

impl PlanRequest {
    /// Checks the plan's own shape and answers the order in which its steps may run.
    ///
    /// # Errors
    /// Each [`PlanError`].
    pub fn order(&self, max_steps: usize) -> Result<Vec<StepId>, PlanError> {
        if self.steps.is_empty() || self.steps.len() > max_steps {
            return Err(PlanError::Steps {
                max: max_steps,
                found: self.steps.len(),
            });
        }
        if self.goal.len() > MAX_TEXT {
            return Err(PlanError::TooLong("goal"));
        }
        let mut names = BTreeSet::new();
        for step in &self.steps {
            if !names.insert(&step.id) {
                return Err(PlanError::Repeated(step.id.clone()));
            }
            if step
                .reason
                .as_ref()
                .is_some_and(|reason| reason.len() > MAX_TEXT)
            {
                return Err(PlanError::TooLong("reason"));
            }
            bounds::check(&step.bounds).map_err(|source| PlanError::Bounds {
                step: step.id.clone(),
                source,
            })?;
        }
        for step in &self.steps {
            if let Some(after) = step.after.iter().find(|after| !names.contains(after)) {
                return Err(PlanError::UnknownAfter {
                    step: step.id.clone(),
                    after: after.clone(),
                });
            }
        }
        self.sorted()
    }

    /// Takes steps whose predecessors are all placed, in the plan's order, until none is left.
    fn sorted(&self) -> Result<Vec<StepId>, PlanError> {
        let mut order: Vec<StepId> = Vec::with_capacity(self.steps.len());
        while order.len() < self.steps.len() {
            let open = || self.steps.iter().filter(|step| !order.contains(&step.id));
            let ready = open().find(|step| step.after.iter().all(|after| order.contains(after)));
            match (ready, open().next()) {
                (Some(step), _) => order.push(step.id.clone()),
                (None, Some(step)) => return Err(PlanError::Cycle(step.id.clone())),
                (None, None) => break,
            }
        }
        Ok(order)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan(steps: &Value) -> PlanRequest {
        serde_json::from_value(json!({"goal": "g", "steps": steps})).unwrap()
    }

    #[test]
    fn steps_are_ordered_by_what_they_wait_for() {
        let plan = plan(&json!([
            {"id": "b", "tool": "t", "after": ["a"]}, {"id": "a", "tool": "t"}, {"id": "c", "tool": "t"},
        ]));
        let order: Vec<String> = plan
            .order(20)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(order, ["a", "b", "c"]);
    }

    #[test]
    fn cycles_unknown_names_and_repetitions_are_refused() {
        let cycle = json!([{"id": "a", "tool": "t", "after": ["b"]}, {"id": "b", "tool": "t", "after": ["a"]}]);
        assert!(matches!(plan(&cycle).order(20), Err(PlanError::Cycle(_))));
        let unknown = json!([{"id": "a", "tool": "t", "after": ["z"]}]);
        assert!(matches!(
            plan(&unknown).order(20),
            Err(PlanError::UnknownAfter { .. })
        ));
        let twice = json!([{"id": "a", "tool": "t"}, {"id": "a", "tool": "t"}]);
        assert!(matches!(
            plan(&twice).order(20),
            Err(PlanError::Repeated(_))
        ));
        assert!(matches!(
            plan(&json!([])).order(20),
            Err(PlanError::Steps { .. })
        ));
    }
}

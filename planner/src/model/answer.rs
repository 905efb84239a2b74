//! What a model answered, read as a plan or refused.

use std::collections::BTreeSet;

use countersign_intent::id::{StepId, ToolName};
use countersign_intent::json;
use countersign_intent::plan::{PlanRequest, StepRequest};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::schema::MAX_STEPS;
use crate::run::event::ProposedStep;
use crate::tools::Toolbox;

/// The only form of an answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    goal: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    id: StepId,
    tool: ToolName,
    #[serde(default)]
    params: Map<String, Value>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    after: Vec<StepId>,
}

/// Reads `text`. No steps is an answer too: there is nothing to do.
///
/// # Errors
/// Everything that is wrong with it, for the model to repair.
pub(super) fn read(text: &str, tools: &Toolbox) -> Result<Vec<ProposedStep>, Vec<String>> {
    let plan: Plan = json::read_as(text.as_bytes()).map_err(|error| vec![error.to_string()])?;
    if plan.steps.is_empty() {
        return Ok(Vec::new());
    }
    let mut errors: BTreeSet<String> = BTreeSet::new();
    for step in &plan.steps {
        match tools.get(&step.tool) {
            None => {
                errors.insert(format!(
                    "step `{}`: there is no tool `{}`",
                    step.id, step.tool
                ));
            }
            Some(tool) => {
                if let Some(violation) = tool.violation(&step.params) {
                    errors.insert(format!("step `{}`: {violation}", step.id));
                }
            }
        }
    }
    let order = match request(&plan).order(MAX_STEPS) {
        Ok(order) => order,
        Err(error) => {
            errors.insert(error.to_string());
            Vec::new()
        }
    };
    if !errors.is_empty() {
        return Err(errors.into_iter().collect());
    }
    let mut steps: Vec<ProposedStep> = plan
        .steps
        .into_iter()
        .map(|step| ProposedStep {
            id: step.id,
            tool: step.tool,
            params: step.params,
            reason: step.reason,
            after: step.after,
        })
        .collect();
    steps.sort_by_key(|step| order.iter().position(|id| *id == step.id));
    Ok(steps)
}

/// The plan in the form whose own checks (names, cycles, sizes) the product has.
fn request(plan: &Plan) -> PlanRequest {
    PlanRequest {
        goal: plan.goal.clone(),
        run: None,
        requested_by: None,
        steps: plan
            .steps
            .iter()
            .map(|step| StepRequest {
                id: step.id.clone(),
                tool: step.tool.clone(),
                params: step.params.clone(),
                bounds: std::collections::BTreeMap::new(),
                precondition: None,
                reason: Some(step.reason.clone()),
                after: step.after.clone(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::tests::toolbox;

    fn refused(text: &str) -> String {
        read(text, &toolbox()).unwrap_err().join("; ")
    }

    #[test]
    fn good_answer_becomes_steps_in_an_order_in_which_they_may_run() {
        let text = r#"{"goal":"g","steps":[
            {"id":"b","tool":"infra.restart","params":{"service_id":"payments"},"reason":"r","after":["a"]},
            {"id":"a","tool":"infra.scale","params":{"service_id":"db","replicas":2.0},"reason":"r","after":[]}]}"#;
        let steps = read(text, &toolbox()).unwrap();
        let ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(steps[0].params["replicas"], 2);
        assert!(
            read(r#"{"goal":"g","steps":[]}"#, &toolbox())
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn text_that_is_no_plan_is_refused_with_what_is_wrong() {
        for (text, why) in [
            ("", "EOF"),
            ("I would restart payments.", "expected"),
            ("```json\n{\"goal\":\"g\",\"steps\":[]}\n```", "expected"),
            (r#"{"goal":"g","steps":[]} and more"#, "trailing"),
            (r#"{"goal":"g","steps":["#, "EOF"),
            (r#"{"goal":"g","goal":"h","steps":[]}"#, "stands twice"),
            (r#"{"goal":"g","steps":[],"notes":"x"}"#, "unknown field"),
            (r#"{"steps":[]}"#, "missing field"),
            (&"[".repeat(100_000), "nested"),
            (&" ".repeat(300_000), "bytes"),
        ] {
            let errors = refused(text);
            assert!(errors.contains(why), "{why}: {errors}");
        }
    }

    #[test]
    fn step_that_does_not_fit_is_refused_with_what_is_wrong() {
        for (tool, rest, why) in [
            ("infra.delete", r#""params":{}"#, "no tool `infra.delete`"),
            // A Cyrillic letter in the place of the first.
            ("іnfra.restart", r#""params":{}"#, "tool name"),
            ("infra.Restart", r#""params":{"service_id":"x"}"#, "no tool"),
            (
                "infra.restart",
                r#""params":{"service_id":"x","force":true}"#,
                "force",
            ),
            (
                "infra.restart",
                r#""params":{"service_id":"x","service_id":"y"}"#,
                "stands twice",
            ),
            (
                "infra.restart",
                r#""params":{"service_id":"x"},"verdict":"allow""#,
                "unknown",
            ),
            (
                "infra.restart",
                r#""params":{"service_id":"x"},"after":["z"]"#,
                "not in the plan",
            ),
            (
                "infra.restart",
                r#""params":{"service_id":"x"},"after":["s"]"#,
                "waits for itself",
            ),
            (
                "infra.scale",
                r#""params":{"service_id":"x","replicas":"4"}"#,
                "replicas",
            ),
            (
                "infra.scale",
                r#""params":{"service_id":"x","replicas":true}"#,
                "replicas",
            ),
            (
                "infra.scale",
                r#""params":{"service_id":"x","replicas":9007199254740993}"#,
                "number",
            ),
            ("infra.list", r#""params":{"__entity":{}}"#, "reserved"),
            ("infra.list", r#""params":null"#, "invalid type"),
            ("infra.list", r#""id":"t""#, "stands twice"),
        ] {
            let step = format!(r#"{{"id":"s","tool":"{tool}",{rest}}}"#);
            let errors = refused(&format!(r#"{{"goal":"g","steps":[{step}]}}"#));
            assert!(errors.contains(why), "{why}: {errors}");
        }
        assert!(
            refused(r#"{"goal":"g","steps":[{"id":"s s","tool":"infra.list"}]}"#).contains("step")
        );
    }

    #[test]
    fn too_many_steps_and_repeated_names_are_refused() {
        let step = |id: usize| format!(r#"{{"id":"s{id}","tool":"infra.list"}}"#);
        let many: Vec<String> = (0..=MAX_STEPS).map(step).collect();
        assert!(
            refused(&format!(r#"{{"goal":"g","steps":[{}]}}"#, many.join(","))).contains("steps")
        );
        let twice = [step(1), step(1)].join(",");
        assert!(refused(&format!(r#"{{"goal":"g","steps":[{twice}]}}"#)).contains("stands twice"));
    }
}

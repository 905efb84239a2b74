//! Preconditions: what must still be so when a call is sent (SECURITY-DESIGN §6, I21).
//!
//! A definition names the read that shows it, and a place in its answer; a plan's step states the
//! value that was seen there; the token carries that value's hash. Right before the token is spent the
//! enforcer reads again and compares. Between that look and the call something may still change: the
//! receipt therefore says `probe`.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::catalogue::Catalogue;
use crate::digest::Digest;
use crate::id::ToolName;
use crate::render::{RenderError, RenderedCall, render};
use crate::template::{self, TemplateError};
use crate::tool::{Effect, Params, ParamsError, Tool};

/// The read that shows what a call relies on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Precondition {
    /// The tool, of effect `read`.
    pub tool: ToolName,
    /// Its parameters, as templates.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// JSON Pointer (RFC 6901) to the value in its answer.
    pub value: String,
}

/// A probe that cannot be made: the call it guards is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The tool that reads is not in the catalogue, or changes things.
    #[error("`{0}` is no tool that reads")]
    Tool(ToolName),
    /// Its parameters cannot be filled.
    #[error("the parameters of the precondition cannot be filled")]
    Template(#[from] TemplateError),
    /// They do not fit its schema.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// Its call cannot be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// The one read that shows whether a precondition holds.
#[derive(Clone, Debug)]
#[must_use]
pub struct Probe {
    tool: ToolName,
    request: RenderedCall,
    timeout: std::time::Duration,
    pointer: String,
}

impl Precondition {
    /// Checks the place of the value and that every template names a parameter of `declared`.
    pub(crate) fn check(
        &self,
        effect: Effect,
        declared: &dyn Fn(&Value) -> Result<(), String>,
    ) -> Result<(), String> {
        if effect == Effect::Read {
            return Err("a tool that reads has no `precondition`".to_owned());
        }
        if !is_pointer(&self.value) {
            let value = &self.value;
            return Err(format!("`precondition.value` `{value}` is no JSON Pointer"));
        }
        let names = template::names(&Value::Object(self.params.clone()))
            .map_err(|error| error.to_string())?;
        if let Some(before) = names.iter().find(|name| name.starts_with("before.")) {
            return Err(format!(
                "`precondition.params` names `{before}`, but nothing was read before it"
            ));
        }
        declared(&Value::Object(self.params.clone()))
    }

    /// The probe of a call with `params`.
    ///
    /// # Errors
    /// Each [`ProbeError`].
    pub fn probe(&self, catalogue: &Catalogue, params: &Params) -> Result<Probe, ProbeError> {
        let tool = catalogue
            .get(&self.tool)
            .filter(|tool| tool.effect == Effect::Read)
            .ok_or_else(|| ProbeError::Tool(self.tool.clone()))?;
        let lookup = |name: &str| template::lookup(name, params.members(), None);
        let filled = template::fill(&Value::Object(self.params.clone()), &lookup)?;
        let members = match filled {
            Some(Value::Object(members)) => members,
            Some(_) | None => Map::new(),
        };
        self.probe_of(tool, members)
    }

    fn probe_of(&self, tool: &Tool, params: Map<String, Value>) -> Result<Probe, ProbeError> {
        let params = tool.params(params)?;
        Ok(Probe {
            tool: tool.name.clone(),
            request: render(tool, &params)?,
            timeout: tool.timeout,
            pointer: self.value.clone(),
        })
    }
}

impl Probe {
    /// The tool that reads.
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// What is sent.
    pub fn request(&self) -> &RenderedCall {
        &self.request
    }

    /// How long it may take.
    pub fn timeout(&self) -> std::time::Duration {
        self.timeout
    }

    /// Whether `answer` has, at the probe's place, the value whose hash is `wanted`.
    pub fn confirms(&self, answer: &Value, wanted: &Digest) -> bool {
        answer
            .pointer(&self.pointer)
            .is_some_and(|found| Digest::of_json(found) == *wanted)
    }
}

/// Reads a member that may be absent and may be `null`: what was seen can be `null`.
///
/// # Errors
/// As reading a JSON value.
pub fn seen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// `""`, or parts that each start with `/`, in which `~` is followed by `0` or `1`.
fn is_pointer(text: &str) -> bool {
    let escaped = text
        .split('~')
        .skip(1)
        .all(|after| after.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TOOLS: &str = r#"
[[tool]]
name = "get"
description = "Read"
effect = "read"
resource = { type = "Service", param = "id" }
upstream = "cloud"
request = { method = "GET", path = "/services/{id}" }
[tool.params]
type = "object"
required = ["id"]
[tool.params.properties.id]
type = "string"

[[tool]]
name = "scale"
description = "Scale"
effect = "service"
resource = { type = "Service", param = "service" }
upstream = "cloud"
request = { method = "POST", path = "/services/{service}/scale" }
PRECONDITION
[tool.params]
type = "object"
required = ["service"]
[tool.params.properties.service]
type = "string"
"#;

    fn catalogue(precondition: &str) -> Result<Catalogue, String> {
        let text = TOOLS.replace("PRECONDITION", precondition);
        Catalogue::parse(&[("tools.toml".to_owned(), text)]).map_err(|error| error.to_string())
    }

    fn probe() -> Probe {
        let good = r#"precondition = { tool = "get", params = { id = "{service}" }, value = "/replicas" }"#;
        let catalogue = catalogue(good).unwrap();
        let tool = catalogue.get(&"scale".parse().unwrap()).unwrap();
        let params = json!({"service": "payments"});
        let params = tool.params(params.as_object().unwrap().clone()).unwrap();
        let precondition = tool.definition().precondition.clone().unwrap();
        precondition.probe(&catalogue, &params).unwrap()
    }

    #[test]
    fn probe_is_the_read_with_the_parameters_of_the_call() {
        assert_eq!(probe().request().path, "/services/payments");
        assert_eq!(probe().request().method, "GET");
    }

    #[test]
    fn precondition_that_cannot_be_probed_is_no_definition() {
        for (text, why) in [
            (
                r#"{ tool = "scale", value = "" }"#,
                "must be of effect `read`",
            ),
            (r#"{ tool = "gone", value = "" }"#, "not in the catalogue"),
            (r#"{ tool = "get", value = "replicas" }"#, "no JSON Pointer"),
            (r#"{ tool = "get", value = "/a~2" }"#, "no JSON Pointer"),
            (
                r#"{ tool = "get", params = { id = "{other}" }, value = "" }"#,
                "does not declare",
            ),
            (
                r#"{ tool = "get", params = { id = "{before.x}" }, value = "" }"#,
                "nothing was read",
            ),
            (
                r#"{ tool = "get", params = { other = "x" }, value = "" }"#,
                "does not declare",
            ),
        ] {
            let error = catalogue(&format!("precondition = {text}")).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn missing_values_never_confirm_and_null_is_a_value() {
        let null = Digest::of_json(&Value::Null);
        assert!(!probe().confirms(&json!({}), &null));
        assert!(!probe().confirms(&json!("replicas"), &null));
        assert!(probe().confirms(&json!({"replicas": null}), &null));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-9_i64..9).prop_map(Value::from),
            "[ab1]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 6, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[ab]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn probe_confirms_exactly_the_value_that_was_seen(seen in value(), found in value()) {
            let wanted = Digest::of_json(&seen);
            let answer = json!({"replicas": found, "other": seen});
            prop_assert_eq!(probe_once().confirms(&answer, &wanted), found == seen);
        }
    }

    fn probe_once() -> &'static Probe {
        static PROBE: std::sync::OnceLock<Probe> = std::sync::OnceLock::new();
        PROBE.get_or_init(probe)
    }
}

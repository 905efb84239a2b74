//! The catalogue as the authority tells it to agents: what may be proposed, and how to see that it worked.

use std::collections::BTreeMap;

use countersign_intent::expect::Expectation;
use countersign_intent::id::ToolName;
use countersign_intent::template;
use countersign_intent::tool::{
    Check, Definition, Effect, RequestTemplate, Tool, ToolError, ToolResource, Unknown,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The answer of `GET /v1/tools`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ToolList {
    tools: Vec<ToolEntry>,
}

/// One tool of it. Members that a planner has no use for are not read.
#[derive(Clone, Debug, Deserialize)]
struct ToolEntry {
    name: ToolName,
    #[serde(default)]
    description: String,
    effect: Effect,
    #[serde(default)]
    resource: Option<ToolResource>,
    params: Value,
    #[serde(default)]
    check: Option<Check>,
}

/// Every tool that may be proposed, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Toolbox(BTreeMap<ToolName, KnownTool>);

/// One tool.
#[derive(Clone, Debug)]
pub(crate) struct KnownTool {
    /// Its name, effect and compiled parameter schema. Its request is the authority's business: here a
    /// placeholder stands for it, and nothing is ever rendered.
    tool: Tool,
    description: String,
    resource: Option<ToolResource>,
    check: Option<Check>,
}

/// How to see that one call worked: a read, and what it must show.
#[derive(Clone, Debug)]
pub(crate) struct CheckCall {
    /// The tool that reads.
    pub(crate) tool: ToolName,
    /// Its parameters.
    pub(crate) params: Map<String, Value>,
    /// What the answer must show.
    pub(crate) expect: Expectation,
}

impl Toolbox {
    /// Compiles the schemas of a list.
    ///
    /// # Errors
    /// [`ToolError`] for the first tool that does not fit.
    pub(crate) fn new(list: ToolList) -> Result<Self, ToolError> {
        list.tools
            .into_iter()
            .map(|entry| Ok((entry.name.clone(), known(entry)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The tool called `name`.
    pub(crate) fn get(&self, name: &ToolName) -> Option<&KnownTool> {
        self.0.get(name)
    }

    /// All tools, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &KnownTool> {
        self.0.values()
    }
}

fn known(entry: ToolEntry) -> Result<KnownTool, ToolError> {
    let nowhere = RequestTemplate {
        method: "GET".to_owned(),
        path: "/unknown".to_owned(),
        query: BTreeMap::new(),
        headers: BTreeMap::new(),
        body: None,
    };
    let nothing = ToolResource {
        type_: "Any".to_owned(),
        param: None,
        id: Some("any".to_owned()),
        unknown: Unknown::Deny,
    };
    let tool = Tool::new(Definition {
        name: entry.name,
        description: entry.description.clone(),
        effect: entry.effect,
        resource: nothing,
        upstream: "unknown".to_owned(),
        request: nowhere,
        params: entry.params,
        timeout: None,
        undo: None,
        check: None,
        cooldown: None,
        idempotency: None,
        untrusted_output: false,
        change: None,
        precondition: None,
    })?;
    Ok(KnownTool {
        tool,
        description: entry.description,
        resource: entry.resource,
        check: entry.check,
    })
}

impl KnownTool {
    /// Its name.
    pub(crate) fn name(&self) -> &ToolName {
        &self.tool.name
    }

    /// What it may do.
    pub(crate) fn effect(&self) -> Effect {
        self.tool.effect
    }

    /// One sentence about it.
    pub(crate) fn description(&self) -> &str {
        &self.description
    }

    /// The closed schema of its parameters.
    pub(crate) fn params_schema(&self) -> &Value {
        self.tool.params_schema()
    }

    /// What is wrong with `params`.
    pub(crate) fn violation(&self, params: &Map<String, Value>) -> Option<String> {
        self.tool
            .params(params.clone())
            .err()
            .map(|error| error.message)
    }

    /// The resource that a call with `params` acts on.
    pub(crate) fn resource_in(&self, params: &Map<String, Value>) -> Option<String> {
        let param = self.resource.as_ref()?.param.as_ref()?;
        params.get(param).and_then(template::plain)
    }

    /// How to see that a call with `params` worked, when its definition says how and `before` (what the
    /// check read before the call) is not needed for it.
    pub(crate) fn check_call(&self, params: &Map<String, Value>) -> Option<CheckCall> {
        let check = self.check.as_ref()?;
        let lookup = |name: &str| template::lookup(name, params, None);
        let filled = template::fill(&Value::Object(check.params.clone()), &lookup).ok()??;
        let Value::Object(filled) = filled else {
            return None;
        };
        Some(CheckCall {
            tool: check.tool.clone(),
            params: filled,
            expect: check.expect.parse().ok()?,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A small catalogue in the form in which the authority tells it.
    pub(crate) fn tools_json() -> Value {
        let id = json!({"type": "string", "format": "identifier", "maxLength": 128});
        let service = json!({"type": "Service", "param": "service_id"});
        let read = json!({"tool": "infra.get", "params": {"service_id": "{service_id}"}});
        let check = |expect: &str| {
            let mut check = read.clone();
            check["expect"] = json!(expect);
            check
        };
        let of_service =
            json!({"type": "object", "required": ["service_id"], "properties": {"service_id": id}});
        json!({"tools": [
            {"name": "infra.list", "description": "List services", "effect": "read", "params": {"type": "object"},
             "resource": {"type": "System", "id": "cloud"}, "upstream": "cloud", "definition_sha256": "00"},
            {"name": "infra.get", "description": "Read a service", "effect": "read", "params": of_service,
             "resource": service},
            {"name": "alert.list", "description": "List alerts", "effect": "read",
             "params": {"type": "object", "properties": {"status": {"type": "string", "enum": ["open", "resolved"]}}}},
            {"name": "infra.restart", "description": "Restart a service", "effect": "service",
             "params": of_service, "resource": service, "check": check("/status == \"up\"")},
            {"name": "infra.scale", "description": "Scale a service", "effect": "service", "resource": service,
             "params": {"type": "object", "required": ["service_id", "replicas"], "properties": {
                 "service_id": id, "replicas": {"type": "integer", "minimum": 0, "maximum": 100}}},
             "check": check("/replicas == {replicas}")},
            {"name": "infra.shutdown", "description": "Stop a service", "effect": "destructive",
             "params": of_service, "resource": service, "check": check("/status == \"down\"")},
            {"name": "data.wipe", "description": "Wipe a database", "effect": "data",
             "resource": {"type": "Database", "param": "db_id"},
             "params": {"type": "object", "required": ["db_id", "confirm"], "properties": {
                 "db_id": id, "confirm": {"type": "string"}}}},
        ]})
    }

    /// [`tools_json`], compiled.
    pub(crate) fn toolbox() -> Toolbox {
        Toolbox::new(serde_json::from_value(tools_json()).unwrap()).unwrap()
    }

    fn params(value: Value) -> Map<String, Value> {
        let Value::Object(members) = value else {
            panic!("an object")
        };
        members
    }

    #[test]
    fn schemas_are_closed_and_parameters_checked() {
        let toolbox = toolbox();
        let scale = toolbox.get(&"infra.scale".parse().unwrap()).unwrap();
        assert_eq!(
            scale.violation(&params(json!({"service_id": "payments", "replicas": 4}))),
            None
        );
        for wrong in [
            json!({"service_id": "payments"}),
            json!({"service_id": "payments", "replicas": "4"}),
            json!({"service_id": "payments", "replicas": true}),
            json!({"service_id": "payments", "replicas": 4, "force": true}),
            json!({"service_id": "pay ments", "replicas": 4}),
        ] {
            assert!(scale.violation(&params(wrong.clone())).is_some(), "{wrong}");
        }
    }

    #[test]
    fn check_names_the_read_and_what_it_must_show() {
        let toolbox = toolbox();
        let scale = toolbox.get(&"infra.scale".parse().unwrap()).unwrap();
        let call = params(json!({"service_id": "payments", "replicas": 4}));
        let check = scale.check_call(&call).unwrap();
        assert_eq!(check.tool.as_str(), "infra.get");
        assert_eq!(
            Value::Object(check.params),
            json!({"service_id": "payments"})
        );
        assert!(check.expect.evaluate(&json!({"replicas": 4}), &call).passed);
        assert_eq!(scale.resource_in(&call).as_deref(), Some("payments"));
        let list = toolbox.get(&"infra.list".parse().unwrap()).unwrap();
        assert!(list.check_call(&Map::new()).is_none());
        assert_eq!(list.resource_in(&Map::new()), None);
    }
}

//! The engine as it is built here agrees with Cedar's own integration tests.

use std::collections::BTreeSet;
use std::str::FromStr;

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Entities, EntityId, EntityTypeName,
    EntityUid, PolicySet, Request, Schema, ValidationMode, Validator,
};
use serde::Deserialize;
use serde_json::Value;

const VECTORS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/vectors/cedar-integration/handwritten.jsonl"
);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    name: String,
    policies: String,
    schema: String,
    entities: Value,
    should_validate: bool,
    requests: Vec<Asked>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    description: String,
    principal: Uid,
    action: Uid,
    resource: Uid,
    #[serde(default)]
    context: Value,
    #[serde(default = "yes")]
    validate_request: bool,
    decision: String,
    reason: BTreeSet<String>,
    errors: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Uid {
    #[serde(rename = "type")]
    type_: String,
    id: String,
}

fn yes() -> bool {
    true
}

impl Uid {
    fn entity(&self) -> EntityUid {
        let type_ = EntityTypeName::from_str(&self.type_).unwrap();
        EntityUid::from_type_name_and_id(type_, EntityId::new(&self.id))
    }
}

#[test]
fn the_engine_agrees_with_the_integration_tests_of_its_makers() {
    let text = std::fs::read_to_string(VECTORS).unwrap();
    let vectors: Vec<Vector> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for vector in &vectors {
        check(vector);
    }
    let requests: usize = vectors.iter().map(|vector| vector.requests.len()).sum();
    assert_eq!((vectors.len(), requests), (22, 74), "none was passed over");
}

fn check(vector: &Vector) {
    let name = &vector.name;
    let (schema, _warnings) = Schema::from_cedarschema_str(&vector.schema).unwrap();
    let policies: PolicySet = vector.policies.parse().unwrap();
    let entities = Entities::from_json_value(vector.entities.clone(), Some(&schema)).unwrap();
    let validation = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
    assert_eq!(
        validation.validation_passed(),
        vector.should_validate,
        "{name}: {validation}"
    );
    for asked in &vector.requests {
        let label = format!("{name}: {}", asked.description);
        let action = asked.action.entity();
        let context =
            Context::from_json_value(asked.context.clone(), Some((&schema, &action))).unwrap();
        let request = Request::new(
            asked.principal.entity(),
            action,
            asked.resource.entity(),
            context,
            asked.validate_request.then_some(&schema),
        )
        .unwrap();
        let response = Authorizer::new().is_authorized(&request, &policies, &entities);
        let decision = match response.decision() {
            Decision::Allow => "allow",
            Decision::Deny => "deny",
        };
        assert_eq!(decision, asked.decision, "{label}");
        let reason: BTreeSet<String> = response
            .diagnostics()
            .reason()
            .map(ToString::to_string)
            .collect();
        assert_eq!(reason, asked.reason, "{label}");
        let errors: BTreeSet<String> = response
            .diagnostics()
            .errors()
            .map(|error| match error {
                AuthorizationError::PolicyEvaluationError(error) => error.policy_id().to_string(),
            })
            .collect();
        assert_eq!(errors, asked.errors, "{label}");
    }
}

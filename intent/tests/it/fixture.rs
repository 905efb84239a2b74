//! One small catalogue, one key, one valid intent.

use std::sync::LazyLock;

use countersign_intent::catalogue::Catalogue;
use countersign_intent::digest::Digest;
use countersign_intent::id::{IntentId, PlanId, TenantId};
use countersign_intent::key::{SigningKey, VerifyingKeys};
use countersign_intent::render::render;
use countersign_intent::token::{Intent, ToolCall, Use, Verifier};
use countersign_intent::tool::Tool;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The verifier's clock, in seconds.
pub(crate) const NOW: i64 = 1_800_000_000;

const TOOLS: &str = r#"
[[tool]]
name = "note.put"
description = "Keep a note: every place that a parameter can have"
effect = "service"
resource = { type = "Note", param = "id" }
upstream = "cloud"
request = { method = "PUT", path = "/v1/notes/{id}/text", query = { lang = "{lang}", page = "p-{page}" }, headers = { x-reason = "because {reason}." }, body = { text = "{text}", tags = "{tags}", share = "{share}" } }

[tool.params]
type = "object"
required = ["id", "text"]
[tool.params.properties]
id = { type = "string" }
text = { type = "string" }
lang = { type = "string" }
page = { type = "integer" }
reason = { type = "string" }
share = { type = "number" }
tags = { type = "array", items = { type = "string" } }

[[tool]]
name = "infra.scale"
description = "Set the number of replicas of a service"
effect = "service"
resource = { type = "Service", param = "service_id" }
upstream = "cloud"
request = { method = "POST", path = "/v1/services/{service_id}/scale", body = { replicas = "{replicas}" } }
check = { tool = "infra.get", params = { service_id = "{service_id}" }, expect = "/replicas == {replicas}" }

[tool.params]
type = "object"
required = ["service_id", "replicas"]
[tool.params.properties.service_id]
type = "string"
[tool.params.properties.replicas]
type = "integer"
minimum = 0
maximum = 100

[[tool]]
name = "infra.get"
description = "Read one service"
effect = "read"
resource = { type = "Service", param = "service_id" }
upstream = "cloud"
request = { method = "GET", path = "/v1/services/{service_id}", query = { verbose = "{verbose}" } }

[tool.params]
type = "object"
required = ["service_id"]
[tool.params.properties.service_id]
type = "string"
[tool.params.properties.verbose]
type = "string"
"#;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::parse(&[("tools/infra.toml".to_owned(), TOOLS.to_owned())]).unwrap()
});

pub(crate) fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

pub(crate) fn tool(name: &str) -> Tool {
    catalogue().get(&name.parse().unwrap()).unwrap().clone()
}

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(&[1; 32]).unwrap()
}

pub(crate) fn keys() -> VerifyingKeys {
    [key().verifying_key().clone()].into_iter().collect()
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

pub(crate) fn verifier() -> Verifier {
    Verifier {
        issuer: "authority".to_owned(),
        audience: "enforcer".to_owned(),
        tenant: TenantId::single(),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "callers pass `json!` literals"
)]
pub(crate) fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// `infra.scale payments 4` by `remediator`, valid for a minute from [`NOW`].
pub(crate) fn intent() -> Intent {
    let tool = tool("infra.scale");
    let params = tool
        .params(object(json!({"service_id": "payments", "replicas": 4})))
        .unwrap();
    Intent {
        iss: "authority".to_owned(),
        sub: "remediator".parse().unwrap(),
        aud: "enforcer".to_owned(),
        iat: NOW,
        nbf: NOW,
        exp: NOW + 60,
        jti: IntentId::mint(now(), [9; 10]),
        authorization_details: [ToolCall {
            type_: "tool_call".to_owned(),
            tool: tool.name.clone(),
            params_sha256: params.digest(),
            definition_sha256: tool.definition_sha256(),
            request_sha256: render(&tool, &params).unwrap().digest(),
            use_: Use::Once,
        }],
        tenant: TenantId::single(),
        plan: PlanId::mint(now(), [9; 10]),
        plan_sha256: Digest::of(b"plan"),
        step: "s1".parse().unwrap(),
        policy: Digest::of(b"bundle"),
        policy_epoch: 1,
        approvals: None,
        precondition: None,
        cnf: None,
    }
}

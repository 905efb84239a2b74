//! `GET /v1/tools`

use axum::extract::State;
use countersign_intent::digest::Digest;
use countersign_intent::id::ToolName;
use countersign_intent::tool::{Effect, Tool};
use countersign_service::credential::AnyCaller;
use countersign_service::extract::Json;
use countersign_service::problem::{Problem, ProblemDocument};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::authority::Authority;

/// A tool of the catalogue.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ToolView {
    /// The name.
    pub(crate) name: ToolName,
    /// One sentence for people and models.
    pub(crate) description: String,
    /// What it may do.
    pub(crate) effect: Effect,
    /// The upstream that answers it.
    pub(crate) upstream: String,
    /// What it acts on: `type`, and `param` or `id`.
    #[schema(value_type = Object)]
    pub(crate) resource: Value,
    /// JSON Schema 2020-12 of the parameters, closed.
    #[schema(value_type = Object)]
    pub(crate) params: Value,
    /// The request that it becomes: `method`, `path`, `query`, `headers`, `body`.
    #[schema(value_type = Object)]
    pub(crate) request: Value,
    /// How to see that it worked: `tool`, `params`, `expect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) check: Option<Value>,
    /// How to take it back: `tool`, `params`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) undo: Option<Value>,
    /// Least time between two calls on one resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cooldown: Option<String>,
    /// Time limit of a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<String>,
    /// Whether its answers carry text of unknown authors.
    pub(crate) untrusted_output: bool,
    /// SHA-256 of the canonical definition.
    pub definition_sha256: Digest,
}

impl From<&Tool> for ToolView {
    fn from(tool: &Tool) -> Self {
        let definition = tool.definition();
        Self {
            name: tool.name.clone(),
            description: definition.description.clone(),
            effect: tool.effect,
            upstream: definition.upstream.clone(),
            resource: value(&definition.resource),
            params: tool.params_schema().clone(),
            request: value(&definition.request),
            check: definition.check.as_ref().map(value),
            undo: definition.undo.as_ref().map(value),
            cooldown: definition.cooldown.clone(),
            timeout: definition.timeout.clone(),
            untrusted_output: definition.untrusted_output,
            definition_sha256: tool.definition_sha256(),
        }
    }
}

fn value(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}

/// The catalogue.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ToolList {
    /// The tools, by name.
    pub(crate) tools: Vec<ToolView>,
}

/// Lists the tools of the active bundle.
#[utoipa::path(get, path = "/v1/tools", tag = "policies", operation_id = "list_tools",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "By name", body = ToolList),
        (status = 401, description = "No key", body = ProblemDocument),
        (status = 503, description = "No policy bundle", body = ProblemDocument),
    ))]
pub(crate) async fn list_tools(
    _caller: AnyCaller,
    State(authority): State<Authority>,
) -> Result<Json<ToolList>, Problem> {
    let bundle = authority.bundle()?;
    Ok(Json(ToolList {
        tools: bundle.catalogue().iter().map(ToolView::from).collect(),
    }))
}

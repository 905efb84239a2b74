//! `/mcp/…`: the short form for scripts.

use axum::extract::{Request, State};
use countersign_intent::refusal::RefusalCode;
use countersign_intent::tool::{Effect, Tool};
use countersign_service::extract::Json;
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::door;
use crate::books::Books;
use crate::execute::CallAnswer;
use crate::gate::Knock;
use crate::state::Doorway;

/// A call with its token in the body.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "documents the body, which is read by the strict reader"
)]
pub(crate) struct ExecuteRequest {
    /// The tool.
    tool_name: String,
    /// Its parameters, exactly as approved.
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
    /// The intent token.
    intent_token: String,
}

/// Runs a call that an intent token authorizes, at most once. The same checks as `POST /v1/calls`, with
/// the statuses 200, 401, 403 and 404 alone; `code` says the same as there.
#[utoipa::path(
    post,
    path = "/mcp/tools/execute",
    tag = "mcp",
    operation_id = "execute_tool",
    request_body = ExecuteRequest,
    params(
        ("Intent-Approvals" = Option<String>, Header, description = "The approvals that the token names"),
        ("Intent-Proof" = Option<String>, Header, description = "The agent's proof of possession, where it registered a key")
    ),
    responses(
        (status = 200, description = "What became of the call", body = CallAnswer),
        (status = 401, description = "No token, or no agent key", body = ProblemDocument),
        (status = 403, description = "Refused", body = ProblemDocument),
        (status = 404, description = "No such tool", body = ProblemDocument),
        (status = 502, description = "Sent, but the outcome is not recorded", body = ProblemDocument),
        (status = 429, description = "Too many calls are being refused", body = ProblemDocument),
        (status = 503, description = "Nothing can be started now", body = ProblemDocument)
    ),
    security(("bearer" = []))
)]
#[tracing::instrument(level = "debug", skip_all)]
pub(crate) async fn execute_tool(
    State(doorway): State<Doorway>,
    request: Request,
) -> Result<Json<CallAnswer>, Problem> {
    let (head, body) = request.into_parts();
    let body = door::read_body(&head, body).await;
    let presented = body.and_then(|body| Ok((one_token(&body, &head.headers)?, body)));
    let (token, body) = match presented {
        Ok(presented) => presented,
        Err(problem) => return Err(door::reject(&doorway, short, problem).await),
    };
    let asked = door::asked(&body, "tool_name", "parameters", &["intent_token"]);
    let knock = Knock {
        token: token.as_deref(),
        head: &head,
        asked,
    };
    door::pass(&doorway, short, knock).await.map(Json)
}

/// The token in the body or in the header: with two it would not be certain which one was meant.
fn one_token(body: &[u8], headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let (presented, header) = (token(body)?, door::token_header(headers)?);
    match (presented, header) {
        (Some(_), Some(_)) => Err(door::unreadable(
            "the token came in the body and in the header",
        )),
        (presented, header) => Ok(presented.or_else(|| header.map(str::to_owned))),
    }
}

/// The token in the body. What cannot be read holds no token that could be looked at.
fn token(body: &[u8]) -> Result<Option<String>, Problem> {
    let value = countersign_intent::json::read(body)
        .map_err(|error| door::unreadable(format!("the body cannot be read: {error}")))?;
    match value.get("intent_token") {
        Some(Value::String(token)) => Ok(Some(token.clone())),
        None | Some(Value::Null) => Ok(None),
        Some(_) => Err(door::unreadable("`intent_token` is not a string")),
    }
}

/// The statuses of this door: 401 for a missing token or agent, 404 for an unknown tool, 403 for every
/// other refusal; failures of this side stay what they are.
fn short(problem: Problem) -> Problem {
    const NOBODY: [ProblemType; 3] = [
        ProblemType::Refused(RefusalCode::TokenMissing),
        ProblemType::CredentialMissing,
        ProblemType::CredentialInvalid,
    ];
    let kind = problem.kind();
    let status = if NOBODY.contains(&kind) {
        StatusCode::UNAUTHORIZED
    } else if kind == ProblemType::Refused(RefusalCode::ToolUnknown) {
        StatusCode::NOT_FOUND
    } else if problem.status().is_server_error() {
        problem.status()
    } else {
        StatusCode::FORBIDDEN
    };
    problem.answered(status)
}

/// A tool as a model is shown it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct McpTool {
    /// The name.
    name: String,
    /// One sentence.
    description: String,
    /// JSON Schema of the parameters.
    #[serde(rename = "inputSchema")]
    #[schema(value_type = Object)]
    input_schema: Value,
    /// Hints in the words of the Model Context Protocol.
    annotations: Annotations,
}

/// What a tool does, in hints.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the protocol's own members")]
pub(crate) struct Annotations {
    /// It changes nothing.
    read_only_hint: bool,
    /// It takes something away.
    destructive_hint: bool,
    /// Calling it again with the same parameters changes nothing more.
    idempotent_hint: bool,
    /// It acts outside this deployment's inventory.
    open_world_hint: bool,
}

/// The catalogue.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct McpTools {
    tools: Vec<McpTool>,
}

/// Lists the tools of the catalogue.
#[utoipa::path(
    post,
    path = "/mcp/tools/list",
    tag = "mcp",
    operation_id = "list_tools",
    responses((status = 200, description = "The tools", body = McpTools))
)]
pub(crate) async fn list_tools(State(books): State<Books>) -> Json<McpTools> {
    Json(McpTools {
        tools: books.snapshot().iter().map(shown).collect(),
    })
}

fn shown(tool: &Tool) -> McpTool {
    let definition = tool.definition();
    McpTool {
        name: tool.name.to_string(),
        description: definition.description.clone(),
        input_schema: tool.params_schema().clone(),
        annotations: Annotations {
            read_only_hint: tool.effect == Effect::Read,
            destructive_hint: matches!(tool.effect, Effect::Destructive | Effect::Data),
            idempotent_hint: tool.effect == Effect::Read || definition.idempotency.is_some(),
            open_world_hint: false,
        },
    }
}

/// What this server is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct McpMeta {
    /// The product.
    name: &'static str,
    /// Its version.
    version: &'static str,
    /// How many tools there are.
    tools: usize,
    /// What every call needs.
    requires: [&'static str; 2],
}

/// Says what this server is and what calls need.
#[utoipa::path(
    get,
    path = "/mcp/meta",
    tag = "mcp",
    operation_id = "get_mcp_meta",
    responses((status = 200, description = "What this server is", body = McpMeta))
)]
pub(crate) async fn show_meta(State(books): State<Books>) -> Json<McpMeta> {
    Json(McpMeta {
        name: "countersign-enforcer",
        version: env!("CARGO_PKG_VERSION"),
        tools: books.snapshot().len(),
        requires: [
            "an agent key in `Authorization: Bearer`",
            "an intent token in `intent_token`",
        ],
    })
}

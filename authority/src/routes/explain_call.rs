//! `POST /v1/explain`

use axum::extract::State;
use countersign_intent::digest::Digest;
use countersign_intent::id::{AgentId, ToolName};
use countersign_intent::render::RenderedCall;
use countersign_service::credential::AnyCaller;
use countersign_service::extract::Json;
use countersign_service::problem::{Problem, ProblemDocument, ProblemType, Reason};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::authority::Authority;
use crate::explain::{self, Explanation};
use crate::policy::Verdict;
use crate::quorum::Rule;

/// A call that somebody wonders about.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExplainRequest {
    /// Who would call.
    pub(crate) agent: AgentId,
    /// Which tool.
    pub(crate) tool: ToolName,
    /// With which parameters.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(crate) params: Map<String, Value>,
}

/// What policy would say.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ExplainAnswer {
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// Why.
    pub(crate) reasons: Vec<Reason>,
    /// The policies that decided.
    pub(crate) policies: Vec<String>,
    /// Who would have to approve.
    pub(crate) rule: Vec<Rule>,
    /// The rendered call: what would be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<RenderedCall>,
    /// The counted change as policy sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) change: Option<Value>,
    /// The bundle that says so.
    pub(crate) bundle: Digest,
}

/// Says what policy would decide of one call, as a plan of one step, and mints nothing.
///
/// An agent may ask about itself; people and other roles about every agent.
#[utoipa::path(post, path = "/v1/explain", tag = "policies", operation_id = "explain_call",
    request_body = ExplainRequest, security(("bearer" = [])),
    responses(
        (status = 200, description = "What policy would say", body = ExplainAnswer),
        (status = 401, description = "No key", body = ProblemDocument),
        (status = 403, description = "Another agent", body = ProblemDocument),
        (status = 404, description = "No such agent", body = ProblemDocument),
        (status = 503, description = "No policy bundle", body = ProblemDocument),
    ))]
pub(crate) async fn explain_call(
    caller: AnyCaller,
    State(authority): State<Authority>,
    Json(request): Json<ExplainRequest>,
) -> Result<Json<ExplainAnswer>, Problem> {
    if !super::is_theirs(&caller, &request.agent) {
        let detail = "an agent may ask about itself only";
        return Err(Problem::new(ProblemType::Forbidden, detail));
    }
    let directory = authority.directory.snapshot();
    let Some(agent) = directory.agent(&request.agent) else {
        let detail = format!("there is no agent `{}`", request.agent);
        return Err(Problem::new(ProblemType::NotFound, detail));
    };
    let bundle = authority.bundle()?;
    let Explanation { judgement, request } =
        explain::explain(&authority, &bundle, agent, &request.tool, request.params).await?;
    Ok(Json(ExplainAnswer {
        verdict: judgement.verdict,
        reasons: judgement.reasons,
        policies: judgement.policies,
        rule: judgement.rules,
        request,
        change: judgement.change,
        bundle: bundle.hash(),
    }))
}

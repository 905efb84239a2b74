//! `GET /v1/agents`

use axum::extract::State;
use countersign_intent::id::AgentId;
use countersign_service::credential::AnyCaller;
use countersign_service::directory::{Agent, Autonomy};
use countersign_service::extract::Json;
use countersign_service::problem::{Problem, ProblemDocument};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::is_theirs;
use crate::authority::Authority;

/// An agent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct AgentView {
    /// Its name.
    pub(crate) agent: AgentId,
    /// How far it may go without a person.
    pub(crate) autonomy: Autonomy,
    /// The team that answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) team: Option<String>,
    /// Its roles.
    pub(crate) roles: Vec<String>,
}

impl From<&Agent> for AgentView {
    fn from(agent: &Agent) -> Self {
        Self {
            agent: agent.id.clone(),
            autonomy: agent.autonomy,
            team: agent.team.clone(),
            roles: agent.roles.iter().cloned().collect(),
        }
    }
}

/// The agents.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct AgentList {
    /// By name.
    pub(crate) agents: Vec<AgentView>,
}

/// Lists the agents: all for people and other roles, itself for an agent.
#[utoipa::path(get, path = "/v1/agents", tag = "policies", operation_id = "list_agents",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "By name", body = AgentList),
        (status = 401, description = "No key", body = ProblemDocument),
    ))]
pub(crate) async fn list_agents(
    caller: AnyCaller,
    State(authority): State<Authority>,
) -> Result<Json<AgentList>, Problem> {
    let directory = authority.directory.snapshot();
    let agents = directory
        .agents()
        .filter(|agent| is_theirs(&caller, &agent.id));
    Ok(Json(AgentList {
        agents: agents.map(|agent| AgentView::from(&**agent)).collect(),
    }))
}

//! What the authority remembers that policy judges by: recent calls, and who read whose text.

use std::time::Duration;

use countersign_intent::id::{AgentId, RunId};
use countersign_intent::tool::{Effect, Tool};
use countersign_service::clock::saturating_sub;
use countersign_service::directory::Agent;
use jiff::Timestamp;
use sqlx::AnyConnection;

use crate::authority::Authority;
use crate::judge::Candidate;
use crate::policy::{Bundle, RecentFacts};
use crate::store::issued::Target;
use crate::store::{self, StoreError};

/// How far back `context.recent` looks, and the taint of plans that name no run.
const RECENT: Duration = Duration::from_hours(1);

/// What happened lately with the tool on the candidate's resource, and to the agent.
pub(crate) async fn recent(
    authority: &Authority,
    connection: &mut AnyConnection,
    agent: &Agent,
    tool: &Tool,
    candidate: &Candidate,
    now: Timestamp,
) -> Result<RecentFacts, StoreError> {
    if tool.effect == Effect::Read {
        return Ok(RecentFacts::default());
    }
    let tenant = &authority.settings.tenant;
    let hour = saturating_sub(now, RECENT);
    let target = Target {
        tenant,
        tool: &tool.name,
        resource: candidate.resource.as_deref(),
    };
    let cooldown_active = match tool.cooldown {
        Some(cooldown) => {
            let since = saturating_sub(now, cooldown);
            store::issued::count(connection, target, since).await? > 0
        }
        None => false,
    };
    Ok(RecentFacts {
        same_tool_same_resource: store::issued::count(connection, target, hour).await?,
        cooldown_active,
        failures: store::issued::failures(connection, tenant, &agent.id, hour).await?,
    })
}

/// The making of a plan, or of a value that fills a bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made<'a> {
    pub(crate) agent: &'a AgentId,
    pub(crate) run: Option<&'a RunId>,
}

/// Whether it was made after reading text of unknown authors: in the same run the agent could already
/// call a tool with untrusted output (DESIGN §5: plans of one run share its taint).
pub(crate) async fn is_tainted(
    authority: &Authority,
    connection: &mut AnyConnection,
    bundle: &Bundle,
    made: Made<'_>,
) -> Result<bool, StoreError> {
    // Plans of one run share its taint; a plan that names none stands alone.
    let Some(run) = made.run else {
        return Ok(false);
    };
    let tenant = &authority.settings.tenant;
    let tools = store::issued::tools_before(connection, tenant, made.agent, run).await?;
    // A tool that is no longer in the catalogue may have told anything.
    let untrusted = |tool| {
        bundle
            .catalogue()
            .get(tool)
            .is_none_or(|tool| tool.definition().untrusted_output)
    };
    Ok(tools.iter().any(untrusted))
}

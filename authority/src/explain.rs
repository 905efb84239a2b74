//! What policy would say of one call, without a plan.

use countersign_intent::id::ToolName;
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::render::{RenderedCall, render};
use countersign_service::directory::Agent;
use serde_json::{Map, Value};

use crate::authority::Authority;
use crate::history;
use crate::judge::{self, Candidate, Judgement, Question};
use crate::policy::{Bundle, RecentFacts, Verdict};
use crate::store::StoreError;

/// A judgement, and the call that it is of.
#[derive(Debug)]
pub(crate) struct Explanation {
    pub(crate) judgement: Judgement,
    pub(crate) request: Option<RenderedCall>,
}

impl From<Refusal> for Explanation {
    fn from(refusal: Refusal) -> Self {
        let judgement = Judgement {
            verdict: Verdict::Deny,
            reasons: vec![judge::reason(refusal.code.as_str(), refusal.message)],
            policies: Vec::new(),
            rules: Vec::new(),
            change: None,
        };
        Self {
            judgement,
            request: None,
        }
    }
}

/// Judges one call as a plan of one step. A call that cannot be judged is a deny with its code.
pub(crate) async fn explain(
    authority: &Authority,
    bundle: &Bundle,
    agent: &Agent,
    tool: &ToolName,
    params: Map<String, Value>,
) -> Result<Explanation, StoreError> {
    let now = authority.now();
    let tool = match judge::find_tool(bundle, tool) {
        Ok(tool) => tool,
        Err(refusal) => return Ok(refusal.into()),
    };
    let params = match judge::fitting(tool, params) {
        Ok(params) => params,
        Err(refusal) => return Ok(refusal.into()),
    };
    let request = match render(tool, &params) {
        Ok(request) => request,
        Err(error) => {
            return Ok(Refusal::new(RefusalCode::RenderRefused, error.to_string()).into());
        }
    };
    let resource = judge::resource_name(tool, &params);
    let plan = judge::facts([(tool.effect, resource.clone())].into_iter());
    let mut candidate = Candidate {
        params,
        resource,
        recent: RecentFacts::default(),
    };
    let mut connection = authority.read().await?;
    candidate.recent =
        history::recent(authority, &mut connection, agent, tool, &candidate, now).await?;
    let question = Question {
        agent,
        tool,
        candidate: &candidate,
        plan,
        tainted: false,
        now,
    };
    Ok(Explanation {
        judgement: judge::decide(bundle, question),
        request: Some(request),
    })
}

//! Making the token, and recording that it exists before anybody sees it.

use countersign_intent::approval::ApprovalSet;
use countersign_intent::digest::Digest;
use countersign_intent::id::IntentId;
use countersign_intent::token::{self, Confirmation, Intent, ToolCall, Use};
use countersign_intent::tool::Effect;
use countersign_ledger::Kind;
use countersign_service::database::Write;
use countersign_service::problem::ProblemType;
use jiff::Timestamp;
use serde_json::json;

use super::{Call, IssueError};
use crate::approval::Approval;
use crate::authority::Authority;
use crate::plan::StoredPlan;
use crate::store;
use crate::store::issued::Issued;

/// A signed token that nobody has seen yet.
pub(super) struct Minted {
    pub(super) jti: IntentId,
    pub(super) token: String,
    pub(super) expires_at: Timestamp,
    pub(super) approvals: Option<String>,
}

/// Signs the token for `call`.
pub(super) fn mint(
    authority: &Authority,
    found: &StoredPlan,
    call: &Call<'_>,
    approvals: Option<ApprovalSet>,
    now: Timestamp,
) -> Minted {
    let (plan, settings) = (&found.plan, &authority.settings);
    let iat = now.as_second();
    let life = i64::try_from(settings.token_ttl.as_secs()).unwrap_or(token::MAX_LIFE);
    let exp = iat.saturating_add(life.clamp(1, token::MAX_LIFE));
    let jti = IntentId::mint(now, authority.random.bytes());
    let intent = Intent {
        iss: settings.issuer.clone(),
        sub: plan.agent.clone(),
        aud: settings.audience.clone(),
        iat,
        nbf: iat,
        exp,
        jti: jti.clone(),
        authorization_details: [ToolCall {
            type_: "tool_call".to_owned(),
            tool: call.tool.name.clone(),
            params_sha256: call.params.digest(),
            definition_sha256: call.tool.definition_sha256(),
            request_sha256: call.request.digest(),
            use_: use_of(call.tool.effect),
        }],
        tenant: plan.tenant.clone(),
        plan: plan.id.clone(),
        plan_sha256: found.hash,
        step: call.step.id.clone(),
        policy: plan.bundle,
        policy_epoch: plan.policy_epoch,
        approvals: approvals.as_ref().map(ApprovalSet::digest),
        precondition: call.step.precondition.as_ref().map(Digest::of_json),
        cnf: call.agent.public_key.as_ref().map(|key| Confirmation {
            jkt: key.thumbprint(),
        }),
    };
    Minted {
        token: token::sign(authority.keys.active(), &intent),
        jti,
        expires_at: Timestamp::from_second(exp).unwrap_or(now),
        approvals: approvals.map(|set| set.encode()),
    }
}

fn use_of(effect: Effect) -> Use {
    match effect {
        Effect::Read => Use::Lease,
        Effect::Service | Effect::Destructive | Effect::Data => Use::Once,
    }
}

/// Records the token; only then may it leave.
pub(super) async fn record(
    authority: &Authority,
    tx: &mut Write,
    found: &StoredPlan,
    call: &Call<'_>,
    approval: Option<&Approval>,
    minted: &Minted,
    now: Timestamp,
) -> Result<(), IssueError> {
    let (plan, step) = (&found.plan, call.step);
    let issued = Issued {
        jti: minted.jti.clone(),
        plan: plan.id.clone(),
        step: step.id.clone(),
        tenant: plan.tenant.clone(),
        agent: plan.agent.clone(),
        tool: call.tool.name.clone(),
        resource: crate::judge::resource_name(call.tool, &call.params),
        kid: authority.keys.active().kid().clone(),
        token_sha256: Digest::of(minted.token.as_bytes()),
        params_sha256: call.params.digest(),
        request_sha256: call.request.digest(),
        use_kind: match use_of(call.tool.effect) {
            Use::Once => "once",
            Use::Lease => "lease",
        },
        at: now,
        expires_at: minted.expires_at,
    };
    let first =
        store::plans::set_issued(tx, &plan.id, step, &minted.jti, minted.expires_at).await?;
    if !first {
        let detail = format!("another request was first for step `{}`", step.id);
        return Err(IssueError::State(ProblemType::TokenOutstanding, detail));
    }
    if let Some(approval) = approval
        && !store::approvals::consume(tx, &approval.id, &minted.jti).await?
    {
        let detail = format!("approval `{}` led to a token already", approval.id);
        return Err(IssueError::State(ProblemType::ApprovalClosed, detail));
    }
    store::issued::insert(tx, &issued).await?;
    let body = json!({
        "jti": issued.jti, "kid": issued.kid, "token_sha256": issued.token_sha256,
        "plan": issued.plan, "plan_sha256": found.hash, "step": issued.step, "agent": issued.agent,
        "tool": issued.tool, "params_sha256": issued.params_sha256,
        "request_sha256": issued.request_sha256, "use": issued.use_kind,
        "definition_sha256": call.tool.definition_sha256(), "policy": plan.bundle,
        "policy_epoch": plan.policy_epoch, "exp": minted.expires_at.as_second(),
        "approval": approval.map(|approval| &approval.id),
    });
    authority.record(tx, Kind::Issue, now, body).await?;
    Ok(())
}

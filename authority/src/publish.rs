//! Live updates, sent after what they tell is committed.

use countersign_intent::id::{ApprovalId, PlanId};

use crate::approval::Approval;
use crate::authority::Authority;
use crate::bundle_view;
use crate::plan::{Plan, StoredPlan};
use crate::store::{self, StoreError};
use crate::view::{ApprovalView, Around, PlanView};

/// Tells subscribers of a plan as it is now.
pub(crate) fn plan(authority: &Authority, stored: &StoredPlan) {
    let view = PlanView::from(stored.clone());
    authority
        .hub
        .publish("plan", stored.plan.id.as_str(), &view);
}

/// Tells subscribers of an approval as it is now.
pub(crate) fn approval(authority: &Authority, plan: &Plan, approval: Approval) {
    let Some(step) = plan.step(&approval.step) else {
        return;
    };
    let id = approval.id.to_string();
    let view = ApprovalView::of(
        approval,
        Around {
            plan,
            step,
            now: authority.now(),
        },
    );
    authority.hub.publish("approval", id, &view);
}

/// Reads a plan again and tells subscribers. What cannot be read now is told with the next change.
pub(crate) async fn plan_again(authority: &Authority, id: &PlanId) {
    match read_plan(authority, id).await {
        Ok(Some(stored)) => plan(authority, &stored),
        Ok(None) => {}
        Err(error) => tracing::warn!(plan.id = %id, error = %error, "an update was not sent"),
    }
}

/// Reads an approval again and tells subscribers.
pub(crate) async fn approval_again(authority: &Authority, id: &ApprovalId) {
    match read_approval(authority, id).await {
        Ok(Some((stored, found))) => approval(authority, &stored.plan, found),
        Ok(None) => {}
        Err(error) => tracing::warn!(approval.id = %id, error = %error, "an update was not sent"),
    }
}

async fn read_plan(authority: &Authority, id: &PlanId) -> Result<Option<StoredPlan>, StoreError> {
    let mut connection = authority.read().await?;
    store::plans::find(&mut connection, &authority.settings.tenant, id).await
}

async fn read_approval(
    authority: &Authority,
    id: &ApprovalId,
) -> Result<Option<(StoredPlan, Approval)>, StoreError> {
    let mut connection = authority.read().await?;
    let tenant = &authority.settings.tenant;
    let Some(found) = store::approvals::find(&mut connection, tenant, id).await? else {
        return Ok(None);
    };
    let stored = store::plans::find(&mut connection, tenant, &found.plan).await?;
    Ok(stored.map(|stored| (stored, found)))
}

/// Tells subscribers of the active bundle, without the texts of its files.
pub(crate) async fn bundle(authority: &Authority) {
    match bundle_view::read(authority).await {
        Ok(mut view) => {
            view.files.clear();
            authority.hub.publish("bundle", "bundle", &view);
        }
        Err(error) => tracing::warn!(%error, "an update was not sent"),
    }
}

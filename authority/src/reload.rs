//! From one policy bundle to the next: approvals under the old one are void, enforcers are told.

use std::sync::Arc;

use countersign_intent::digest::Digest;
use countersign_intent::id::ApprovalId;
use countersign_ledger::Kind;
use countersign_service::database::Write;
use countersign_service::problem::{Problem, ProblemType};
use serde_json::json;

use crate::answer;
use crate::authority::Authority;
use crate::command;
use crate::control::ControlView;
use crate::policy::{LoadPolicyError, PolicyStatus};
use crate::publish;
use crate::store::{self, StoreError};

/// What happens to tokens of the bundle before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Epoch {
    /// They live out their short life.
    Keep,
    /// They stop counting now: the policy epoch rises.
    Raise,
}

/// Why the folder was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ReloadError {
    /// Its content is not good; what was active stays active.
    #[error("the policies folder was not taken, the last good bundle stays: {0}")]
    Content(LoadPolicyError),
    /// The work was cut off.
    #[error("the policies were not read to the end")]
    Cut(#[from] tokio::task::JoinError),
    /// The store failed.
    #[error("the new bundle cannot be recorded")]
    Store(#[from] StoreError),
}

impl From<ReloadError> for Problem {
    fn from(error: ReloadError) -> Self {
        match error {
            ReloadError::Content(cause) => {
                let problem = Self::new(
                    ProblemType::Invalid,
                    format!(
                        "the policies folder was not taken, the last good bundle stays: {cause}"
                    ),
                );
                let problem = match cause.line {
                    Some(line) => problem.field("line", line),
                    None => problem,
                };
                match cause.file {
                    Some(file) => problem.field("file", file),
                    None => problem,
                }
            }
            error @ ReloadError::Cut(_) => Self::internal(&error),
            ReloadError::Store(error) => error.into(),
        }
    }
}

/// Reads the policies folder again. A good content that differs becomes active, with the directory of
/// agents and people, and every enforcer is told.
pub(crate) async fn reload(authority: &Authority, epoch: Epoch) -> Result<(), ReloadError> {
    if let Some(control) = read_folder(authority, epoch).await? {
        authority.enforcers.push(&control).await;
    }
    Ok(())
}

/// As [`reload`], but leaves the telling to the caller: the control document, when it changed.
pub(crate) async fn read_folder(
    authority: &Authority,
    epoch: Epoch,
) -> Result<Option<ControlView>, ReloadError> {
    let now = authority.now();
    let policies = Arc::clone(&authority.policies);
    let before = authority.policies.status();
    if let Err(error) = tokio::task::spawn_blocking(move || policies.reload(now)).await? {
        refused(authority, &before).await?;
        return Err(ReloadError::Content(error));
    }
    read_directory(authority);
    let control = activate(authority, epoch).await?;
    if control.is_some() || before.candidate.is_some() {
        publish::bundle(authority).await;
    }
    Ok(control)
}

/// Agents and people are read only while the folder holds the active bundle: a folder that was refused
/// changes nothing.
fn read_directory(authority: &Authority) {
    if let Err(error) = authority.directory.reload() {
        tracing::error!(%error, "the directory of agents and operators was not read again");
    }
}

/// Records a refused content once, and tells everybody who watches.
async fn refused(authority: &Authority, before: &PolicyStatus) -> Result<(), StoreError> {
    let after = authority.policies.status();
    let Some(candidate) = after.candidate.as_ref() else {
        return Ok(());
    };
    if before.candidate.as_ref() == Some(candidate) {
        return Ok(());
    }
    tracing::error!(policy.error = %candidate.error, "the policies folder was not taken");
    let body = json!({
        "event": "refused", "policy": candidate.bundle, "file": candidate.error.file,
        "line": candidate.error.line, "message": candidate.error.message,
        "serving": after.active.as_ref().map(|bundle| bundle.hash()),
    });
    let mut tx = authority.write().await?;
    authority
        .record(&mut tx, Kind::Policy, candidate.at, body)
        .await?;
    tx.commit().await?;
    publish::bundle(authority).await;
    Ok(())
}

/// Brings the store in line with the active bundle: a change is recorded and voids what people approved
/// under another bundle. Answers the new control document.
async fn activate(authority: &Authority, epoch: Epoch) -> Result<Option<ControlView>, StoreError> {
    let Some(bundle) = authority.policies.active() else {
        return Ok(None);
    };
    let (hash, now) = (bundle.hash(), authority.now());
    let mut tx = authority.write().await?;
    let head = store::control::head(&mut tx).await?;
    if head.bundle == Some(hash) && epoch == Epoch::Keep {
        return Ok(None);
    }
    let policy_epoch = match epoch {
        Epoch::Keep => head.policy_epoch,
        Epoch::Raise => head.policy_epoch.saturating_add(1),
    };
    let voided = void_outdated(authority, &mut tx, &hash, policy_epoch).await?;
    store::control::set_bundle(&mut tx, &hash, policy_epoch).await?;
    let body = json!({
        "event": "activated", "policy": hash, "before": head.bundle, "policy_epoch": policy_epoch,
        "voided": voided.len(),
    });
    authority.record(&mut tx, Kind::Policy, now, body).await?;
    let control = command::document(authority, &mut tx, now).await?;
    tx.commit().await?;
    tracing::info!(target: "audit", bundle = %hash, policy_epoch, "a policy bundle is active");
    for approval in voided {
        publish::approval_again(authority, &approval).await;
    }
    authority.hub.publish("control", "control", &control);
    Ok(Some(control))
}

async fn void_outdated(
    authority: &Authority,
    tx: &mut Write,
    hash: &Digest,
    policy_epoch: u64,
) -> Result<Vec<ApprovalId>, StoreError> {
    let tenant = &authority.settings.tenant;
    let mut voided = Vec::new();
    for id in store::plans::outdated(tx, tenant, hash, policy_epoch).await? {
        if let Some(found) = store::plans::find(tx, tenant, &id).await? {
            voided.extend(answer::void_open(tx, &found.plan).await?);
        }
    }
    Ok(voided)
}

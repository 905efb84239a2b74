//! The active policy bundle as the API shows it.

use countersign_intent::digest::Digest;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::authority::Authority;
use crate::policy::{CandidateError, CaseReport, PolicyFile};
use crate::store::{self, StoreError};

/// The active bundle, and what was refused since.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct BundleView {
    /// The active bundle's hash; absent while none was ever good, and everything is denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bundle: Option<Digest>,
    /// The policy epoch.
    pub(crate) policy_epoch: u64,
    /// Since when the bundle is active here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) loaded_at: Option<Timestamp>,
    /// Its Cedar files, as they stood when it was loaded.
    pub(crate) files: Vec<PolicyFile>,
    /// What its decision tables gave.
    pub(crate) cases: CaseReport,
    /// The folder's present content, when it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) candidate: Option<CandidateError>,
}

/// Reads the view.
pub(crate) async fn read(authority: &Authority) -> Result<BundleView, StoreError> {
    let status = authority.policies.status();
    let mut connection = authority.read().await?;
    let head = store::control::head(&mut connection).await?;
    Ok(BundleView {
        bundle: status.active.as_ref().map(|bundle| bundle.hash()),
        policy_epoch: head.policy_epoch,
        loaded_at: status.loaded_at,
        files: status
            .active
            .map(|bundle| bundle.files().to_vec())
            .unwrap_or_default(),
        cases: status.cases,
        candidate: status.candidate,
    })
}

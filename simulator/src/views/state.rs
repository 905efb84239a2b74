//! The whole world with its faults, and the hash that shows whether anything was done.

use countersign_intent::digest::Digest;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::assets::{DatabaseView, KeyView, UserView};
use super::infra::{AlertView, ProcessView, ServiceView};
use crate::world::World;
use crate::world::faults::{Fault, FaultKind};
use crate::world::identity::Lock;

/// One active fault; for operators alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FaultView {
    fault_id: String,
    kind: FaultKind,
    /// The service, or for a storm the number of probes.
    target: String,
    at: Timestamp,
}

/// The whole world; for operators alone.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct StateView {
    at: Timestamp,
    services: Vec<ServiceView>,
    databases: Vec<DatabaseView>,
    users: Vec<UserView>,
    keys: Vec<KeyView>,
    alerts: Vec<AlertView>,
    faults: Vec<FaultView>,
    /// Actions carried out since the start or the last reset.
    actions: u64,
    /// Hash of everything that only an action or a fault can change: no times, no metrics, no
    /// alerts. Equal hashes mean that nothing was done in between.
    state_sha256: String,
}

// === impl FaultView ===

impl FaultView {
    pub(crate) fn of(fault: &Fault) -> Self {
        Self {
            fault_id: fault.id.as_str().to_owned(),
            kind: fault.kind,
            target: fault.target.clone(),
            at: fault.at,
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.fault_id
    }
}

// === impl StateView ===

impl StateView {
    pub(crate) fn of(world: &World) -> Self {
        Self {
            at: world.now(),
            services: ServiceView::all(world),
            databases: world
                .databases()
                .map(|db| DatabaseView::of(world, db))
                .collect(),
            users: world.users().map(UserView::of).collect(),
            keys: world.keys().map(KeyView::of).collect(),
            alerts: world.alerts().iter().rev().map(AlertView::of).collect(),
            faults: world.faults().iter().map(FaultView::of).collect(),
            actions: world.actions(),
            state_sha256: state_digest(world).to_string(),
        }
    }
}

/// Hash of what only an action or a fault can change.
pub(crate) fn state_digest(world: &World) -> Digest {
    let services: Vec<_> = world
        .services()
        .map(|(service, _)| {
            json!({
                "id": service.id.as_str(),
                "replicas": service.replicas(),
                "version": service.version,
                "versions": service.versions.iter().map(|v| &v.name).collect::<Vec<_>>(),
                "exit_code": ProcessView::of(service).exit_code(),
                "restarts": service.restarts,
            })
        })
        .collect();
    let databases: Vec<_> = world
        .databases()
        .map(|database| {
            let backups: Vec<_> = database
                .backups
                .iter()
                .map(|b| json!([b.id.as_str(), b.records]))
                .collect();
            json!({
                "id": database.id.as_str(),
                "records": database.records,
                "backups": backups,
                "restores": database.restores,
            })
        })
        .collect();
    let users: Vec<_> = world
        .users()
        .map(|user| {
            json!({
                "id": user.id.as_str(),
                "name": user.name,
                "email": user.email,
                "role": user.role,
                "locked": user.lock == Lock::Locked,
                "password_resets": user.password_resets,
            })
        })
        .collect();
    let keys: Vec<_> = world
        .keys()
        .map(|key| json!([key.target.as_str(), key.rotations]))
        .collect();
    let faults: Vec<_> = world
        .faults()
        .iter()
        .map(|fault| json!([fault.kind.as_str(), fault.target]))
        .collect();
    Digest::of_json(&json!({
        "services": services,
        "databases": databases,
        "users": users,
        "keys": keys,
        "faults": faults,
        "actions": world.actions(),
    }))
}

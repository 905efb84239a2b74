//! Leases that were verified and matched, so that the signature of each is paid for once.
//!
//! What is kept is what verification established and nothing that depends on the request or on time:
//! those checks run on every use. It counts only for the control document, the catalogue and the people
//! under which it was established; when one of them changes everything is forgotten.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_intent::catalogue::Catalogue;
use countersign_intent::digest::Digest;
use countersign_intent::token::{Intent, Verified};
use countersign_service::directory::Directory;

use crate::approved::Approved;
use crate::control::Snapshot;

/// Leases remembered at most; they live five minutes at most.
const LEASES: usize = 4_096;

/// What a call is judged under. A request uses one from start to end.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) control: Arc<Snapshot>,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) directory: Arc<Directory>,
}

/// A lease that was let through before.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) verified: Verified<Intent>,
    pub(super) approved: Arc<Approved>,
}

/// The leases let through under the present world. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembered(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    world: Option<World>,
    /// By the hash of the token's text.
    leases: BTreeMap<Digest, Lease>,
}

impl World {
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.control, &other.control)
            && Arc::ptr_eq(&self.catalogue, &other.catalogue)
            && Arc::ptr_eq(&self.directory, &other.directory)
    }
}

impl Remembered {
    /// The lease of the token with this hash, if it was let through under `world`.
    pub(super) fn find(&self, token: &Digest, world: &World) -> Option<Lease> {
        let inner = self.lock();
        let present = inner.world.as_ref().is_some_and(|known| known.is(world));
        present.then(|| inner.leases.get(token).cloned()).flatten()
    }

    /// Remembers a lease that was let through under `world` at `now`, in seconds since 1970.
    pub(super) fn keep(&self, world: &World, lease: Lease, now: i64) {
        let mut inner = self.lock();
        if !inner.world.as_ref().is_some_and(|known| known.is(world)) {
            inner.leases.clear();
            inner.world = Some(world.clone());
        }
        if inner.leases.len() >= LEASES {
            inner.leases.retain(|_, kept| kept.verified.get().exp > now);
        }
        if inner.leases.len() >= LEASES {
            // Hashes come in no order: this is anyone's.
            inner.leases.pop_first();
        }
        inner.leases.insert(lease.approved.token_sha256, lease);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! What every use case of the authority works with.

use std::sync::Arc;
use std::time::Duration;

use countersign_intent::id::TenantId;
use countersign_ledger::{Kind, Ledger};
use countersign_service::clock::Clock;
use countersign_service::database::{Database, Write};
use countersign_service::directory::SharedDirectory;
use countersign_service::events::Hub;
use countersign_service::problem::{Problem, ProblemType};
use countersign_service::random::Random;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::Any;
use sqlx::pool::PoolConnection;

use crate::enforcers::Enforcers;
use crate::judge::PlanLimits;
use crate::keys::Keys;
use crate::policy::{Bundle, PolicyStore};
use crate::stamp;
use crate::store::StoreError;

/// The names and limits that do not change while the authority runs.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `iss` of every token.
    pub(crate) issuer: String,
    /// `aud` of every token: the group of enforcers that share a journal.
    pub(crate) audience: String,
    /// The tenant of this authority.
    pub(crate) tenant: TenantId,
    /// How long a token lives.
    pub(crate) token_ttl: Duration,
    /// How long people may answer.
    pub(crate) approval_ttl: Duration,
    /// How large a plan may be.
    pub(crate) limits: PlanLimits,
}

/// The authority's parts. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    pub(crate) settings: Arc<Settings>,
    pub(crate) database: Database,
    pub(crate) ledger: Ledger,
    pub(crate) policies: Arc<PolicyStore>,
    pub(crate) directory: SharedDirectory,
    pub(crate) keys: Arc<Keys>,
    pub(crate) enforcers: Enforcers,
    pub(crate) hub: Hub,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
}

impl Authority {
    /// The time, in the precision that is kept.
    pub(crate) fn now(&self) -> Timestamp {
        stamp::whole_millis(self.clock.now())
    }

    /// The active bundle; without one, everything is denied.
    pub(crate) fn bundle(&self) -> Result<Arc<Bundle>, NoBundle> {
        self.policies.active().ok_or(NoBundle)
    }

    /// A connection for reading.
    pub(crate) async fn read(&self) -> Result<PoolConnection<Any>, StoreError> {
        Ok(self.database.read().acquire().await?)
    }

    /// A transaction that may write.
    pub(crate) async fn write(&self) -> Result<Write, StoreError> {
        Ok(self.database.write().await?)
    }

    /// Appends a record to the ledger within `tx`, so that it stands or falls with what it records.
    pub(crate) async fn record(
        &self,
        tx: &mut Write,
        kind: Kind,
        at: Timestamp,
        body: Value,
    ) -> Result<(), StoreError> {
        let _appended = self.ledger.append(tx, kind, at, body).await?;
        Ok(())
    }
}

/// No policy bundle was ever loaded: nothing is allowed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no policy bundle is loaded, so nothing is allowed: see `GET /v1/policies`")]
pub(crate) struct NoBundle;

impl From<NoBundle> for Problem {
    fn from(error: NoBundle) -> Self {
        Self::new(ProblemType::Unavailable, error.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(error) => error.into(),
            error @ (StoreError::Ledger(_) | StoreError::Corrupt { .. }) => Self::internal(&error),
        }
    }
}

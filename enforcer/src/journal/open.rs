//! Opening the journal: the ledger, the issuance floor, and calls that an earlier process left behind.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_intent::id::TenantId;
use countersign_ledger::{Kind, Ledger, Opening};
use countersign_service::clock::{self, Clock};
use countersign_service::database::{Database, DatabaseError, Engine};
use countersign_service::events::Hub;
use countersign_service::faults::Faults;
use countersign_service::files::FileError;
use countersign_service::random::Random;
use jiff::Timestamp;
use serde_json::json;
use sqlx::AnyConnection;
use sqlx::migrate::Migrator;
use tokio::sync::{Notify, mpsc};

use super::predecessor::{Named, Owned};
use super::server::HighWater;
use super::store::{StoreError, calls, state};
use super::writer::Writer;
use super::writer::commit::Committer;
use super::writer::sweep::WRITER_LEASE;
use super::{Journal, QUEUE, Shared};
use crate::control::Control;
use crate::receipts::Signer;
use crate::stamp;

/// The journal's tables.
static MIGRATOR: Migrator = sqlx::migrate!();

/// How far ahead of ours an authority's clock may be.
const SKEW: i64 = 5;

/// What the journal is opened with.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    pub(crate) database_url: &'a str,
    /// The data folder: a file there remembers how long the journal was.
    pub(crate) data: &'a Path,
    /// The ledger's origin.
    pub(crate) origin: &'a str,
    pub(crate) tenant: &'a TenantId,
    pub(crate) signer: Signer,
    pub(crate) control: Control,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) hub: Hub,
    pub(crate) faults: Faults,
    /// How long ended calls are kept.
    pub(crate) calls_kept: Duration,
}

/// The journal was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The database was not opened.
    #[error("cannot open the journal's database")]
    Open(#[from] DatabaseError),
    /// The database failed at the start.
    #[error("cannot start the journal")]
    Start(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The ledger was not opened.
    #[error("cannot open the journal's ledger")]
    Ledger(#[from] countersign_ledger::OpenError),
    /// Calls of an earlier process cannot be put in doubt.
    #[error("cannot record that calls of an earlier process are in doubt")]
    Unrecorded,
    /// The file that names the data folder's last writer cannot be used.
    #[error("cannot use the file that names the journal's last writer")]
    Predecessor(#[source] std::io::Error),
    /// The high-water file cannot be read.
    #[error("cannot read the journal's high-water file")]
    HighWater(#[from] FileError),
}

impl From<StoreError> for JournalError {
    fn from(error: StoreError) -> Self {
        Self::Start(Box::new(error))
    }
}

impl From<sqlx::Error> for JournalError {
    fn from(error: sqlx::Error) -> Self {
        Self::Start(Box::new(error))
    }
}

/// Opens the journal; the writer is to be run by a task.
pub(crate) async fn open(parts: Opened<'_>) -> Result<(Journal, Writer), JournalError> {
    let migrators = [&MIGRATOR, &countersign_ledger::MIGRATOR];
    let database = Database::open(parts.database_url, &migrators).await?;
    let now = stamp::whole_millis(parts.clock.now());
    let remembered = HighWater::load(parts.data)?;
    let mut owned = own(&database, parts.data).map_err(JournalError::Predecessor)?;
    let mut tx = database.write().await?;
    let opening = Opening {
        origin: parts.origin,
        tenant: parts.tenant,
        role: "enforcer",
    };
    let ledger = Ledger::open(&mut tx, opening).await?;
    let known = HighWater::read(&mut tx, &ledger, database.engine()).await?;
    let lost = remembered.and_then(|then| then.contradiction(&known));
    let floor = floor(&mut tx, lost, now).await?;
    let high_water = state::high_water(&mut tx).await?.unwrap_or(now);
    let until = clock::saturating_add(now, WRITER_LEASE);
    state::renew(&mut tx, ledger.writer(), now, until).await?;
    if let Some(owned) = &mut owned
        && let Some(dead) = owned.before().map_err(JournalError::Predecessor)?
    {
        state::bury(&mut tx, &dead.id, dead.started_at).await?;
    }
    let boot = json!({ "version": env!("CARGO_PKG_VERSION"), "floor": floor });
    let _appended = ledger
        .append(&mut tx, Kind::Boot, now, boot)
        .await
        .map_err(StoreError::from)?;
    tx.commit().await?;
    if let Some(owned) = &mut owned {
        let writer = Named {
            id: ledger.writer().to_owned(),
            started_at: now,
        };
        owned.sign(&writer).map_err(JournalError::Predecessor)?;
    }
    let shared = Arc::new(Shared {
        database,
        ledger,
        signer: parts.signer,
        control: parts.control,
        clock: parts.clock,
        random: parts.random,
        tenant: parts.tenant.clone(),
        faults: parts.faults,
        calls_kept: parts.calls_kept,
        floor: AtomicI64::new(floor),
        known: Mutex::new(known),
        suspect: AtomicBool::new(false),
        high_water: AtomicI64::new(high_water.as_millisecond()),
        receipts: Notify::new(),
        closed: AtomicBool::new(false),
        full: AtomicBool::new(false),
        _owned: owned,
    });
    let (sender, receiver) = mpsc::channel(QUEUE);
    let mut writer = Writer {
        receiver,
        shared: Arc::clone(&shared),
        committer: Committer::new(Arc::clone(&shared)),
        hub: parts.hub,
        unrecorded: VecDeque::new(),
    };
    recover(&mut writer, now).await?;
    Ok((Journal { sender, shared }, writer))
}

/// Takes the data folder of a journal that others write too; a file has one owner anyway.
fn own(database: &Database, data: &Path) -> std::io::Result<Option<Owned>> {
    match database.engine() {
        Engine::Sqlite => Ok(None),
        Engine::Postgres => Owned::take(data),
    }
}

/// Puts in doubt what dead processes left on its way.
async fn recover(writer: &mut Writer, now: Timestamp) -> Result<(), JournalError> {
    let shared = Arc::clone(&writer.shared);
    // A file has one owner, so whoever wrote before is dead, whatever its lease says.
    let dead_at = match shared.database.engine() {
        Engine::Sqlite => Timestamp::MAX,
        Engine::Postgres => now,
    };
    loop {
        let own = shared.ledger.writer();
        let lost = calls::orphaned(shared.database.read(), own, dead_at).await?;
        if lost.is_empty() {
            return Ok(());
        }
        if !writer.give_up(&lost).await {
            return Err(JournalError::Unrecorded);
        }
    }
}

/// The issuance floor. A new journal refuses what was issued before it began, and one that lost records
/// (an older copy was restored, another server took over, or the file was deleted) what may have been
/// spent in them: tokens may be dated up to [`SKEW`] ahead.
async fn floor(
    tx: &mut AnyConnection,
    lost: Option<&'static str>,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let known = state::floor(tx).await?;
    let ahead = now.as_second().saturating_add(SKEW);
    let (iat, reason) = match (known, lost) {
        (Some(known), None) => return Ok(known),
        (None, None) => (now.as_second(), "a new journal"),
        (known, Some(reason)) => (known.unwrap_or(ahead).max(ahead), reason),
    };
    if lost.is_some() {
        tracing::error!(
            floor = iat,
            reason,
            "the journal may have lost records: older tokens are refused"
        );
    }
    state::raise_floor(tx, iat, reason, now).await?;
    Ok(iat)
}

/// Looks whether a new connection leads to the server of before, and raises the floor if it does not:
/// part of the first transaction on it. What was found is known only once that transaction holds, so that
/// a floor that was not written is raised again.
pub(super) async fn check_server(
    shared: &Shared,
    tx: &mut AnyConnection,
) -> Result<HighWater, StoreError> {
    let found = HighWater::read(&mut *tx, &shared.ledger, shared.database.engine()).await?;
    let lost = shared.known().contradiction(&found);
    if lost.is_some() {
        let now = stamp::whole_millis(shared.clock.now());
        let raised = floor(tx, lost, now).await?;
        shared.raise_floor(raised);
    }
    Ok(found)
}

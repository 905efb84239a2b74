//! Opening the journal: the ledger, the issuance floor, and calls that an earlier process left behind.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::time::Duration;

use countersign_intent::id::TenantId;
use countersign_ledger::{Kind, Ledger, Opening};
use countersign_service::clock::{self, Clock};
use countersign_service::database::{Database, DatabaseError, Engine};
use countersign_service::events::Hub;
use countersign_service::files::{self, FileError};
use countersign_service::random::Random;
use jiff::Timestamp;
use serde_json::json;
use sqlx::AnyConnection;
use sqlx::migrate::Migrator;
use tokio::sync::{Notify, mpsc};

use super::store::{StoreError, calls, state};
use super::writer::{WRITER_LEASE, Writer, give_up};
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
    let mut tx = database.write().await?;
    let opening = Opening {
        origin: parts.origin,
        tenant: parts.tenant,
        role: "enforcer",
    };
    let ledger = Ledger::open(&mut tx, opening).await?;
    let size = ledger.size(&mut tx).await?;
    let floor = floor(&mut tx, size, high_water_size(parts.data)?, now).await?;
    let high_water = state::high_water(&mut tx).await?.unwrap_or(now);
    state::renew(
        &mut tx,
        ledger.writer(),
        now,
        clock::saturating_add(now, WRITER_LEASE),
    )
    .await?;
    let boot = json!({ "version": env!("CARGO_PKG_VERSION"), "floor": floor });
    let _appended = ledger
        .append(&mut tx, Kind::Boot, now, boot)
        .await
        .map_err(StoreError::from)?;
    let shared = Arc::new(Shared {
        database,
        ledger,
        signer: parts.signer,
        control: parts.control,
        clock: parts.clock,
        random: parts.random,
        tenant: parts.tenant.clone(),
        floor,
        high_water: AtomicI64::new(high_water.as_millisecond()),
        receipts: Notify::new(),
        closed: AtomicBool::new(false),
    });
    // A file has one owner, so whoever wrote before is dead, whatever its lease says.
    let dead_at = match shared.database.engine() {
        Engine::Sqlite => Timestamp::MAX,
        Engine::Postgres => now,
    };
    let lost = calls::orphaned(&mut tx, shared.ledger.writer(), dead_at).await?;
    let settled = give_up(&shared, &mut tx, &lost).await?;
    tx.commit().await?;
    for call in settled {
        parts
            .hub
            .publish("call", call.attempt.as_str(), &call.view());
    }
    let (sender, receiver) = mpsc::channel(QUEUE);
    let journal = Journal {
        sender,
        shared: Arc::clone(&shared),
    };
    let unrecorded = VecDeque::new();
    Ok((
        journal,
        Writer {
            receiver,
            shared,
            hub: parts.hub,
            unrecorded,
        },
    ))
}

/// The issuance floor. A new journal refuses what was issued before it began, and one that lost records
/// (an older copy was restored, or the file deleted) what may have been spent in them: tokens may be
/// dated up to [`SKEW`] ahead.
async fn floor(
    tx: &mut AnyConnection,
    size: u64,
    remembered: Option<u64>,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let known = state::floor(tx).await?;
    let lost = remembered.is_some_and(|remembered| remembered > size);
    let (iat, reason) = match known {
        Some(known) if !lost => return Ok(known),
        Some(known) => (
            known.max(now.as_second().saturating_add(SKEW)),
            "records were lost",
        ),
        None if lost => (now.as_second().saturating_add(SKEW), "the journal was lost"),
        None => (now.as_second(), "a new journal"),
    };
    if lost {
        tracing::error!(
            floor = iat,
            "the journal is shorter than it was: older tokens are refused"
        );
    }
    state::raise_floor(tx, iat, reason, now).await?;
    Ok(iat)
}

fn high_water_path(data: &Path) -> PathBuf {
    data.join("enforcer.highwater")
}

fn high_water_size(data: &Path) -> Result<Option<u64>, FileError> {
    let text = files::read_text_if_present(&high_water_path(data))?;
    Ok(text.and_then(|text| text.trim().parse().ok()))
}

/// Keeps the ledger's size in a file outside the database, each second in which it grew.
pub(crate) async fn remember_size(journal: Journal, data: PathBuf) {
    let path = high_water_path(&data);
    let mut kept = 0;
    loop {
        journal.shared.clock.sleep(Duration::from_secs(1)).await;
        let size = match journal.shared.database.read().acquire().await {
            Ok(mut connection) => journal.shared.ledger.size(&mut connection).await,
            Err(error) => Err(error),
        };
        let Ok(size) = size else { continue };
        if size > kept {
            match files::write_private(&path, format!("{size}\n").as_bytes()) {
                Ok(()) => kept = size,
                Err(error) => tracing::warn!(%error, "cannot keep the journal's high-water file"),
            }
        }
    }
}

//! Sends each receipt to the authority, at least once.

use std::time::Duration;

use countersign_service::client::{Peer, PeerError};
use countersign_service::clock::{self, Clock};
use countersign_service::problem::error_chain;
use serde::{Deserialize, Serialize};

use crate::journal::Journal;
use crate::journal::store::StoreError;
use crate::journal::store::receipts::{self, Waiting};

/// Receipts per request: 2 KiB each at most, well within the authority's body limit.
const FULL: usize = 64;
/// How long receipts gather before a request that they do not fill: taking each out of the outbox by
/// itself would cost a commit, for which calls wait.
const GATHER: Duration = Duration::from_millis(50);
/// Time between two looks into an outbox that nobody announced anything for.
const IDLE: Duration = Duration::from_secs(5);
/// The first wait after a failure; it doubles up to [`MAX_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const MAX_BACKOFF: Duration = Duration::from_secs(10);
/// How long a refused receipt is sent again.
const GIVE_UP: Duration = Duration::from_hours(1);

#[derive(Serialize)]
struct Body {
    receipts: Vec<String>,
}

#[derive(Deserialize)]
struct Accepted {
    accepted: u64,
}

/// Why receipts stay in the outbox.
#[derive(Debug, thiserror::Error)]
enum PostError {
    #[error("the outbox cannot be read")]
    Store(#[from] StoreError),
    #[error("the authority did not take the receipts")]
    Peer(#[from] PeerError),
    #[error("the authority refuses {0} receipts")]
    Refused(usize),
    #[error("the outbox cannot be cleared")]
    Uncleared,
}

/// Sends receipts until cancelled. Run by a task.
pub(crate) async fn run(authority: Peer, journal: Journal, clock: Clock) {
    let mut backoff = FIRST_BACKOFF;
    loop {
        match post(&authority, &journal).await {
            Ok(0) => {
                backoff = FIRST_BACKOFF;
                tokio::select! {
                    () = journal.shared().receipts.notified() => clock.sleep(GATHER).await,
                    () = clock.sleep(IDLE) => {}
                }
            }
            Ok(sent) => {
                backoff = FIRST_BACKOFF;
                if sent < FULL {
                    clock.sleep(GATHER).await;
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = error_chain(&error),
                    "receipts wait for the authority"
                );
                clock.sleep(backoff).await;
                backoff = backoff.saturating_mul(2).min(MAX_BACKOFF);
            }
        }
    }
}

/// Sends what waits longest; says how many receipts that were.
async fn post(authority: &Peer, journal: &Journal) -> Result<usize, PostError> {
    let waiting = receipts::waiting(journal.shared().database.read(), FULL).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    match send(authority, &waiting).await {
        Ok(()) => clear(journal, &waiting).await?,
        // One of them spoils it for the others.
        Err(error) if is_refused(&error) => post_each(authority, journal, &waiting).await?,
        Err(error) => return Err(error.into()),
    }
    Ok(waiting.len())
}

/// Sends receipts one by one. One that the authority refuses waits: it may not know our key yet. After
/// [`GIVE_UP`] it is no longer sent; it stays among the receipts.
async fn post_each(
    authority: &Peer,
    journal: &Journal,
    waiting: &[Waiting],
) -> Result<(), PostError> {
    let now = journal.shared().clock.now();
    let mut refused = 0_usize;
    for one in waiting {
        match send(authority, std::slice::from_ref(one)).await {
            Ok(()) => {}
            Err(error) if is_refused(&error) => {
                let error = error_chain(&error);
                if now < clock::saturating_add(one.queued_at, GIVE_UP) {
                    tracing::warn!(
                        receipt.id = one.id,
                        error,
                        "the authority refuses a receipt"
                    );
                    refused = refused.saturating_add(1);
                    continue;
                }
                tracing::error!(receipt.id = one.id, error, "a receipt is no longer sent");
            }
            Err(error) => return Err(error.into()),
        }
        clear(journal, std::slice::from_ref(one)).await?;
    }
    if refused == 0 {
        Ok(())
    } else {
        Err(PostError::Refused(refused))
    }
}

/// Whether the authority says that a receipt is not acceptable.
fn is_refused(error: &PeerError) -> bool {
    error.problem().is_some_and(|problem| problem.status == 422)
}

async fn send(authority: &Peer, waiting: &[Waiting]) -> Result<(), PeerError> {
    let body = Body {
        receipts: waiting.iter().map(|one| one.jws.clone()).collect(),
    };
    let answer = authority.post::<_, Accepted>("/v1/receipts", &body).await?;
    tracing::debug!(
        accepted = answer.body.accepted,
        "the authority has the receipts"
    );
    Ok(())
}

async fn clear(journal: &Journal, waiting: &[Waiting]) -> Result<(), PostError> {
    let ids = waiting.iter().map(|one| one.id.clone()).collect();
    if journal.posted(ids).await {
        Ok(())
    } else {
        Err(PostError::Uncleared)
    }
}

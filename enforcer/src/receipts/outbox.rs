//! Sends each receipt to the authority, at least once.

use std::time::Duration;

use countersign_service::client::{Peer, PeerError};
use countersign_service::clock::Clock;
use countersign_service::problem::error_chain;
use serde::{Deserialize, Serialize};

use crate::journal::Journal;
use crate::journal::store::{StoreError, receipts};

/// Receipts per request: 2 KiB each at most, well within the authority's body limit.
const BATCH: i64 = 64;
/// Time between two looks into an outbox that nobody announced anything for.
const IDLE: Duration = Duration::from_secs(5);
/// The first wait after a failure; it doubles up to [`MAX_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const MAX_BACKOFF: Duration = Duration::from_secs(10);

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
                    () = journal.shared().receipts.notified() => {}
                    () = clock.sleep(IDLE) => {}
                }
            }
            Ok(_) => backoff = FIRST_BACKOFF,
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
    let waiting = receipts::waiting(journal.shared().database.read(), BATCH).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let (ids, receipts): (Vec<_>, Vec<_>) =
        waiting.into_iter().map(|one| (one.id, one.jws)).unzip();
    let sent = ids.len();
    let answer = authority
        .post::<_, Accepted>("/v1/receipts", &Body { receipts })
        .await?;
    tracing::debug!(
        sent,
        accepted = answer.body.accepted,
        "the authority has the receipts"
    );
    if journal.posted(ids).await {
        Ok(sent)
    } else {
        Err(PostError::Uncleared)
    }
}

//! Asks the authority for the control document, every 500 ms.

use std::time::Duration;

use countersign_service::client::{Peer, PeerError};
use countersign_service::clock::Clock;
use countersign_service::problem::error_chain;

use super::{Control, ControlDocument};
use crate::journal::{Journal, PutError};

/// Time between two questions.
const EVERY: Duration = Duration::from_millis(500);
/// Time between two questions before the first answer: the authority may be starting too.
const EAGER: Duration = Duration::from_millis(100);
/// How long the authority may take to answer one.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why one question brought nothing.
#[derive(Debug, thiserror::Error)]
enum PollError {
    #[error("the authority was not heard")]
    Peer(#[from] PeerError),
    #[error("the authority did not answer in time")]
    Late,
    #[error("the authority's control document was not taken")]
    Refused(#[from] PutError),
}

/// Asks until cancelled. Run by a task.
pub(crate) async fn run(authority: Peer, control: Control, journal: Journal, clock: Clock) {
    let mut heard = true;
    loop {
        match ask(&authority, &control, &journal, &clock).await {
            Ok(()) if !heard => {
                tracing::info!("the authority is heard again");
                heard = true;
            }
            Ok(()) => {}
            Err(error) => {
                if heard {
                    tracing::warn!(error = error_chain(&error), "no control from the authority");
                }
                heard = false;
            }
        }
        let pause = if control.snapshot().is_ok() {
            EVERY
        } else {
            EAGER
        };
        clock.sleep(pause).await;
    }
}

async fn ask(
    authority: &Peer,
    control: &Control,
    journal: &Journal,
    clock: &Clock,
) -> Result<(), PollError> {
    // The lease counts from the question: the answer may have been on its way for long.
    let asked = clock.monotonic();
    let answer = tokio::time::timeout(PATIENCE, authority.get::<ControlDocument>("/v1/control"));
    let document = answer.await.map_err(|_elapsed| PollError::Late)??;
    if !control.is_current(&document) {
        journal.put_control(document).await?;
    }
    control.confirm(asked);
    Ok(())
}

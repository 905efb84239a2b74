//! The space on the journal's disk: nothing is started when there is hardly any, so that what runs can
//! be recorded to its end (SECURITY-DESIGN §9).

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Journal;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// Watches the disk of a journal that lies in a file; below `least` bytes nothing starts. Run by a task.
pub(crate) async fn watch(journal: Journal, least: u64) {
    let shared = &journal.shared;
    loop {
        match shared.database.free_space() {
            Ok(None) => return,
            Ok(Some(free)) => {
                let full = free < least;
                let was = shared.full.swap(full, Ordering::AcqRel);
                if full && !was {
                    tracing::error!(
                        disk.free_bytes = free,
                        "the journal's disk is nearly full: nothing is started"
                    );
                } else if was && !full {
                    tracing::info!(disk.free_bytes = free, "the journal's disk has space again");
                }
            }
            Err(error) => tracing::warn!(%error, "cannot see how full the journal's disk is"),
        }
        shared.clock.sleep(LOOK).await;
    }
}

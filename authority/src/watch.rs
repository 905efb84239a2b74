//! What goes on by itself: the policies folder is looked at, approvals run out.

use std::path::Path;
use std::time::{Duration, SystemTime};

use countersign_service::tasks::Tasks;
use jiff::Timestamp;

use crate::authority::Authority;
use crate::publish;
use crate::reload::{self, Epoch, ReloadError};
use crate::stamp;
use crate::store::{self, StoreError};

/// Starts the watchers; they end with `tasks`.
pub(crate) fn start(authority: &Authority, overlay: Option<&Path>, every: Duration, tasks: &Tasks) {
    if every.is_zero() {
        return;
    }
    let (watched, folders) = (authority.clone(), folders(authority, overlay));
    drop(tasks.spawn_until_cancelled("policies", async move {
        // Not yet looked at: what changed since the start is read in the first round.
        let mut before = Vec::new();
        loop {
            tokio::time::sleep(every).await;
            let now = look(&folders);
            if now != before {
                before = now;
                read_again(&watched).await;
            }
        }
    }));
    let watched = authority.clone();
    drop(tasks.spawn_until_cancelled("approvals", async move {
        let mut since = watched.now();
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let now = watched.now();
            match expire(&watched, since, now).await {
                Ok(()) => since = now,
                Err(error) => tracing::warn!(%error, "expired approvals were not told"),
            }
        }
    }));
}

async fn read_again(authority: &Authority) {
    match reload::reload(authority, Epoch::Keep).await {
        // The refusal was logged and recorded when it was new.
        Ok(()) | Err(ReloadError::Content(_)) => {}
        Err(error) => tracing::error!(%error, "the policies were not read again"),
    }
}

/// Tells subscribers of approvals that ran out between `since` and `now`.
async fn expire(authority: &Authority, since: Timestamp, now: Timestamp) -> Result<(), StoreError> {
    let tenant = &authority.settings.tenant;
    let (since, now) = (stamp::to_millis(since), stamp::to_millis(now));
    let mut connection = authority.read().await?;
    let expired = store::approvals::expired_between(&mut connection, tenant, since, now).await?;
    drop(connection);
    for approval in expired {
        publish::approval_again(authority, &approval.id).await;
    }
    Ok(())
}

fn folders(authority: &Authority, overlay: Option<&Path>) -> Vec<std::path::PathBuf> {
    let policies = authority.policies.dir().to_owned();
    overlay
        .map(Path::to_owned)
        .into_iter()
        .chain([policies])
        .collect()
}

/// Every file below the folders with its length and time of change.
fn look(folders: &[std::path::PathBuf]) -> Vec<(std::path::PathBuf, u64, Option<SystemTime>)> {
    let mut open = folders.to_vec();
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            // Follows links, as reading does: a folder swapped by its link is another folder.
            match std::fs::metadata(&path) {
                Ok(data) if data.is_dir() => open.push(path),
                Ok(data) => found.push((path, data.len(), data.modified().ok())),
                Err(_) => {}
            }
        }
    }
    found.sort();
    found
}

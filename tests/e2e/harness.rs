//! What every suite needs: real processes, requests to them, and the patience to wait for a condition.

pub(crate) mod command;
pub(crate) mod forge;
pub(crate) mod installation;
pub(crate) mod issuer;
pub(crate) mod process;
pub(crate) mod solo;
pub(crate) mod upstream;
pub(crate) mod world;

use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a condition may take that machines bring about by themselves. Generous: it only ends what
/// hangs.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Time between two looks at a condition.
const LOOK: Duration = Duration::from_millis(25);

/// Looks until there is something to be seen; fails after `within`.
pub(crate) async fn eventually<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(within, looking)
        .await
        .unwrap_or_else(|_| panic!("after {} s still not: {what}", within.as_secs()))
}

/// The repository's root folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The shipped policies folder.
pub(crate) fn policies() -> PathBuf {
    root().join("policies")
}

/// Copies a folder of files and folders.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

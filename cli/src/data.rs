//! The data folder: keys, databases, who holds which key, where the roles listen.

pub(crate) mod credentials;
pub(crate) mod prepare;

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use countersign_service::files::{self, FileError, ensure_dir_private};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The data folder of this process.
#[derive(Clone, Debug)]
pub(crate) struct DataFolder(PathBuf);

/// The data folder is ours as long as this lives.
#[derive(Debug)]
pub(crate) struct DataLock {
    _file: File,
}

/// Where the roles listen: the content of the ready file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// The authority's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authority: Option<String>,
    /// The enforcer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) enforcer: Option<String>,
    /// The planner's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) planner: Option<String>,
    /// The simulator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) simulator: Option<String>,
    /// The console's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) console: Option<String>,
    /// The data folder.
    pub(crate) data: PathBuf,
}

impl DataFolder {
    /// Makes the folder and its `keys` where missing; only the owner may look in.
    pub(crate) fn make(path: &Path) -> Result<Self, FileError> {
        ensure_dir_private(path)?;
        ensure_dir_private(&path.join("keys"))?;
        Ok(Self(path.to_owned()))
    }

    /// The folder at `path`, which may not exist.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The key file `name`.
    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.0.join("keys").join(name)
    }

    /// The file that says who holds which key.
    pub(crate) fn credentials(&self) -> PathBuf {
        self.0.join("credentials.json")
    }

    /// The file that says where the roles listen.
    pub(crate) fn ready(&self) -> PathBuf {
        self.0.join("ready.json")
    }

    /// Makes this process the only one that runs on the folder. The system frees it with the process.
    pub(crate) fn lock(&self) -> Result<DataLock, Failure> {
        let path = self.0.join("lock");
        let failed = |error| Failure::because(format!("cannot lock `{}`", path.display()), error);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(DataLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Failure::could_not(format!(
                "another process runs on the data folder `{}`: stop it, or choose another with --data",
                self.0.display()
            ))),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Where the roles listen, when they run.
    pub(crate) fn read_ready(&self) -> Option<Ready> {
        let text = files::read_text(&self.ready()).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes the ready file here, and a copy to `further` where given.
    pub(crate) fn write_ready(
        &self,
        ready: &Ready,
        further: Option<&Path>,
    ) -> Result<(), FileError> {
        ready.write_to(&self.ready())?;
        further.map_or(Ok(()), |path| ready.write_to(path))
    }

    /// Removes what an earlier process, or this one, said about listening.
    pub(crate) fn clear_ready(&self, further: Option<&Path>) {
        for path in [Some(self.ready().as_path()), further]
            .into_iter()
            .flatten()
        {
            // It may never have been written.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Ready {
    /// Writes the ready file at `path`, by rename.
    pub(crate) fn write_to(&self, path: &Path) -> Result<(), FileError> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        files::write_public(path, format!("{text}\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_process_s() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::make(&folder.path().join("data")).unwrap();
        let lock = data.lock().unwrap();
        let error = data.lock().unwrap_err();
        assert!(
            error.to_string().contains("another process runs on"),
            "{error}"
        );
        drop(lock);
        drop(data.lock().unwrap());
    }

    #[test]
    fn the_ready_file_is_written_twice_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::make(folder.path()).unwrap();
        let further = folder.path().join("elsewhere.json");
        let ready = Ready {
            authority: Some("http://127.0.0.1:1".to_owned()),
            data: folder.path().to_owned(),
            ..Ready::default()
        };
        data.write_ready(&ready, Some(&further)).unwrap();
        assert_eq!(data.read_ready().unwrap().authority, ready.authority);
        let text = std::fs::read_to_string(&further).unwrap();
        assert!(!text.contains("simulator"), "{text}");
        data.clear_ready(Some(&further));
        assert!(data.read_ready().is_none() && !further.exists());
    }
}

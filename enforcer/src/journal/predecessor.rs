//! The process that had this data folder before. When this one has the folder, that one is dead, whatever
//! the lease says that it gave itself in a shared database: its calls need not wait for it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::Timestamp;

use crate::stamp;

/// The file that names the folder's last writer. Its lock goes with the process, however that ends.
const FILE: &str = "enforcer.writer";

/// A data folder that is this process's own.
#[derive(Debug)]
pub(super) struct Owned {
    file: File,
}

/// A writer as its row in the database has it: names alone repeat in other databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) id: String,
    pub(super) started_at: Timestamp,
}

impl Owned {
    /// Takes the folder `data`; `None` when another process has it.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(super) fn take(data: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(data.join(FILE))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The writer that had the folder before, where one did and said so.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn before(&mut self) -> io::Result<Option<Named>> {
        let mut text = String::new();
        self.file.rewind()?;
        self.file.read_to_string(&mut text)?;
        Ok(Named::read(&text))
    }

    /// Says that `writer` has it now.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn sign(&mut self, writer: &Named) -> io::Result<()> {
        let millis = stamp::to_millis(writer.started_at);
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file
            .write_all(format!("{} {millis}\n", writer.id).as_bytes())
    }
}

impl Named {
    fn read(text: &str) -> Option<Self> {
        let (id, millis) = text.strip_suffix('\n')?.split_once(' ')?;
        Some(Self {
            id: id.to_owned(),
            started_at: stamp::from_millis(millis.parse().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_owner_knows_the_one_before_and_nobody_shares() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = Owned::take(folder.path()).unwrap().unwrap();
        assert_eq!(first.before().unwrap(), None);
        let long = Named {
            id: "enforcer#1000".to_owned(),
            started_at: stamp::from_millis(1_800_000_000_123),
        };
        first.sign(&long).unwrap();
        assert!(Owned::take(folder.path()).unwrap().is_none());
        drop(first);
        let mut second = Owned::take(folder.path()).unwrap().unwrap();
        assert_eq!(second.before().unwrap(), Some(long));
        let short = Named {
            id: "enforcer#2".to_owned(),
            started_at: stamp::from_millis(1),
        };
        second.sign(&short).unwrap();
        assert_eq!(second.before().unwrap(), Some(short));
    }

    #[test]
    fn a_name_that_was_cut_off_names_nobody() {
        for text in ["", "enforcer#1", "enforcer#1 18000", "enforcer#1 x\n"] {
            assert_eq!(Named::read(text), None, "{text:?}");
        }
    }
}

//! Files that hold secrets or state: private to the user, replaced whole.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

/// A file or folder could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The operating system said no.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Others than the owner may read a file that holds a secret.
    #[error("`{}` holds a secret but has mode {mode:04o}: run `chmod 600` on it", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError::Io {
        action,
        path,
        source,
    }
}

/// Makes the folder and its parents where missing, and gives the folder itself mode 0700.
///
/// # Errors
/// [`FileError::Io`].
pub fn ensure_dir_private(path: &Path) -> Result<(), FileError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(io_error("create", path))?;
    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(io_error("protect", path))
}

/// Writes a file of mode 0600 by rename: readers see the old content or the new, never a part, also
/// after a crash.
///
/// # Errors
/// [`FileError::Io`].
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_with_mode(path, bytes, 0o600)
}

/// As [`write_private`], but readable by everybody (mode 0644).
///
/// # Errors
/// [`FileError::Io`].
pub fn write_public(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_with_mode(path, bytes, 0o644)
}

fn write_with_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    static SEQUENCE: AtomicU64 = AtomicU64::new(0);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
    let part = folder.join(format!(".{name}.{}-{sequence}.part", std::process::id()));
    // A crashed process with this id may have left one.
    let _ = fs::remove_file(&part);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&part)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, path));
    if let Err(source) = written {
        let _ = fs::remove_file(&part);
        return Err(io_error("write", path)(source));
    }
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io_error("write", path))
}

/// Reads a text file that holds a secret; refuses one that others may read.
///
/// # Errors
/// [`FileError`].
pub fn read_private(path: &Path) -> Result<Zeroizing<String>, FileError> {
    let mut file = File::open(path).map_err(io_error("read", path))?;
    let mode = file
        .metadata()
        .map_err(io_error("read", path))?
        .permissions()
        .mode()
        & 0o7777;
    if mode & 0o077 != 0 {
        return Err(FileError::TooOpen {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)
        .map_err(io_error("read", path))?;
    Ok(text)
}

/// Reads a text file.
///
/// # Errors
/// [`FileError::Io`].
pub fn read_text(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(io_error("read", path))
}

/// As [`read_text`], with `None` for a file that does not exist.
///
/// # Errors
/// [`FileError::Io`].
pub fn read_text_if_present(path: &Path) -> Result<Option<String>, FileError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io_error("read", path)(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn private_files_and_folders_are_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("data/keys");
        ensure_dir_private(&keys).unwrap();
        assert_eq!(mode(&keys), 0o700);
        let file = keys.join("service.key");
        write_private(&file, b"one").unwrap();
        write_private(&file, b"two").unwrap();
        assert_eq!(mode(&file), 0o600);
        assert_eq!(*read_private(&file).unwrap(), "two");
        assert_eq!(
            fs::read_dir(&keys).unwrap().count(),
            1,
            "no part files stay behind"
        );
    }

    #[test]
    fn secret_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("open.key");
        write_public(&file, b"secret").unwrap();
        let error = read_private(&file).unwrap_err();
        assert!(
            matches!(error, FileError::TooOpen { mode: 0o644, .. }),
            "{error}"
        );
        assert!(!error.to_string().contains("secret\""));
    }

    #[test]
    fn missing_file_is_none_only_where_asked() {
        let path = Path::new("/nonexistent/agents.toml");
        assert_eq!(read_text_if_present(path).unwrap(), None);
        assert!(
            read_text(path)
                .unwrap_err()
                .to_string()
                .contains("agents.toml")
        );
    }
}

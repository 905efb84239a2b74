//! The policies folder as bytes: read whole, hashed whole, parsed afterwards.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use countersign_intent::digest::Digest;

use super::error::LoadPolicyError;

/// The largest file, in bytes.
const MAX_FILE: u64 = 1024 * 1024;
/// The largest policies folder, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The most files in one sub-folder.
const MAX_FILES: usize = 1_000;
/// The files in the root of the folder.
const ROOT: [&str; 4] = [
    "inventory.toml",
    "agents.toml",
    "operators.toml",
    super::schema::FILE,
];
/// The folders, each with the ending of its files.
const FOLDERS: [(&str, &str); 4] = [
    ("tools", "toml"),
    ("base", "cedar"),
    ("site", "cedar"),
    ("cases", "toml"),
];

/// Every file that makes a bundle, by its path within the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder(BTreeMap<String, String>);

impl Folder {
    /// Reads the folder at `dir`. In its sub-folders, hidden files and `.md` files are passed over;
    /// anything else that is no part of a bundle refuses, so that a misspelt name drops no rule.
    ///
    /// # Errors
    /// [`LoadPolicyError`] when a file cannot be read, is not UTF-8, or is too large.
    pub fn read(dir: &Path) -> Result<Self, LoadPolicyError> {
        let mut files = BTreeMap::new();
        for name in ROOT {
            let path = dir.join(name);
            if path.symlink_metadata().is_ok() {
                files.insert(name.to_owned(), read_file(name, &path)?);
            }
        }
        for (folder, ending) in FOLDERS {
            let path = dir.join(folder);
            if path.symlink_metadata().is_ok() {
                read_folder(folder, ending, &path, &mut files)?;
            }
        }
        let bytes: usize = files.values().map(String::len).sum();
        if bytes > MAX_BYTES {
            let message = format!("the folder has {bytes} bytes, at most {MAX_BYTES} are read");
            return Err(LoadPolicyError::folder(message));
        }
        Ok(Self(files))
    }

    /// A folder of these files, given as (path, text).
    pub fn from_files(files: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(files.into_iter().collect())
    }

    /// The text of one file.
    pub fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// The files of one sub-folder, as (path, text), sorted by path.
    pub fn within(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        let prefix = format!("{folder}/");
        self.0
            .iter()
            .filter(move |(path, _)| path.starts_with(&prefix))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Every file, as (path, text), sorted by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// SHA-256 over the length-prefixed paths and contents: the bundle's hash.
    pub fn hash(&self) -> Digest {
        Digest::of_fields(
            self.files()
                .flat_map(|(path, text)| [path.as_bytes(), text.as_bytes()]),
        )
    }
}

fn read_folder(
    folder: &str,
    ending: &str,
    path: &Path,
    files: &mut BTreeMap<String, String>,
) -> Result<(), LoadPolicyError> {
    let failed = |error: std::io::Error| {
        LoadPolicyError::file(folder, format!("the folder cannot be read: {error}"))
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let name = entry
            .map_err(failed)?
            .file_name()
            .into_string()
            .map_err(|name| {
                let message = format!("the file name {} is not UTF-8", name.display());
                LoadPolicyError::file(folder, message)
            })?;
        names.push(name);
        if names.len() > MAX_FILES {
            let message = format!("the folder holds more than {MAX_FILES} files");
            return Err(LoadPolicyError::file(folder, message));
        }
    }
    names.sort();
    for name in names {
        let relative = format!("{folder}/{name}");
        match Path::new(&name)
            .extension()
            .and_then(|found| found.to_str())
        {
            // Editors leave hidden files beside the one that is being written.
            _ if name.starts_with('.') => {}
            Some("md") => {}
            Some(found) if found == ending => {
                let text = read_file(&relative, &path.join(&name))?;
                files.insert(relative, text);
            }
            Some(_) | None => {
                let message = format!(
                    "only `.{ending}` files are read here: rename it, move it out of the folder, or \
                     begin its name with a dot"
                );
                return Err(LoadPolicyError::file(relative, message));
            }
        }
    }
    Ok(())
}

/// Reads a regular file, and no more of it than a policy file may have.
fn read_file(relative: &str, path: &Path) -> Result<String, LoadPolicyError> {
    let refuse = |message: String| LoadPolicyError::file(relative, message);
    let failed = |error: std::io::Error| refuse(format!("cannot be read: {error}"));
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(refuse("is no regular file".to_owned()));
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_FILE + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= MAX_FILE) {
        return Ok(text);
    }
    Err(refuse(format!("has more than {MAX_FILE} bytes: split it")))
}

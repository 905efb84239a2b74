//! The policies folder as bytes: read whole, hashed whole, parsed afterwards.

use std::collections::BTreeMap;
use std::path::Path;

use countersign_intent::digest::Digest;

use super::error::LoadPolicyError;

/// The largest policies folder, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The files in the root of the folder.
const ROOT: [&str; 3] = ["inventory.toml", "agents.toml", "operators.toml"];
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
    /// Reads the folder at `dir`. Files that are no part of a bundle are passed over.
    ///
    /// # Errors
    /// [`LoadPolicyError`] when a file cannot be read, is not UTF-8, or the folder is too large.
    pub fn read(dir: &Path) -> Result<Self, LoadPolicyError> {
        let mut files = BTreeMap::new();
        for name in ROOT {
            let path = dir.join(name);
            if path.exists() {
                files.insert(name.to_owned(), read_file(name, &path)?);
            }
        }
        for (folder, ending) in FOLDERS {
            let path = dir.join(folder);
            if path.is_dir() {
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
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let (Some(name), Some(found)) = (name, path.extension()) else {
            continue;
        };
        // Editors leave hidden files beside the one that is being written.
        if found != ending || name.starts_with('.') {
            continue;
        }
        let relative = format!("{folder}/{name}");
        let text = read_file(&relative, &path)?;
        files.insert(relative, text);
    }
    Ok(())
}

fn read_file(relative: &str, path: &Path) -> Result<String, LoadPolicyError> {
    std::fs::read_to_string(path)
        .map_err(|error| LoadPolicyError::file(relative, format!("cannot be read: {error}")))
}

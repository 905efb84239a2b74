//! The keys that sign intents: private JWK files in the data folder, made at the first start.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_intent::key::{JwkSet, KeyError, SigningKey, VerifyingKeys};
use countersign_service::faults::{Faults, Point};
use countersign_service::files::{self, FileError};
use countersign_service::random::Random;

/// Why the signing keys were not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// A file cannot be read or written.
    #[error("cannot use the intent-signing keys")]
    File(#[from] FileError),
    /// The folder cannot be listed.
    #[error("cannot list `{}`", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no private Ed25519 JWK.
    #[error("`{}` is no usable intent-signing key", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
}

/// The signing keys: the newest signs, all are published, so that what an older one signed still counts.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    active: SigningKey,
    published: VerifyingKeys,
}

impl Keys {
    /// Loads `intent-*.jwk` of `folder`, or makes the first key there.
    pub(crate) fn load_or_generate(
        folder: &Path,
        random: &Random,
        faults: Faults,
    ) -> Result<Self, KeysError> {
        files::ensure_dir_private(folder)?;
        let mut found = Vec::new();
        for path in key_files(folder)? {
            let text = files::read_private(&path)?;
            let key = SigningKey::from_jwk(text.trim()).map_err(|source| KeysError::Key {
                path: path.clone(),
                source,
            })?;
            let modified = fs::metadata(&path)
                .and_then(|data| data.modified())
                .map_err(|source| KeysError::List {
                    path: path.clone(),
                    source,
                })?;
            found.push((modified, key));
        }
        found.sort_by(|(one, a), (other, b)| (one, a.kid()).cmp(&(other, b.kid())));
        let published = found
            .iter()
            .map(|(_, key)| key.verifying_key().clone())
            .collect();
        match found.pop() {
            Some((_, active)) => Ok(Self { active, published }),
            None => Self::generate(folder, random, faults),
        }
    }

    fn generate(folder: &Path, random: &Random, faults: Faults) -> Result<Self, KeysError> {
        let seed = zeroize::Zeroizing::new(random.bytes::<32>());
        let refuse = |source| KeysError::Key {
            path: folder.to_owned(),
            source,
        };
        let active = SigningKey::from_seed(&seed).map_err(refuse)?;
        let path = folder.join(format!("intent-{}.jwk", active.kid()));
        faults.reach(Point::KeyWrite);
        files::write_private(&path, active.to_private_jwk().as_bytes())?;
        tracing::info!(key.id = %active.kid(), "made an intent-signing key");
        let published = [active.verifying_key().clone()].into_iter().collect();
        Ok(Self { active, published })
    }

    /// The key that signs.
    pub(crate) fn active(&self) -> &SigningKey {
        &self.active
    }

    /// The published key set.
    pub(crate) fn to_jwks(&self) -> JwkSet {
        self.published.to_jwks()
    }
}

fn key_files(folder: &Path) -> Result<Vec<PathBuf>, KeysError> {
    let list = |source| KeysError::List {
        path: folder.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(list)? {
        let path = entry.map_err(list)?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name.starts_with("intent-") && path.extension().is_some_and(|end| end == "jwk") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_makes_a_key_that_the_next_one_uses() {
        let folder = tempfile::tempdir().unwrap();
        let random = Random::seeded(1);
        let made = Keys::load_or_generate(folder.path(), &random, Faults::none()).unwrap();
        let again = Keys::load_or_generate(folder.path(), &random, Faults::none()).unwrap();
        assert_eq!(made.active().kid(), again.active().kid());
        assert_eq!(again.to_jwks().keys.len(), 1);
    }

    #[test]
    fn the_newest_key_signs_and_all_are_published() {
        let folder = tempfile::tempdir().unwrap();
        let old =
            Keys::load_or_generate(folder.path(), &Random::seeded(1), Faults::none()).unwrap();
        let new = SigningKey::from_seed(&[9; 32]).unwrap();
        let path = folder.path().join(format!("intent-{}.jwk", new.kid()));
        files::write_private(&path, new.to_private_jwk().as_bytes()).unwrap();
        let later = std::time::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(later)
            .unwrap();
        let both =
            Keys::load_or_generate(folder.path(), &Random::seeded(1), Faults::none()).unwrap();
        assert_eq!(both.active().kid(), new.kid());
        assert!(both.published.get(old.active().kid()).is_some());
    }

    #[test]
    fn a_damaged_key_stops_the_start() {
        let folder = tempfile::tempdir().unwrap();
        files::write_private(&folder.path().join("intent-0.jwk"), b"{}").unwrap();
        let error =
            Keys::load_or_generate(folder.path(), &Random::seeded(1), Faults::none()).unwrap_err();
        assert!(matches!(error, KeysError::Key { .. }));
    }
}

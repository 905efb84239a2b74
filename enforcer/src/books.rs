//! The catalogue of tools as this enforcer knows it, read again when its files change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use countersign_intent::catalogue::{Catalogue, CatalogueError};
use countersign_intent::digest::Digest;
use countersign_service::clock::Clock;
use countersign_service::directory::{DirectoryError, SharedDirectory};
use countersign_service::files::{self, FileError};

/// Time between two looks at the files.
const EVERY: Duration = Duration::from_secs(2);

/// The files were not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BooksError {
    /// The tools folder cannot be listed.
    #[error("cannot list `{}`", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read the catalogue")]
    File(#[from] FileError),
    /// The catalogue is not acceptable.
    #[error("the catalogue was not taken")]
    Catalogue(#[from] CatalogueError),
    /// Agents and operators were not loaded.
    #[error("cannot load agents and operators")]
    Directory(#[from] DirectoryError),
}

/// The current catalogue. Clones share it; a request uses one snapshot from start to end.
#[derive(Clone, Debug)]
pub(crate) struct Books(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    policies: PathBuf,
    overlay: Option<PathBuf>,
    directory: SharedDirectory,
    current: RwLock<Arc<Catalogue>>,
    read: Mutex<Digest>,
    problem: Mutex<Option<String>>,
}

impl Books {
    /// Reads the catalogue in `policies/tools`, and follows it and the files behind `directory`.
    ///
    /// # Errors
    /// Each [`BooksError`].
    pub(crate) fn load(
        policies: &Path,
        overlay: Option<&Path>,
        directory: SharedDirectory,
    ) -> Result<Self, BooksError> {
        let files = Files::read(policies, overlay)?;
        // Again, now that the files are read whose changes will be noticed.
        directory.reload()?;
        let catalogue = Catalogue::parse(&files.tools)?;
        tracing::info!(tools = catalogue.len(), "loaded the catalogue");
        Ok(Self(Arc::new(Inner {
            policies: policies.to_owned(),
            overlay: overlay.map(Path::to_owned),
            directory,
            current: RwLock::new(Arc::new(catalogue)),
            read: Mutex::new(files.digest()),
            problem: Mutex::default(),
        })))
    }

    /// The catalogue as it is now.
    pub(crate) fn snapshot(&self) -> Arc<Catalogue> {
        Arc::clone(
            &self
                .0
                .current
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Why the files as they stand now are not in use, if they are not.
    pub(crate) fn problem(&self) -> Result<(), String> {
        let problem = self
            .0
            .problem
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        problem.clone().map_or(Ok(()), Err)
    }

    /// Reads the files again when they change, until cancelled. Run by a task.
    pub(crate) async fn follow(self, clock: Clock) {
        loop {
            clock.sleep(EVERY).await;
            let outcome = self.refresh();
            let mut problem = self
                .0
                .problem
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let message = outcome
                .err()
                .map(|error| countersign_service::problem::error_chain(&error));
            if *problem != message {
                if let Some(message) = &message {
                    tracing::error!(error = message, "changed files are not in use");
                }
                *problem = message;
            }
        }
    }

    /// Takes changed files into use; on an error what is in use stays.
    fn refresh(&self) -> Result<(), BooksError> {
        let files = Files::read(&self.0.policies, self.0.overlay.as_deref())?;
        let found = files.digest();
        let mut known = self.0.read.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == found {
            return Ok(());
        }
        let catalogue = Catalogue::parse(&files.tools)?;
        self.0.directory.reload()?;
        tracing::info!(tools = catalogue.len(), "took changed files into use");
        *self
            .0
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(catalogue);
        *known = found;
        Ok(())
    }
}

/// The files that an enforcer follows, as text.
struct Files {
    /// The catalogue's, in the order of their names.
    tools: Vec<(String, String)>,
    /// Agents and operators, with their keys: only compared here.
    people: Vec<(String, String)>,
}

impl Files {
    fn read(policies: &Path, overlay: Option<&Path>) -> Result<Self, BooksError> {
        let mut people = Vec::new();
        for folder in [Some(policies), overlay].into_iter().flatten() {
            for name in ["agents.toml", "operators.toml"] {
                let path = folder.join(name);
                let text = files::read_text_if_present(&path)?;
                people.extend(text.map(|text| (path.to_string_lossy().into_owned(), text)));
            }
        }
        Ok(Self {
            tools: tools(policies)?,
            people,
        })
    }

    fn digest(&self) -> Digest {
        let all = self.tools.iter().chain(&self.people);
        Digest::of_fields(all.flat_map(|(name, text)| [name.as_bytes(), text.as_bytes()]))
    }
}

fn tools(policies: &Path) -> Result<Vec<(String, String)>, BooksError> {
    let folder = policies.join("tools");
    let failed = |source| BooksError::List {
        path: folder.clone(),
        source,
    };
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            let name = format!("tools/{}", name.unwrap_or_default());
            texts.push((name, files::read_text(&path)?));
        }
    }
    texts.sort();
    Ok(texts)
}

//! The active bundle, swapped whole; a bad candidate never replaces a good one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use countersign_intent::digest::Digest;
use countersign_service::faults::{Faults, Point};
use jiff::Timestamp;
use serde::Serialize;

use super::bundle::Bundle;
use super::cases::CaseReport;
use super::error::LoadPolicyError;
use super::folder::Folder;

/// The policies folder of a running authority.
#[derive(Debug)]
pub struct PolicyStore {
    dir: PathBuf,
    state: RwLock<PolicyStatus>,
    /// Held for a whole reload, so that an older reading never replaces a newer one.
    reloading: Mutex<()>,
    faults: Faults,
}

/// What is active, and what was refused since.
#[derive(Clone, Debug, Default)]
pub struct PolicyStatus {
    /// The active bundle; none means that everything is denied.
    pub active: Option<Arc<Bundle>>,
    /// What its decision tables gave.
    pub cases: CaseReport,
    /// When it became active.
    pub loaded_at: Option<Timestamp>,
    /// The folder's present content, when it was refused.
    pub candidate: Option<CandidateError>,
}

/// A folder content that did not become the active bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CandidateError {
    /// Its content hash, when it could be read.
    pub bundle: Option<Digest>,
    /// What is wrong with it.
    pub error: LoadPolicyError,
    /// When it was refused.
    pub at: Timestamp,
}

/// What a reload did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// The folder's content is the active bundle already.
    Unchanged,
    /// A new bundle is active.
    Activated(Digest),
}

impl PolicyStore {
    /// A store for the folder at `dir`, with nothing active yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            state: RwLock::default(),
            reloading: Mutex::default(),
            faults: Faults::none(),
        }
    }

    /// The same store, in which a test may end the process.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The active bundle.
    pub fn active(&self) -> Option<Arc<Bundle>> {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .active
            .clone()
    }

    /// What is active, and what was refused since.
    pub fn status(&self) -> PolicyStatus {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads the folder and activates its content when all of it is good: read, parse, validation, and
    /// every case. Otherwise the active bundle stays, and the status says why.
    ///
    /// # Errors
    /// What is wrong with the folder's content.
    pub fn reload(&self, now: Timestamp) -> Result<Reloaded, LoadPolicyError> {
        let _reloading = self
            .reloading
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let folder = Folder::read(&self.dir).map_err(|error| self.refuse(None, error, now))?;
        let hash = folder.hash();
        if self.active().is_some_and(|active| active.hash() == hash) {
            self.state
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .candidate = None;
            return Ok(Reloaded::Unchanged);
        }
        let (bundle, cases) =
            candidate(folder).map_err(|error| self.refuse(Some(hash), error, now))?;
        self.faults.reach(Point::PolicySwap);
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = PolicyStatus {
            active: Some(Arc::new(bundle)),
            cases,
            loaded_at: Some(now),
            candidate: None,
        };
        Ok(Reloaded::Activated(hash))
    }

    fn refuse(
        &self,
        bundle: Option<Digest>,
        error: LoadPolicyError,
        at: Timestamp,
    ) -> LoadPolicyError {
        let candidate = CandidateError {
            bundle,
            error: error.clone(),
            at,
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // The first refusal of the same content keeps its time.
        let same = state
            .candidate
            .as_ref()
            .is_some_and(|before| before.bundle == bundle && before.error == error);
        if !same {
            state.candidate = Some(candidate);
        }
        error
    }
}

fn candidate(folder: Folder) -> Result<(Bundle, CaseReport), LoadPolicyError> {
    let bundle = Bundle::parse(folder)?;
    let cases = bundle.run_cases()?;
    match cases.failed.first() {
        None => Ok((bundle, cases)),
        Some(failure) => {
            let more = cases.failed.len() - 1;
            let message = format!(
                "case `{}` fails: {}{}",
                failure.name,
                failure.message,
                if more == 0 {
                    String::new()
                } else {
                    format!(" (and {more} more)")
                }
            );
            Err(LoadPolicyError::file(&failure.file, message))
        }
    }
}

//! Receipts: the enforcer's signed word on what it did, and the key behind it.

pub(crate) mod outbox;

use std::path::{Path, PathBuf};

use countersign_intent::digest::Digest;
use countersign_intent::key::{JwkSet, KeyError, SigningKey, VerifyingKeys};
use countersign_intent::receipt::{self, Outcome, Receipt};
use countersign_service::files::{self, FileError};
use countersign_service::random::Random;
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::journal::call::Call;

/// The receipt key was not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptKeyError {
    /// A file or folder cannot be read or written.
    #[error("cannot keep the receipt key")]
    File(#[from] FileError),
    /// The folder cannot be listed.
    #[error("cannot list `{}`", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key file holds no usable key.
    #[error("`{}` holds no usable key", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
}

/// Signs receipts, and publishes the keys under which past ones verify.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    key: SigningKey,
    published: VerifyingKeys,
    issuer: String,
}

impl Signer {
    /// Loads `receipt-<kid>.jwk` from `folder`, after making the first one where there is none. With
    /// several the last by name signs and all are published.
    pub(crate) fn load(
        folder: &Path,
        issuer: &str,
        random: &Random,
    ) -> Result<Self, ReceiptKeyError> {
        files::ensure_dir_private(folder)?;
        let mut keys = Vec::new();
        for path in key_files(folder)? {
            let text = files::read_private(&path)?;
            let key = SigningKey::from_jwk(&text)
                .map_err(|source| ReceiptKeyError::Key { path, source })?;
            keys.push(key);
        }
        let key = match keys.pop() {
            Some(key) => key,
            None => generate(folder, random)?,
        };
        let published = keys
            .iter()
            .chain([&key])
            .map(|key| key.verifying_key().clone())
            .collect();
        Ok(Self {
            key,
            published,
            issuer: issuer.to_owned(),
        })
    }

    /// The keys under which receipts verify.
    pub(crate) fn jwks(&self) -> JwkSet {
        self.published.to_jwks()
    }

    /// Signs how `call` ended at `ended_at`; `leaf` is the outcome's record.
    pub(crate) fn sign(
        &self,
        call: &Call,
        outcome: Outcome,
        ended_at: Timestamp,
        leaf: Option<Digest>,
    ) -> String {
        let claims = Receipt {
            iss: self.issuer.clone(),
            iat: ended_at.as_second(),
            sub: call.agent.clone(),
            jti: call.jti.clone(),
            attempt: call.attempt.clone(),
            tenant: call.tenant.clone(),
            plan: call.plan.clone(),
            step: call.step.clone(),
            tool: call.tool.clone(),
            params_sha256: call.params_sha256,
            request_sha256: call.request_sha256,
            definition_sha256: call.definition_sha256,
            token_sha256: call.token_sha256,
            outcome,
            status: call.state.status().or(call.late),
            body_sha256: call.body.map(|body| body.sha256),
            body_length: call.body.map(|body| body.length),
            sends: call.sends,
            consumed_at: call.consumed_at,
            ended_at,
            precondition: call.precondition,
            leaf,
        };
        receipt::sign(&self.key, &claims)
    }
}

fn key_files(folder: &Path) -> Result<Vec<PathBuf>, ReceiptKeyError> {
    let failed = |source| ReceiptKeyError::List {
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let is_jwk = path.extension().is_some_and(|extension| extension == "jwk");
        if is_jwk && name.is_some_and(|name| name.starts_with("receipt-")) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn generate(folder: &Path, random: &Random) -> Result<SigningKey, ReceiptKeyError> {
    let seed = Zeroizing::new(random.bytes::<32>());
    let key = SigningKey::from_seed(&seed).map_err(|source| ReceiptKeyError::Key {
        path: folder.to_owned(),
        source,
    })?;
    let path = folder.join(format!("receipt-{}.jwk", key.kid()));
    files::write_private(&path, key.to_private_jwk().as_bytes())?;
    tracing::info!(key.id = %key.kid(), "made the receipt key");
    Ok(key)
}

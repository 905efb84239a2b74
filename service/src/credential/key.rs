//! Bearer keys: `cs_<kind>_<43 base64url>`, kept as the SHA-256 of the whole text.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_intent::digest::{Digest, DigestError};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::files::{self, FileError};
use crate::random::Random;

/// Whose key it is; the text says so, to people and to secret scanners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// An agent's.
    Agent,
    /// A person's.
    Operator,
    /// The key that roles show each other.
    Service,
    /// The enforcer's credential at an upstream.
    Upstream,
}

/// A bearer key in clear. Its `Debug` shows nothing, its memory is wiped.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<String>);

/// The SHA-256 of a bearer key: what is kept where keys are checked.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretHash(Digest);

impl KeyKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Agent => "cs_agent_",
            Self::Operator => "cs_op_",
            Self::Service => "cs_svc_",
            Self::Upstream => "cs_up_",
        }
    }
}

// === impl SecretKey ===

impl SecretKey {
    /// A new key of 256 random bits.
    pub fn generate(kind: KeyKind, random: &Random) -> Self {
        let bytes = Zeroizing::new(random.bytes::<32>());
        let mut text = Zeroizing::new(String::with_capacity(64));
        text.push_str(kind.prefix());
        URL_SAFE_NO_PAD.encode_string(*bytes, &mut text);
        Self(text)
    }

    /// Takes a key that was given as text; white space around it is dropped.
    pub fn from_text(text: &str) -> Self {
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    /// Reads a key file, which nobody but its owner may read.
    ///
    /// # Errors
    /// As [`files::read_private`].
    pub fn read(path: &Path) -> Result<Self, FileError> {
        files::read_private(path).map(|text| Self::from_text(&text))
    }

    /// Writes the key to a file of mode 0600.
    ///
    /// # Errors
    /// As [`files::write_private`].
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        files::write_private(path, format!("{}\n", self.expose()).as_bytes())
    }

    /// Reads the key file at `path`, after making it with a new key where it is missing.
    ///
    /// # Errors
    /// As [`SecretKey::read`] and [`SecretKey::write`].
    pub fn read_or_generate(
        path: &Path,
        kind: KeyKind,
        random: &Random,
    ) -> Result<Self, FileError> {
        if !path.exists() {
            Self::generate(kind, random).write(path)?;
        }
        Self::read(path)
    }

    /// The key in clear, to be sent or shown to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What a checker keeps.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(self.expose())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretKey(…)")
    }
}

// === impl SecretHash ===

impl SecretHash {
    /// The hash of the key `text`.
    pub fn of(text: &str) -> Self {
        Self(Digest::of(text.as_bytes()))
    }

    /// Whether `presented` is the key, in constant time.
    pub fn verify(&self, presented: &str) -> bool {
        Self::of(presented) == *self
    }

    /// Whether `other` is there and the same, in constant time.
    pub(crate) fn is(&self, other: Option<&Self>) -> bool {
        other.is_some_and(|other| self == other)
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SecretHash {}

impl FromStr for SecretHash {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretHash(…)")
    }
}

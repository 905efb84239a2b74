//! SHA-256 digests, written as 64 lowercase hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::canonical;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The text is not 64 lowercase hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("a digest is 64 lowercase hexadecimal digits")]
pub struct DigestError;

impl Digest {
    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Hashes the canonical bytes of `value`, without making them first.
    pub fn of_json(value: &Value) -> Self {
        let mut hash = Hash::new();
        canonical::write(value, &mut hash);
        hash.finish()
    }

    /// Hashes the canonical bytes of the object with these members.
    pub fn of_object(members: &Map<String, Value>) -> Self {
        let mut hash = Hash::new();
        canonical::object(members, &mut hash);
        hash.finish()
    }

    /// Hashes `fields`, each preceded by its length as eight big-endian bytes, so that no two field
    /// lists share an input.
    pub fn of_fields<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        for field in fields {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field);
        }
        Self(hasher.finalize().into())
    }

    /// Takes 32 bytes that are a digest already.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A hash that is fed in small pieces: they are gathered, because each `update` has its price.
struct Hash {
    sha256: Sha256,
    gathered: [u8; 512],
    filled: usize,
}

impl Hash {
    fn new() -> Self {
        Self {
            sha256: Sha256::new(),
            gathered: [0; 512],
            filled: 0,
        }
    }

    fn flush(&mut self) {
        self.sha256
            .update(self.gathered.get(..self.filled).unwrap_or_default());
        self.filled = 0;
    }

    fn finish(mut self) -> Digest {
        self.flush();
        Digest(self.sha256.finalize().into())
    }
}

impl canonical::Sink for Hash {
    fn push(&mut self, bytes: &[u8]) {
        if bytes.len() > self.gathered.len().saturating_sub(self.filled) {
            self.flush();
        }
        let end = self.filled.saturating_add(bytes.len());
        match self.gathered.get_mut(self.filled..end) {
            Some(free) => {
                free.copy_from_slice(bytes);
                self.filled = end;
            }
            None => self.sha256.update(bytes),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
        formatter.write_str(str::from_utf8(&text).map_err(|_cause| fmt::Error)?)
    }
}

/// The lowercase hexadecimal digit of a number below 16.
pub(crate) const fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' | nibble,
        _ => b'a'.wrapping_add(nibble.wrapping_sub(10)),
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(DigestError);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = pair else {
                return Err(DigestError);
            };
            *byte = (nibble(*high)? << 4) | nibble(*low)?;
        }
        Ok(Self(bytes))
    }
}

fn nibble(digit: u8) -> Result<u8, DigestError> {
    match digit {
        b'0'..=b'9' => Ok(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Ok(digit.wrapping_sub(b'a').wrapping_add(10)),
        _ => Err(DigestError),
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Digest {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[0-9a-f]{64}$"))
            .into()
    }
}

impl utoipa::ToSchema for Digest {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_digest_round_trip() {
        let digest = Digest::of(b"");
        assert!(digest.to_string().starts_with("e3b0c442"));
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert!("E3".repeat(32).parse::<Digest>().is_err());
    }

    #[test]
    fn hashing_piece_by_piece_is_hashing_the_bytes() {
        for length in [0, 1, 500, 509, 510, 511, 512, 513, 1_024, 5_000] {
            let value =
                serde_json::json!({"b": "x".repeat(length), "a": [1, "y".repeat(length), {}]});
            let whole = Digest::of(&canonical::to_vec(&value));
            assert_eq!(Digest::of_json(&value), whole, "{length}");
            assert_eq!(Digest::of_object(value.as_object().unwrap()), whole);
        }
    }

    #[test]
    fn length_prefixes_keep_fields_apart() {
        let digest = |fields: &[&str]| Digest::of_fields(fields.iter().map(|f| f.as_bytes()));
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["a"]), digest(&["a", ""]));
    }
}

//! The record: what one line of the log says, and its leaf hash.

use std::fmt;
use std::str::FromStr;

use countersign_intent::digest::Digest;
use countersign_intent::id::TenantId;
use countersign_intent::{canonical, json};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The largest record, in bytes: tile bundles count in 16 bits.
pub const MAX_RECORD: usize = 65_535;

/// The only version of the record's form.
const VERSION: u8 = 1;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)+) => {
        /// What a record is about.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
        )]
        #[serde(rename_all = "lowercase")]
        pub enum Kind {
            $($(#[$doc])* $variant,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The kind's text, in records and queries.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

kinds! {
    /// A process started.
    Boot = "boot";
    /// A plan was taken in.
    Plan = "plan";
    /// A plan or step was judged.
    Decision = "decision";
    /// A person decided.
    Approval = "approval";
    /// A token was issued.
    Issue = "issue";
    /// A token was spent.
    Consume = "consume";
    /// A call ended.
    Outcome = "outcome";
    /// Something was refused.
    Refuse = "refuse";
    /// A call in doubt was resolved.
    Resolve = "resolve";
    /// A policy bundle was activated or refused.
    Policy = "policy";
    /// The key set changed.
    Keyset = "keyset";
    /// A tool definition was pinned, changed or quarantined.
    Tooldef = "tooldef";
    /// The kill switch moved.
    Control = "control";
    /// Old records were pruned after an export.
    Prune = "prune";
    /// A new log begins after tampering.
    Fork = "fork";
}

/// No kind has this name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a kind of record")]
pub struct KindError(String);

impl FromStr for Kind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        let kind = Self::ALL.iter().find(|kind| kind.as_str() == text);
        kind.copied().ok_or_else(|| KindError(text.to_owned()))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One record, read back.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The version of the form: 1.
    pub v: u8,
    /// What it is about.
    pub kind: Kind,
    /// The log's origin.
    pub log: String,
    /// The tenant.
    pub tenant: TenantId,
    /// When, by the writer's clock.
    pub at: Timestamp,
    /// Who wrote it: `<role>#<epoch>`.
    pub writer: String,
    /// Its number among this writer's records, from 0.
    pub wseq: u64,
    /// The leaf of this writer's record before it; none for the first.
    pub wprev: Option<Digest>,
    /// What happened.
    pub body: Map<String, Value>,
}

/// A text is not a record, or a record cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Too long.
    #[error("the record has {0} bytes, at most {MAX_RECORD} are stored")]
    TooLong(usize),
    /// The strict reader refuses it, or a member is missing, unknown or of another type.
    #[error("not a record: {0}")]
    Form(String),
    /// It is not its own canonical form.
    #[error("the record is not in canonical form")]
    NotCanonical,
    /// Another version of the form.
    #[error("the record has version {0}, this program reads {VERSION}")]
    Version(u8),
}

impl Record {
    /// The canonical text.
    ///
    /// # Errors
    /// [`RecordError::TooLong`], or [`RecordError::Form`] when the strict reader would not read the body
    /// back.
    pub fn to_text(&self) -> Result<String, RecordError> {
        let text = canonical::to_string(&json!({
            "v": self.v,
            "kind": self.kind.as_str(),
            "log": self.log,
            "tenant": self.tenant,
            "at": self.at,
            "writer": self.writer,
            "wseq": self.wseq,
            "wprev": self.wprev,
            "body": self.body,
        }));
        if text.len() > MAX_RECORD {
            return Err(RecordError::TooLong(text.len()));
        }
        json::read(text.as_bytes()).map_err(|error| RecordError::Form(error.to_string()))?;
        Ok(text)
    }

    /// Reads a stored record; a text that is not exactly its canonical form refuses.
    ///
    /// # Errors
    /// Each [`RecordError`].
    pub fn from_text(text: &str) -> Result<Self, RecordError> {
        if text.len() > MAX_RECORD {
            return Err(RecordError::TooLong(text.len()));
        }
        let form = |error: &dyn fmt::Display| RecordError::Form(error.to_string());
        let value = json::read(text.as_bytes()).map_err(|error| form(&error))?;
        if canonical::to_vec(&value) != text.as_bytes() {
            return Err(RecordError::NotCanonical);
        }
        let record: Self = serde_json::from_value(value).map_err(|error| form(&error))?;
        if record.v != VERSION {
            return Err(RecordError::Version(record.v));
        }
        Ok(record)
    }

    /// The body's `jti`, where it has one.
    pub fn jti(&self) -> Option<&str> {
        self.body.get("jti").and_then(Value::as_str)
    }
}

/// The leaf hash of a record (RFC 9162 §2.1.1): SHA-256 of a zero byte and the record.
pub fn leaf(record: &str) -> Digest {
    let mut bytes = Vec::with_capacity(record.len().saturating_add(1));
    bytes.push(0);
    bytes.extend_from_slice(record.as_bytes());
    Digest::of(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            v: 1,
            kind: Kind::Consume,
            log: "example.org/enforcer".to_owned(),
            tenant: TenantId::single(),
            at: "2030-01-01T00:00:00Z".parse().unwrap(),
            writer: "enforcer#1".to_owned(),
            wseq: 0,
            wprev: None,
            body: Map::from_iter([("jti".to_owned(), Value::from("01"))]),
        }
    }

    #[test]
    fn record_has_one_text_and_reads_back() {
        let text = record().to_text().unwrap();
        assert_eq!(
            text,
            r#"{"at":"2030-01-01T00:00:00Z","body":{"jti":"01"},"kind":"consume","log":"example.org/enforcer","tenant":"default","v":1,"wprev":null,"writer":"enforcer#1","wseq":0}"#
        );
        assert_eq!(Record::from_text(&text).unwrap(), record());
        assert_eq!(record().jti(), Some("01"));
    }

    #[test]
    fn empty_leaf_is_the_known_one() {
        assert!(leaf("").to_string().starts_with("6e340b9c"));
    }

    #[test]
    fn other_texts_of_the_same_record_are_refused() {
        let text = record().to_text().unwrap();
        let spaced = text.replace(":1,", ": 1,");
        assert!(matches!(
            Record::from_text(&spaced),
            Err(RecordError::NotCanonical)
        ));
        let newer = text.replace("\"v\":1", "\"v\":2");
        assert!(matches!(
            Record::from_text(&newer),
            Err(RecordError::Version(2))
        ));
        let unknown = text.replace("\"v\":1", "\"v\":1,\"w\":1");
        assert!(matches!(
            Record::from_text(&unknown),
            Err(RecordError::Form(_))
        ));
    }

    #[test]
    fn body_that_could_not_be_read_back_is_not_written() {
        let mut odd = record();
        odd.body.insert("__extn".to_owned(), Value::Null);
        assert!(matches!(odd.to_text(), Err(RecordError::Form(_))));
        let mut long = record();
        long.body
            .insert("text".to_owned(), Value::from("x".repeat(MAX_RECORD)));
        assert!(matches!(long.to_text(), Err(RecordError::TooLong(_))));
    }

    #[test]
    fn every_kind_has_one_name() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse::<Kind>().unwrap(), *kind);
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!(Kind::ALL.len(), 15);
        assert!("Boot".parse::<Kind>().is_err());
    }
}

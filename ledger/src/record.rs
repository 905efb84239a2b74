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
        self.clone().into_text()
    }

    /// The canonical text, as [`Record::to_text`].
    pub(crate) fn into_text(self) -> Result<String, RecordError> {
        let body = Value::Object(self.body);
        readable(&body, 2, &mut 0)?;
        // In the order of the canonical form, so that the body need not be copied into another value.
        let members = [
            ("{\"at\":", json!(self.at)),
            (",\"body\":", body),
            (",\"kind\":", json!(self.kind.as_str())),
            (",\"log\":", json!(self.log)),
            (",\"tenant\":", json!(self.tenant)),
            (",\"v\":", json!(self.v)),
            (",\"wprev\":", json!(self.wprev)),
            (",\"writer\":", json!(self.writer)),
            (",\"wseq\":", json!(self.wseq)),
        ];
        let mut text = Vec::with_capacity(2_048);
        for (name, value) in &members {
            text.extend_from_slice(name.as_bytes());
            canonical::append(value, &mut text);
        }
        text.push(b'}');
        if text.len() > MAX_RECORD {
            return Err(RecordError::TooLong(text.len()));
        }
        String::from_utf8(text).map_err(|error| RecordError::Form(error.to_string()))
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

/// Refuses what the strict reader would not read back, by its rules: member names, U+0000, numbers,
/// nesting, size. `depth` is that of `value`, `nodes` how many values came before it.
fn readable(value: &Value, depth: usize, nodes: &mut usize) -> Result<(), RecordError> {
    // The record's own members and the record are values too.
    const OTHERS: usize = 16;
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    let refused = |why: &str| Err(RecordError::Form(why.to_owned()));
    *nodes = nodes.saturating_add(1);
    if nodes.saturating_add(OTHERS) > json::MAX_NODES {
        return refused("too many values");
    }
    let deeper = depth.saturating_add(1);
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(double) if double.abs() < LIMIT => Ok(()),
            Some(_) | None => refused("a number outside ±(2^53−1)"),
        },
        Value::String(text) if text.contains('\0') => refused("a string holds U+0000"),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Array(_) | Value::Object(_) if depth > json::MAX_DEPTH => refused("nested too deep"),
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| readable(item, deeper, nodes)),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            if name.starts_with("__") || name.starts_with('$') || name.contains('\0') {
                return refused("a member name is reserved");
            }
            readable(value, deeper, nodes)
        }),
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
    use proptest::prelude::*;

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

    fn value() -> impl Strategy<Value = Value> {
        let number = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            (9_007_199_254_740_986_i64..9_007_199_254_740_996).prop_map(Value::from),
            Just(Value::from(-0.0)),
        ];
        let text = prop_oneof![any::<String>(), Just("a\0".to_owned())];
        let leaf = prop_oneof![Just(Value::Null), number, text.prop_map(Value::from)];
        let name = prop_oneof![
            any::<String>(),
            Just("__x".to_owned()),
            Just("$x".to_owned()),
            Just("$secret".to_owned()),
        ];
        leaf.prop_recursive(5, 40, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                // Nested close to what is read at most.
                inner
                    .clone()
                    .prop_map(|inner| (0..26).fold(inner, |inner, _| json!([inner]))),
                prop::collection::btree_map(name.clone(), inner, 0..4)
                    .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn whatever_is_written_reads_back(value in value()) {
            let mut odd = record();
            odd.body.insert("value".to_owned(), value);
            if let Ok(text) = odd.to_text() {
                let back = Record::from_text(&text).unwrap();
                prop_assert_eq!(back.to_text().unwrap(), text);
            }
        }
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

//! Checking a log: pure, over entries in order, naming the first bad one.

use std::collections::BTreeMap;

use countersign_intent::digest::Digest;

use crate::record::{Kind, Record, RecordError, leaf};

/// One stored entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the log, from 0.
    pub index: u64,
    /// The leaf hash stored with it.
    pub leaf: Digest,
    /// The record's exact text.
    pub record: String,
}

/// The first entry that does not fit, and how.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// Entries are missing, doubled or out of order.
    #[error("entry {expected} is missing: entry {found} stands in its place")]
    IndexGap {
        /// The index that comes next.
        expected: u64,
        /// The index that came.
        found: u64,
    },
    /// The record is not the one that was hashed.
    #[error("entry {index} was changed: its record does not give its leaf hash")]
    Leaf {
        /// Which entry.
        index: u64,
    },
    /// The text is not a record.
    #[error("entry {index} does not hold a record")]
    Record {
        /// Which entry.
        index: u64,
        /// Why it is not one.
        source: RecordError,
    },
    /// The record belongs to another log.
    #[error("entry {index} is of the log `{found}`, not of `{expected}`")]
    Log {
        /// Which entry.
        index: u64,
        /// This log's origin.
        expected: String,
        /// The record's.
        found: String,
    },
    /// A writer's records are missing, doubled or out of order.
    #[error("entry {index} is record {found} of `{writer}`, after which record {expected} was due")]
    WriterGap {
        /// Which entry.
        index: u64,
        /// The writer.
        writer: String,
        /// The number that comes next.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// The record does not name its writer's previous record.
    #[error("entry {index} does not follow the record of `{writer}` before it")]
    WriterLink {
        /// Which entry.
        index: u64,
        /// The writer.
        writer: String,
    },
    /// A boot record remembers another log before it.
    #[error("entry {index} remembers another log before it: entries were removed or replaced")]
    Boot {
        /// Which entry.
        index: u64,
    },
}

impl ChainError {
    /// The index of the first bad entry; of the missing one for a gap.
    pub fn index(&self) -> u64 {
        match self {
            Self::IndexGap { expected, .. } => *expected,
            Self::Leaf { index }
            | Self::Record { index, .. }
            | Self::Log { index, .. }
            | Self::WriterGap { index, .. }
            | Self::WriterLink { index, .. }
            | Self::Boot { index } => *index,
        }
    }
}

/// What a checked log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The log's origin; none for an empty log.
    pub origin: Option<String>,
    /// How many entries it has.
    pub size: u64,
    /// The last entry's leaf.
    pub last: Option<Digest>,
    /// Each writer's number of records and last leaf.
    pub writers: BTreeMap<String, Head>,
}

/// Where one writer's chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the record that comes next.
    pub next: u64,
    /// The leaf of the last one; none before the first.
    pub leaf: Option<Digest>,
}

/// Checks entries one after another.
#[derive(Clone, Debug)]
pub struct Verifier(Summary);

/// Checks a whole log, from its first entry.
///
/// # Errors
/// The first bad entry.
pub fn verify(entries: impl IntoIterator<Item = Entry>) -> Result<Summary, ChainError> {
    let mut verifier = Verifier::new();
    for entry in entries {
        verifier.accept(&entry)?;
    }
    Ok(verifier.finish())
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}

impl Verifier {
    /// Before the first entry.
    pub fn new() -> Self {
        Self::resume(Summary {
            origin: None,
            size: 0,
            last: None,
            writers: BTreeMap::new(),
        })
    }

    /// After the entries that `known` sums up. A writer that `known` does not hold starts at 0.
    pub fn resume(known: Summary) -> Self {
        Self(known)
    }

    /// Checks the next entry; gives its record.
    ///
    /// # Errors
    /// What is wrong with it. The verifier then still stands before it.
    pub fn accept(&mut self, entry: &Entry) -> Result<Record, ChainError> {
        let index = entry.index;
        let known = &mut self.0;
        if index != known.size {
            return Err(ChainError::IndexGap {
                expected: known.size,
                found: index,
            });
        }
        if leaf(&entry.record) != entry.leaf {
            return Err(ChainError::Leaf { index });
        }
        let record = Record::from_text(&entry.record)
            .map_err(|source| ChainError::Record { index, source })?;
        if let Some(expected) = known
            .origin
            .as_ref()
            .filter(|origin| **origin != record.log)
        {
            let (expected, found) = (expected.clone(), record.log);
            return Err(ChainError::Log {
                index,
                expected,
                found,
            });
        }
        let head = known.writers.get(&record.writer).copied().unwrap_or(Head {
            next: 0,
            leaf: None,
        });
        if record.wseq != head.next {
            let (writer, expected, found) = (record.writer, head.next, record.wseq);
            return Err(ChainError::WriterGap {
                index,
                writer,
                expected,
                found,
            });
        }
        if record.wprev != head.leaf {
            return Err(ChainError::WriterLink {
                index,
                writer: record.writer,
            });
        }
        if record.kind == Kind::Boot && !remembers(&record, known) {
            return Err(ChainError::Boot { index });
        }
        let next = head.next.saturating_add(1);
        known.writers.insert(
            record.writer.clone(),
            Head {
                next,
                leaf: Some(entry.leaf),
            },
        );
        known.origin.get_or_insert_with(|| record.log.clone());
        known.last = Some(entry.leaf);
        known.size = known.size.saturating_add(1);
        Ok(record)
    }

    /// What was checked.
    pub fn finish(self) -> Summary {
        self.0
    }
}

/// Whether a boot record, which says after how many entries and after which one it was written, stands
/// there.
fn remembers(record: &Record, known: &Summary) -> bool {
    let last = known.last.map(|leaf| leaf.to_string());
    let size = record
        .body
        .get("size")
        .is_none_or(|size| size.as_u64() == Some(known.size));
    let head = record
        .body
        .get("head")
        .is_none_or(|head| head.as_str() == last.as_deref());
    size && head
}

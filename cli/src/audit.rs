//! The rules across ledgers: what the authority and the enforcers wrote must fit together.
//!
//! `ledger` verifies one log's structure (leaves, indexes, writer chains). Here the records of any number
//! of logs are held against each other: every spent token was issued once, for exactly what was sent, is
//! signed by a known key, was spent once, and what ended had begun.

mod rules;

use std::collections::BTreeMap;
use std::fmt;

use countersign_intent::digest::Digest;
use countersign_intent::key::{Jwk, JwkSet, VerifyingKey, VerifyingKeys};
use countersign_ledger::{ChainError, Entry, Kind, Record, Verifier};
use serde_json::{Value, json};

/// One log as it was read.
#[derive(Debug)]
pub(crate) struct Log {
    /// Where it came from: a role or a file.
    pub(crate) name: String,
    /// Its entries, in order.
    pub(crate) entries: Vec<Entry>,
}

/// Under which keys tokens must be signed.
#[derive(Debug)]
pub(crate) enum Trust {
    /// Keys that the person brought: a log signed again with other keys fails.
    Pinned(VerifyingKeys),
    /// The keys that the logs themselves publish.
    Published,
}

/// Something that does not hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Which rule.
    pub(crate) rule: &'static str,
    /// In which log.
    pub(crate) log: String,
    /// At which entry.
    pub(crate) index: u64,
    /// What is wrong.
    pub(crate) message: String,
}

/// What verification came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    logs: Vec<Value>,
    counts: BTreeMap<&'static str, usize>,
    ended: usize,
    pinned: bool,
    /// What does not hold.
    pub(crate) findings: Vec<Finding>,
}

/// One record with its place.
#[derive(Debug)]
struct Placed<'a> {
    log: &'a str,
    index: u64,
    leaf: Digest,
    record: Record,
}

/// Verifies each log and the rules across them.
pub(crate) fn verify(logs: &[Log], trust: &Trust) -> Outcome {
    let mut placed = Vec::new();
    let mut outcome = Outcome {
        logs: Vec::new(),
        counts: BTreeMap::new(),
        ended: 0,
        pinned: matches!(trust, Trust::Pinned(_)),
        findings: Vec::new(),
    };
    for log in logs {
        let summary = chain(log, &mut placed, &mut outcome.findings);
        outcome.logs.push(summary);
    }
    for item in &placed {
        *outcome.counts.entry(item.record.kind.as_str()).or_default() += 1;
    }
    let keys = match trust {
        Trust::Pinned(keys) => keys.clone(),
        Trust::Published => published(&placed),
    };
    outcome.ended = rules::check(&placed, &keys, &mut outcome.findings);
    outcome
}

/// Checks one log's structure; its records go to `placed`, up to the first bad one.
fn chain<'a>(log: &'a Log, placed: &mut Vec<Placed<'a>>, findings: &mut Vec<Finding>) -> Value {
    let mut verifier = Verifier::new();
    for entry in &log.entries {
        match verifier.accept(entry) {
            Ok(record) => {
                let (index, leaf) = (entry.index, entry.leaf);
                placed.push(Placed {
                    log: &log.name,
                    index,
                    leaf,
                    record,
                });
            }
            Err(error) => {
                findings.push(Finding {
                    rule: "chain",
                    log: log.name.clone(),
                    index: error.index(),
                    message: whole(&error),
                });
                break;
            }
        }
    }
    let summary = verifier.finish();
    let head = summary.last.map(|leaf| leaf.to_string());
    json!({"log": log.name, "origin": summary.origin, "size": summary.size, "last": head})
}

fn whole(error: &ChainError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// The intent-signing keys that the logs publish.
fn published(placed: &[Placed<'_>]) -> VerifyingKeys {
    let keysets = placed
        .iter()
        .filter(|item| item.record.kind == Kind::Keyset);
    let keys = keysets.filter_map(|item| item.record.body.get("x").and_then(Value::as_str));
    keys.filter_map(|x| VerifyingKey::from_base64url(x).ok())
        .collect()
}

/// Reads pinned keys: a JWKS, or one JWK.
pub(crate) fn pinned(texts: &[String]) -> Result<VerifyingKeys, String> {
    let mut all = Vec::new();
    for text in texts {
        let set = serde_json::from_str::<JwkSet>(text)
            .or_else(|_| serde_json::from_str::<Jwk>(text).map(|key| JwkSet { keys: vec![key] }))
            .map_err(|error| format!("not a key set: {error}"))?;
        let keys = VerifyingKeys::from_jwks(&set).map_err(|error| error.to_string())?;
        all.extend(keys.iter().cloned());
    }
    Ok(all.into_iter().collect())
}

impl Outcome {
    /// Whether everything holds.
    pub(crate) fn holds(&self) -> bool {
        self.findings.is_empty()
    }

    /// The whole outcome.
    pub(crate) fn document(&self) -> Value {
        let findings = self.findings.iter().map(|finding| {
            json!({
                "rule": finding.rule,
                "log": finding.log,
                "index": finding.index,
                "message": finding.message,
            })
        });
        json!({
            "holds": self.holds(),
            "keys": if self.pinned { "pinned" } else { "not pinned" },
            "logs": self.logs,
            "records": self.counts,
            "calls": {
                "issued": self.counts.get("issue").unwrap_or(&0),
                "spent": self.counts.get("consume").unwrap_or(&0),
                "ended": self.ended,
            },
            "findings": findings.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for log in &self.logs {
            let member = |name: &str| crate::output::cell(log, &format!("/{name}"));
            let (name, size, last) = (member("log"), member("size"), member("last"));
            writeln!(formatter, "{name}: {size} records, last {last}")?;
        }
        let count = |kind: &str| self.counts.get(kind).copied().unwrap_or_default();
        let (issued, spent, ended) = (count("issue"), count("consume"), self.ended);
        writeln!(
            formatter,
            "{issued} tokens issued, {spent} spent, {ended} of these calls ended"
        )?;
        if !self.pinned {
            writeln!(
                formatter,
                "keys not pinned: give the keys you trust with --key FILE"
            )?;
        }
        for finding in &self.findings {
            writeln!(
                formatter,
                "{} entry {}: {} ({})",
                finding.log, finding.index, finding.message, finding.rule
            )?;
        }
        let verdict = if self.holds() {
            "everything holds"
        } else {
            "TAMPERED OR INCOMPLETE"
        };
        formatter.write_str(verdict)
    }
}

#[cfg(test)]
mod tests;

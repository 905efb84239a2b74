//! Reading ledgers: from the running servers, and from exported folders.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_ledger::{Entry, Page, Record, leaf};

use super::Which;
use crate::audit::Log;
use crate::client::{Client, Who, segment};
use crate::failure::Failure;

/// Entries in one request.
const PAGE: usize = 1_000;

/// One page of a running server's ledger.
pub(super) async fn page(
    client: &Client,
    which: Which,
    after: Option<u64>,
    kind: Option<&str>,
    limit: usize,
) -> Result<Page, Failure> {
    let mut path = format!("/v1/ledger/entries?limit={limit}");
    if let Some(after) = after {
        let _ = write!(path, "&after={after}");
    }
    if let Some(kind) = kind {
        let _ = write!(path, "&kind={}", segment(kind));
    }
    Ok(client
        .peer(which.role(), &Who::Operator)?
        .get(&path)
        .await?)
}

/// Every entry after `after`.
pub(super) async fn read_log(
    client: &Client,
    which: Which,
    after: Option<u64>,
    kind: Option<&str>,
) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    let mut cursor = after;
    loop {
        let page = page(client, which, cursor, kind, PAGE).await?;
        for entry in &page.entries {
            let entry = entry.to_entry().ok_or_else(|| {
                Failure::could_not(format!("entry {} has no leaf hash", entry.index))
            })?;
            entries.push(entry);
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(entries),
        }
    }
}

/// Both ledgers of the running servers.
pub(super) async fn read_all(client: &Client) -> Result<Vec<Log>, Failure> {
    let mut logs = Vec::new();
    // The enforcer's first: what it holds was issued before.
    for which in [Which::Enforcer, Which::Authority] {
        let entries = read_log(client, which, None, None).await?;
        logs.push(Log {
            name: which.role().name().to_owned(),
            entries,
        });
    }
    settle(&mut logs);
    Ok(logs)
}

/// Leaves out what the authority heard of after the enforcer's log was read.
fn settle(logs: &mut [Log]) {
    let known: Vec<String> = logs
        .iter()
        .filter(|log| log.name == "enforcer")
        .flat_map(|log| log.entries.iter().map(|entry| entry.leaf.to_string()))
        .collect();
    let later = |entry: &Entry| {
        let record = Record::from_text(&entry.record).ok();
        let leaf = record
            .as_ref()
            .and_then(|record| record.body.get("leaf")?.as_str());
        leaf.is_some_and(|leaf| !known.iter().any(|one| one == leaf))
    };
    for log in logs.iter_mut().filter(|log| log.name == "authority") {
        // Only the tail can be younger than the other log; anything else is a finding.
        let young = log
            .entries
            .iter()
            .rev()
            .take_while(|entry| later(entry))
            .count();
        log.entries
            .truncate(log.entries.len().saturating_sub(young));
    }
}

/// The record files of an export, sorted.
pub(super) fn record_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| Failure::because(format!("cannot list `{}`", folder.display()), error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let jsonl = path.extension().is_some_and(|ending| ending == "jsonl");
        if jsonl && name.is_some_and(|name| name.starts_with("records")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The ledgers in exported folders.
pub(super) fn read_folders(folders: &[PathBuf]) -> Result<Vec<Log>, Failure> {
    let mut logs = Vec::new();
    for folder in folders {
        let files = record_files(folder)?;
        if files.is_empty() {
            let message = format!("`{}` holds no records*.jsonl", folder.display());
            return Err(Failure::could_not(message));
        }
        for path in files {
            let text = text(&path)?;
            let entries = text.lines().zip(0..).map(|(record, index)| Entry {
                index,
                leaf: leaf(record),
                record: record.to_owned(),
            });
            logs.push(Log {
                name: path.display().to_string(),
                entries: entries.collect(),
            });
        }
    }
    Ok(logs)
}

/// A file's text.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::because(format!("cannot read `{}`", path.display()), error))
}

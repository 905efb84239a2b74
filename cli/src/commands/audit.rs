//! `countersign audit`: reads, exports and verifies the ledgers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use countersign_ledger::{Entry, Page, Record, leaf};
use serde_json::{Value, json};

use super::settings;
use crate::args::Global;
use crate::audit::{Log, Trust, pinned, verify};
use crate::client::{Client, Role, Who, segment};
use crate::failure::Failure;
use crate::output::{Form, Report, Verdict, cell, line, pretty, table};

/// Time between two looks at the ledgers.
const LOOK: Duration = Duration::from_secs(1);
/// Entries in one request.
const PAGE: usize = 1_000;

const EXAMPLES: &str = "\
Examples:
  countersign audit tail -n 20
  countersign audit tail --kind consume --follow
  countersign audit verify                        the running servers' ledgers
  countersign audit export --out evidence         records and public keys as files
  countersign audit verify evidence --key intent.jwks
  countersign audit show enforcer 12

`verify` needs no server when given folders: it rebuilds every leaf and chain and holds
the ledgers against each other: every spent token was issued once, for exactly what was
sent, is signed, and was spent once. --key names the keys you trust (a JWKS file);
without it the verdict says `keys not pinned`. Exit code 1 means that something does not
hold.";

/// Read, export and verify the ledgers
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the newest records of both ledgers
    Tail {
        /// How many
        #[arg(short = 'n', long, default_value_t = 20)]
        lines: usize,
        /// Only this ledger
        #[arg(long)]
        role: Option<Which>,
        /// Only this kind: issue, consume, outcome, refuse, approval, …
        #[arg(long)]
        kind: Option<String>,
        /// Go on as records are written
        #[arg(long, short = 'f')]
        follow: bool,
    },
    /// Show one record exactly as it was hashed
    Show {
        /// The ledger
        role: Which,
        /// The entry's index
        index: u64,
    },
    /// Verify the running servers' ledgers, or exported folders
    Verify {
        /// Folders that `export` wrote
        folders: Vec<PathBuf>,
        /// Keys that you trust: a JWKS file; may be given several times
        #[arg(long = "key", value_name = "FILE")]
        keys: Vec<PathBuf>,
    },
    /// Write the ledgers and the public keys into a folder
    Export {
        /// The folder; it must not hold an export yet
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Plans, decisions, approvals, issued tokens
    Authority,
    /// Spent tokens, outcomes, refusals
    Enforcer,
}

impl Which {
    const BOTH: [Self; 2] = [Self::Authority, Self::Enforcer];

    const fn role(self) -> Role {
        match self {
            Self::Authority => Role::Authority,
            Self::Enforcer => Role::Enforcer,
        }
    }
}

/// Reads, exports or verifies.
pub(crate) async fn run(global: &Global, args: Args, form: Form) -> Result<Report, Failure> {
    let client = || Client::open(&settings(global, Vec::new())?);
    match args.what {
        What::Tail {
            lines,
            role,
            kind,
            follow,
        } => {
            let ask = Ask {
                which: role,
                kind,
                lines,
            };
            tail(&client()?, &ask, follow, form).await
        }
        What::Show { role, index } => show(&client()?, role, index).await,
        What::Verify { folders, keys } => {
            let logs = if folders.is_empty() {
                read_all(&client()?).await?
            } else {
                read_folders(&folders)?
            };
            let outcome = verify(&logs, &trust(&keys)?);
            let (holds, text) = (outcome.holds(), outcome.to_string());
            Ok(Report::new(outcome.document(), text).verdict(Verdict::of(holds)))
        }
        What::Export { out } => export(&client()?, &out).await,
    }
}

fn trust(keys: &[PathBuf]) -> Result<Trust, Failure> {
    if keys.is_empty() {
        return Ok(Trust::Published);
    }
    let texts: Result<Vec<String>, Failure> = keys.iter().map(|path| read(path)).collect();
    pinned(&texts?)
        .map(Trust::Pinned)
        .map_err(|error| Failure::could_not(format!("--key: {error}")))
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::because(format!("cannot read `{}`", path.display()), error))
}

// === tail and show ===

struct Ask {
    which: Option<Which>,
    kind: Option<String>,
    lines: usize,
}

async fn tail(client: &Client, ask: &Ask, follow: bool, form: Form) -> Result<Report, Failure> {
    let mut cursors: BTreeMap<&str, Option<u64>> = BTreeMap::new();
    let mut rows = Vec::new();
    for which in Which::BOTH
        .into_iter()
        .filter(|which| ask.which.is_none_or(|one| one == *which))
    {
        let name = which.role().name();
        let entries = read_log(client, which, None, ask.kind.as_deref()).await?;
        cursors.insert(name, entries.last().map(|entry| entry.index));
        rows.extend(entries.into_iter().map(|entry| Row::new(name, entry)));
    }
    rows.sort_by(|one, other| one.at.cmp(&other.at));
    let rows = rows.split_off(rows.len().saturating_sub(ask.lines));
    if !follow {
        let document = json!({"records": rows.iter().map(Row::document).collect::<Vec<_>>()});
        let cells: Vec<[String; 5]> = rows.iter().map(Row::cells).collect();
        let text = table(["at", "ledger", "index", "kind", "what"], &cells);
        return Ok(Report::new(document, text));
    }
    for row in &rows {
        row.print(form);
    }
    loop {
        tokio::time::sleep(LOOK).await;
        for which in Which::BOTH {
            let name = which.role().name();
            let Some(cursor) = cursors.get(name).copied() else {
                continue;
            };
            for entry in read_log(client, which, cursor, ask.kind.as_deref()).await? {
                cursors.insert(name, Some(entry.index));
                Row::new(name, entry).print(form);
            }
        }
    }
}

/// One record as a line.
struct Row {
    log: &'static str,
    entry: Entry,
    at: String,
    record: Value,
}

impl Row {
    fn new(log: &'static str, entry: Entry) -> Self {
        let record: Value = serde_json::from_str(&entry.record).unwrap_or_default();
        Self {
            log,
            at: cell(&record, "/at"),
            entry,
            record,
        }
    }

    fn cells(&self) -> [String; 5] {
        let index = self.entry.index.to_string();
        let kind = cell(&self.record, "/kind");
        [
            self.at.clone(),
            self.log.to_owned(),
            index,
            kind,
            self.what(),
        ]
    }

    /// The members of the body by which a person recognises the record.
    fn what(&self) -> String {
        let members = [
            "event", "verdict", "tool", "resource", "step", "state", "outcome", "status",
            "decision", "by", "action", "scope", "code", "agent", "jti",
        ];
        let values = members
            .iter()
            .map(|member| cell(&self.record, &format!("/body/{member}")));
        values
            .filter(|value| !value.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn document(&self) -> Value {
        json!({
            "log": self.log,
            "index": self.entry.index,
            "leaf": self.entry.leaf,
            "record": self.record,
        })
    }

    fn print(&self, form: Form) {
        match form {
            Form::Json => line(&self.document().to_string()),
            Form::Text => line(&self.cells().join("  ")),
        }
    }
}

async fn show(client: &Client, which: Which, index: u64) -> Result<Report, Failure> {
    let after = index.checked_sub(1);
    let page = page(client, which, after, None, 1).await?;
    let found = page.entries.into_iter().find(|entry| entry.index == index);
    let Some(found) = found else {
        return Err(Failure::could_not(format!(
            "the ledger has no entry {index}"
        )));
    };
    let record: Value = serde_json::from_str(&found.record).unwrap_or_default();
    let text = format!("leaf {}\n{}\n{}", found.leaf, found.record, pretty(&record));
    let document =
        json!({"index": index, "leaf": found.leaf, "text": found.record, "record": record});
    Ok(Report::new(document, text))
}

// === reading ===

async fn page(
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
async fn read_log(
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

async fn read_all(client: &Client) -> Result<Vec<Log>, Failure> {
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

// === export ===

async fn export(client: &Client, out: &Path) -> Result<Report, Failure> {
    let failed = |error| Failure::because(format!("cannot write into `{}`", out.display()), error);
    fs::create_dir_all(out).map_err(failed)?;
    if !record_files(out)?.is_empty() {
        let message = format!(
            "`{}` holds an export already: name another folder",
            out.display()
        );
        return Err(Failure::could_not(message));
    }
    let mut written = Vec::new();
    for log in read_all(client).await? {
        let path = out.join(format!("records-{}.jsonl", log.name));
        let mut file = BufWriter::new(File::create_new(&path).map_err(failed)?);
        for entry in &log.entries {
            file.write_all(entry.record.as_bytes()).map_err(failed)?;
            file.write_all(b"\n").map_err(failed)?;
        }
        file.flush().map_err(failed)?;
        written.push(json!({"file": path, "entries": log.entries.len()}));
    }
    for (role, name) in [
        (Role::Authority, "intent.jwks"),
        (Role::Enforcer, "receipt.jwks"),
    ] {
        let keys = client
            .get(role, &Who::Operator, "/.well-known/jwks.json")
            .await?;
        fs::write(out.join(name), pretty(&keys) + "\n").map_err(failed)?;
    }
    let text = format!(
        "Wrote {} ledgers and the public keys into {}. Verify with: countersign audit verify {}",
        written.len(),
        out.display(),
        out.display()
    );
    Ok(Report::new(json!({"out": out, "written": written}), text))
}

/// The record files of an export, sorted.
fn record_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
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

fn read_folders(folders: &[PathBuf]) -> Result<Vec<Log>, Failure> {
    let mut logs = Vec::new();
    for folder in folders {
        let files = record_files(folder)?;
        if files.is_empty() {
            let message = format!("`{}` holds no records*.jsonl", folder.display());
            return Err(Failure::could_not(message));
        }
        for path in files {
            let text = read(&path)?;
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

//! The newest records as lines, and one record as it was hashed.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_ledger::Entry;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Which;
use super::read::{page, read_log};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Form, Report, cell, line, pretty, table};

/// Time between two looks at the ledgers.
const LOOK: Duration = Duration::from_secs(1);

/// Which records.
pub(super) struct Ask {
    pub(super) which: Option<Which>,
    pub(super) kind: Option<String>,
    pub(super) lines: usize,
}

/// Shows the newest records.
pub(super) async fn tail(client: &Client, ask: &Ask) -> Result<Report, Failure> {
    let (rows, _) = newest(client, ask).await?;
    let document = json!({"records": rows.iter().map(Row::document).collect::<Vec<_>>()});
    let cells: Vec<[String; 5]> = rows.iter().map(Row::cells).collect();
    let text = table(["at", "ledger", "index", "kind", "what"], &cells);
    Ok(Report::new(document, text))
}

/// Shows the newest records, then those that follow, until it is stopped.
pub(super) async fn follow(client: &Client, ask: &Ask, form: Form) -> Result<Report, Failure> {
    let (rows, mut cursors) = newest(client, ask).await?;
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

/// Where each ledger was read to.
type Cursors = BTreeMap<&'static str, Option<u64>>;

/// The newest records of the ledgers that are asked for, by time.
async fn newest(client: &Client, ask: &Ask) -> Result<(Vec<Row>, Cursors), Failure> {
    let mut cursors = Cursors::new();
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
    rows.sort_by_key(|row: &Row| row.at.parse::<Timestamp>().unwrap_or(Timestamp::MIN));
    Ok((
        rows.split_off(rows.len().saturating_sub(ask.lines)),
        cursors,
    ))
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

/// Shows one record.
pub(super) async fn show(client: &Client, which: Which, index: u64) -> Result<Report, Failure> {
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

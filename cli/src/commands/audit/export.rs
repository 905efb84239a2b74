//! Writes the ledgers and the public keys into a folder.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde_json::json;

use super::read::{read_all, record_files};
use crate::client::{Client, Role, Who};
use crate::failure::Failure;
use crate::output::{Report, pretty};

/// Exports both ledgers.
pub(super) async fn export(client: &Client, out: &Path) -> Result<Report, Failure> {
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

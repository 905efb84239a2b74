//! `countersign audit`: reads, exports and verifies the ledgers.

mod export;
mod read;
mod tail;

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::settings;
use crate::args::Global;
use crate::audit::{Trust, pinned, verify};
use crate::client::{Client, Role};
use crate::failure::Failure;
use crate::output::{Form, Report, Verdict};

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
            let ask = tail::Ask {
                which: role,
                kind,
                lines,
            };
            if follow {
                tail::follow(&client()?, &ask, form).await
            } else {
                tail::tail(&client()?, &ask).await
            }
        }
        What::Show { role, index } => tail::show(&client()?, role, index).await,
        What::Verify { folders, keys } => {
            let logs = if folders.is_empty() {
                read::read_all(&client()?).await?
            } else {
                read::read_folders(&folders)?
            };
            let outcome = verify(&logs, &trust(&keys)?);
            let (holds, text) = (outcome.holds(), outcome.to_string());
            Ok(Report::new(outcome.document(), text).verdict(Verdict::of(holds)))
        }
        What::Export { out } => export::export(&client()?, &out).await,
    }
}

fn trust(keys: &[PathBuf]) -> Result<Trust, Failure> {
    if keys.is_empty() {
        return Ok(Trust::Published);
    }
    let texts: Result<Vec<String>, Failure> = keys.iter().map(|path| read::text(path)).collect();
    pinned(&texts?)
        .map(Trust::Pinned)
        .map_err(|error| Failure::could_not(format!("--key: {error}")))
}

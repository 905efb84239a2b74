//! `countersign openapi`: the servers' documents, as committed in `docs/api`.

use std::path::PathBuf;

use clap::ValueEnum;
use countersign_service::openapi::to_text;
use serde_json::json;
use utoipa::openapi::OpenApi;

use crate::console;
use crate::failure::Failure;
use crate::output::Report;

const EXAMPLES: &str = "\
Examples:
  countersign openapi authority
  countersign openapi --write docs/api        all of them, one file each";

/// Print the OpenAPI document of a server
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which server's
    #[arg(required_unless_present = "write")]
    role: Option<Server>,
    /// Write every server's document into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "role")]
    write: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Server {
    /// Plans, approvals, policies, control
    Authority,
    /// Calls and receipts
    Enforcer,
    /// Runs
    Planner,
    /// The mini cloud
    Simulator,
    /// The web app's server
    Console,
}

impl Server {
    const fn name(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Enforcer => "enforcer",
            Self::Planner => "planner",
            Self::Simulator => "simulator",
            Self::Console => "console",
        }
    }

    fn document(self) -> OpenApi {
        match self {
            Self::Authority => countersign_authority::openapi(),
            Self::Enforcer => countersign_enforcer::openapi(),
            Self::Planner => countersign_planner::openapi(),
            Self::Simulator => countersign_simulator::openapi(),
            Self::Console => console::openapi(),
        }
    }

    fn text(self) -> Result<String, Failure> {
        to_text(&self.document())
            .map_err(|error| Failure::because("the document cannot be written", error))
    }
}

/// Prints one document or writes all.
pub(crate) fn run(args: &Args) -> Result<Report, Failure> {
    if let Some(role) = args.role {
        return Ok(Report::raw(role.text()?));
    }
    let folder = args.write.clone().unwrap_or_default();
    let mut written = Vec::new();
    for server in Server::value_variants() {
        let path = folder.join(format!("{}.json", server.name()));
        let text = server.text()?;
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| {
                Failure::because(format!("cannot write `{}`", path.display()), error)
            })?;
        written.push(path.display().to_string());
    }
    let text = written.join("\n");
    Ok(Report::new(json!({"written": written}), text))
}

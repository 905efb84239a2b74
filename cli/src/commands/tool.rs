//! `countersign tool`: the catalogue as the authority serves it.

use clap::Subcommand;
use serde_json::Value;

use crate::client::{Client, Role, Who};
use crate::failure::Failure;
use crate::output::{Report, cell, pretty, table};

/// Look at the tool catalogue
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List every tool that may ever be called
    List,
    /// Show one tool with the schema of its parameters
    Show {
        /// The tool, such as infra.scale
        tool: String,
    },
}

/// Lists or shows.
pub(crate) async fn run(client: &Client, args: Args) -> Result<Report, Failure> {
    let answer = client
        .get(Role::Authority, &Who::Operator, "/v1/tools")
        .await?;
    let tools = answer
        .get("tools")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    match args.what {
        What::List => {
            let members = ["/name", "/effect", "/upstream", "/description"];
            let rows: Vec<[String; 4]> = tools
                .iter()
                .map(|tool| members.map(|member| cell(tool, member)))
                .collect();
            let text = table(["tool", "effect", "upstream", "description"], &rows);
            Ok(Report::new(answer, text))
        }
        What::Show { tool } => {
            let found = tools.into_iter().find(|one| cell(one, "/name") == tool);
            let found = found
                .ok_or_else(|| Failure::could_not(format!("`{tool}` is not in the catalogue")))?;
            let text = pretty(&found);
            Ok(Report::new(found, text))
        }
    }
}

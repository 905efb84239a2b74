//! `countersign fault`: breaks the mini cloud, and mends it.

use clap::Subcommand;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::client::{Client, Role, Who, segment};
use crate::failure::Failure;
use crate::output::{Report, cell, table};

const EXAMPLES: &str = "\
Examples:
  countersign fault inject crash payments          the process ends
  countersign fault inject bad-deploy auth         a version that fails its health checks
  countersign fault inject storm 200               many monitoring probes hang at once
  countersign fault list
  countersign fault clear all";

/// Break the mini cloud, and mend it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List active faults
    List,
    /// Break something
    Inject {
        /// crash, degrade, bad-deploy, memory-leak, traffic-spike, storm or reset
        kind: String,
        /// The service; for a storm, how many probes
        #[arg(default_value = "")]
        target: String,
    },
    /// Mend one fault, or everything
    Clear {
        /// A fault's id, or `all`
        #[arg(default_value = "all")]
        fault: String,
    },
}

/// Lists, injects or clears.
pub(crate) async fn run(client: &Client, args: Args) -> Result<Report, Failure> {
    match args.what {
        What::List => {
            let answer = client
                .get(Role::Simulator, &Who::Operator, "/v1/faults")
                .await?;
            let faults = answer
                .get("faults")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            let rows: Vec<[String; 4]> = faults
                .iter()
                .map(|fault| {
                    let id = [cell(fault, "/fault_id"), cell(fault, "/id")].concat();
                    [
                        id,
                        cell(fault, "/kind"),
                        cell(fault, "/target"),
                        since(fault),
                    ]
                })
                .collect();
            let text = if rows.is_empty() {
                "No fault is active.".to_owned()
            } else {
                table(["fault", "kind", "target", "since"], &rows)
            };
            Ok(Report::new(answer, text))
        }
        What::Inject { kind, target } => {
            let answer = inject(client, &kind, &target).await?;
            Ok(Report::new(
                answer,
                format!("{kind} {target}").trim_end().to_owned(),
            ))
        }
        What::Clear { fault } if fault == "all" => {
            let answer = inject(client, "reset", "").await?;
            Ok(Report::new(answer, "The mini cloud is as at the start."))
        }
        What::Clear { fault } => {
            let path = format!("/v1/faults/{}", segment(&fault));
            let simulator = client.peer(Role::Simulator, &Who::Operator)?;
            let answer = simulator
                .call::<(), Value>(Method::DELETE, &path, &HeaderMap::new(), None)
                .await?;
            Ok(Report::new(answer.body, format!("cleared {fault}")))
        }
    }
}

async fn inject(client: &Client, kind: &str, target: &str) -> Result<Value, Failure> {
    let body = json!({"kind": kind, "target": target});
    Ok(client
        .post(Role::Simulator, &Who::Operator, "/v1/faults", &body)
        .await?
        .1)
}

fn since(fault: &Value) -> String {
    let members = ["/since", "/injected_at", "/started_at", "/at"];
    members
        .iter()
        .map(|member| cell(fault, member))
        .find(|at| !at.is_empty())
        .unwrap_or_default()
}

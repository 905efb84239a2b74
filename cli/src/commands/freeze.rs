//! `countersign freeze` and `thaw`: the kill switch.

use serde_json::{Value, json};

use super::plan::with;
use crate::client::{Client, Role, Who};
use crate::failure::Failure;
use crate::output::{Report, Verdict, cell};

const EXAMPLES: &str = "\
Examples:
  countersign freeze --reason 'strange calls'        everything that changes something stops
  countersign freeze agent:remediator
  countersign freeze tool:infra.shutdown
  countersign thaw all

Scopes: all, tenant:T, agent:A, tool:T, plan:P, key:KID. When the command returns 0,
every enforcer has taken it; 1 lists the enforcers that did not answer (they stop by
themselves within 5 seconds).";

/// Stop what a scope covers, at once
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct FreezeArgs {
    /// What to stop
    #[arg(default_value = "all")]
    scope: String,
    /// Why, for everybody who meets it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Let a frozen scope go on
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ThawArgs {
    /// What goes on
    #[arg(default_value = "all")]
    scope: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Freezes.
pub(crate) async fn freeze(client: &Client, args: FreezeArgs) -> Result<Report, Failure> {
    command(client, "freeze", &args.scope, args.reason).await
}

/// Thaws.
pub(crate) async fn thaw(client: &Client, args: ThawArgs) -> Result<Report, Failure> {
    command(client, "thaw", &args.scope, args.reason).await
}

async fn command(
    client: &Client,
    action: &str,
    scope: &str,
    reason: Option<String>,
) -> Result<Report, Failure> {
    let body = with(json!({"action": action, "scope": scope}), "reason", reason);
    let (_, answer) = client
        .post(Role::Authority, &Who::Operator, "/v1/control", &body)
        .await?;
    let missing: Vec<String> = answer
        .get("missing")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned))
        .collect();
    let verb = if action == "freeze" {
        "frozen"
    } else {
        "thawed"
    };
    let mut text = format!(
        "{scope} is {verb} (generation {})",
        cell(&answer, "/generation")
    );
    if !missing.is_empty() {
        text.push_str("\nnot confirmed by ");
        text.push_str(&missing.join(", "));
    }
    Ok(Report::new(answer, text).verdict(Verdict::of(missing.is_empty())))
}

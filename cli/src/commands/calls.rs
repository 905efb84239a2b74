//! `countersign calls`: what the enforcer did, and calls in doubt.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::client::{Client, Role, Who, segment};
use crate::failure::Failure;
use crate::output::{Report, cell, table};

const EXAMPLES: &str = "\
Examples:
  countersign calls list --state in_doubt
  countersign calls resolve att_01J… --outcome not-executed \\
      --evidence 'payments still has 3 replicas' --reason 'checked by hand'

A call is in doubt when its request was written and no complete answer came: it may have
run. It is never sent again. `executed` closes the step as done; `not-executed` permits
a new token for it.";

/// Look at calls, and resolve those in doubt
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List calls, the newest first
    List {
        /// Only these: consumed, done, not_sent, in_doubt or resolved
        #[arg(long)]
        state: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// List what was refused
    Refusals,
    /// Settle a call in doubt
    Resolve {
        /// The attempt
        attempt: String,
        /// Whether it ran
        #[arg(long)]
        outcome: Ran,
        /// What shows it
        #[arg(long, value_name = "TEXT")]
        evidence: String,
        /// Why you decide
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Ran {
    /// It ran
    Executed,
    /// It did not run
    NotExecuted,
}

/// Lists or resolves.
pub(crate) async fn run(client: &Client, args: Args) -> Result<Report, Failure> {
    match args.what {
        What::List { state, limit } => {
            let state = state
                .map(|state| format!("&state={}", segment(&state)))
                .unwrap_or_default();
            let path = format!("/v1/calls?limit={limit}{state}");
            let answer = client.get(Role::Enforcer, &Who::Operator, &path).await?;
            let members = [
                "/attempt",
                "/state",
                "/tool",
                "/resource",
                "/status",
                "/agent",
                "/consumed_at",
            ];
            let rows: Vec<[String; 7]> = items(&answer, "calls")
                .map(|call| members.map(|member| cell(call, member)))
                .collect();
            let heading = [
                "attempt", "state", "tool", "resource", "status", "agent", "consumed",
            ];
            let text = table(heading, &rows);
            Ok(Report::new(answer, text))
        }
        What::Refusals => {
            let answer = client
                .get(Role::Enforcer, &Who::Operator, "/v1/refusals")
                .await?;
            let members = ["/at", "/code", "/count", "/tool", "/agent", "/message"];
            let rows: Vec<[String; 6]> = items(&answer, "refusals")
                .map(|refusal| members.map(|member| cell(refusal, member)))
                .collect();
            let text = table(["at", "code", "count", "tool", "agent", "message"], &rows);
            Ok(Report::new(answer, text))
        }
        What::Resolve {
            attempt,
            outcome,
            evidence,
            reason,
        } => {
            let resolution = match outcome {
                Ran::Executed => "executed",
                Ran::NotExecuted => "not_executed",
            };
            let body = json!({"resolution": resolution, "evidence": evidence, "reason": reason});
            let path = format!("/v1/calls/{}/resolution", segment(&attempt));
            let (_, answer) = client
                .post(Role::Enforcer, &Who::Operator, &path, &body)
                .await?;
            Ok(Report::new(
                answer,
                format!("{attempt} is resolved: {resolution}"),
            ))
        }
    }
}

fn items<'a>(answer: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    answer
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

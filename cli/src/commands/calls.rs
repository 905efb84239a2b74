//! `countersign calls`: what the enforcer did, and calls in doubt.

use std::fmt::Write as _;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::client::{Client, Role, Who, segment};
use crate::failure::Failure;
use crate::output::{Report, Verdict, cell, table};

const EXAMPLES: &str = "\
Examples:
  countersign calls list --state in_doubt
  countersign calls resolve att_01J… --outcome not-executed \\
      --evidence 'payments still has 3 replicas' --reason 'checked by hand'

A call is in doubt when its request was written and no complete answer came: it may have
run. It is sent again only where its tool declares `idempotency`. `executed` closes the step as done; `not-executed` permits
a new token for it. A call on data, or one that destroys, takes the same word of two
people, each with evidence and a reason of their own; `resolve` ends with exit code 1 while
one more is needed, and one's own later word stands in place of the earlier one.";

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
        /// The person as whom to say it; the operator unless given
        #[arg(long = "as", value_name = "NAME")]
        person: Option<String>,
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
        What::List { state, limit } => list(client, state, limit).await,
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
            person,
        } => {
            let resolution = match outcome {
                Ran::Executed => "executed",
                Ran::NotExecuted => "not_executed",
            };
            let body = json!({"resolution": resolution, "evidence": evidence, "reason": reason});
            let who = person.map_or(Who::Operator, Who::Person);
            resolve(client, &who, &attempt, &body).await
        }
    }
}

async fn list(client: &Client, state: Option<String>, limit: u32) -> Result<Report, Failure> {
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
    let mut text = table(heading, &rows);
    for call in items(&answer, "calls") {
        text.push_str(&doubt(call));
    }
    Ok(Report::new(answer, text))
}

/// What people said of a call in doubt, and whose word is missing.
fn doubt(call: &Value) -> String {
    let Some(needed) = call.get("people_needed").and_then(Value::as_u64) else {
        return String::new();
    };
    let mut text = format!(
        "\n{} is in doubt: {}",
        cell(call, "/attempt"),
        cell(call, "/cause")
    );
    for word in items(call, "words") {
        let _ = write!(
            text,
            "\n  {} says {}: {} ({})",
            cell(word, "/by"),
            cell(word, "/resolution"),
            cell(word, "/evidence"),
            cell(word, "/reason"),
        );
    }
    let _ = match (needed, items(call, "words").count()) {
        (1, 0) => write!(text, "\n  one person must settle it"),
        (1, _) => write!(text, "\n  one more person must say the same"),
        _ => write!(text, "\n  {needed} people must say the same"),
    };
    text
}

async fn resolve(
    client: &Client,
    who: &Who,
    attempt: &str,
    body: &Value,
) -> Result<Report, Failure> {
    let path = format!("/v1/calls/{}/resolution", segment(attempt));
    let (status, answer) = client.post(Role::Enforcer, who, &path, body).await?;
    if status == 202 {
        let text = format!("your word is recorded{}", doubt(&answer));
        return Ok(Report::new(answer, text).verdict(Verdict::No));
    }
    let text = format!("{attempt} is resolved: {}", cell(body, "/resolution"));
    Ok(Report::new(answer, text))
}

fn items<'a>(answer: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    answer
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

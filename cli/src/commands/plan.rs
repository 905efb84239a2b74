//! `countersign plan`: submits a plan, shows it, takes the token of a step.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use countersign_intent::json as strict;
use serde_json::{Map, Value, json};

use crate::client::{Client, Role, Who, segment};
use crate::failure::Failure;
use crate::output::{Report, Verdict, cell, table};

const EXAMPLES: &str = "\
Examples:
  echo '{\"goal\":\"more room\",\"steps\":[{\"id\":\"s1\",\"tool\":\"infra.scale\",
         \"params\":{\"service_id\":\"payments\",\"replicas\":4}}]}' | countersign plan submit -
  countersign plan show pln_01J…
  countersign plan token pln_01J… s1        the token of a step whose turn it is

Exit code 1 means that policy denies the plan, or that a token is refused or waits for a
person.";

/// Submit a plan, look at it, take a step's token
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The agent as which to ask; the first of credentials.json unless given
    #[arg(long, global = true, value_name = "NAME")]
    agent: Option<String>,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Have a plan judged
    Submit {
        /// The plan as JSON; `-` reads standard input
        file: PathBuf,
    },
    /// List plans, the newest first
    List,
    /// Show one plan with its verdicts and what became of each step
    Show {
        /// The plan
        plan: String,
    },
    /// Ask for the token of a step. It is a secret: it runs the step, once
    Token {
        /// The plan
        plan: String,
        /// The step
        step: String,
        /// The exact parameters, where the step has bounds
        #[arg(long, value_name = "JSON")]
        params: Option<String>,
    },
    /// Withdraw a plan: no further token is issued for it
    Cancel {
        /// The plan
        plan: String,
    },
}

/// Submits, shows, takes a token or withdraws.
pub(crate) async fn run(client: &Client, args: Args) -> Result<Report, Failure> {
    let agent = Who::Agent(args.agent);
    match args.what {
        What::Submit { file } => {
            let (_, view) = client
                .post(Role::Authority, &agent, "/v1/plans", &read(&file)?)
                .await?;
            Ok(judged(view))
        }
        What::List => {
            let plans = client.get(Role::Authority, &agent, "/v1/plans").await?;
            let listed = plans
                .get("plans")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let members = ["/plan_id", "/state", "/verdict", "/created_at", "/goal"];
            let rows: Vec<[String; 5]> = listed
                .map(|plan| members.map(|member| cell(plan, member)))
                .collect();
            let text = table(["plan", "state", "verdict", "judged", "goal"], &rows);
            Ok(Report::new(plans, text))
        }
        What::Show { plan } => {
            let path = format!("/v1/plans/{}", segment(&plan));
            let view = client.get(Role::Authority, &agent, &path).await?;
            let text = describe(&view);
            Ok(Report::new(view, text))
        }
        What::Token { plan, step, params } => {
            let params = params.map(|params| object(&params)).transpose()?;
            let body = with(json!({}), "params", params);
            token(client, &agent, &plan, &step, &body).await
        }
        What::Cancel { plan } => {
            let path = format!("/v1/plans/{}/cancel", segment(&plan));
            let (_, view) = client
                .post(Role::Authority, &agent, &path, &json!({}))
                .await?;
            Ok(Report::new(view, format!("{plan} is withdrawn.")))
        }
    }
}

async fn token(
    client: &Client,
    agent: &Who,
    plan: &str,
    step: &str,
    body: &Value,
) -> Result<Report, Failure> {
    let path = format!("/v1/plans/{}/steps/{}/token", segment(plan), segment(step));
    let (status, answer) = client.post(Role::Authority, agent, &path, body).await?;
    if status == 202 {
        let text = format!(
            "waits for a person: countersign approvals show {}",
            cell(&answer, "/approval_id")
        );
        return Ok(Report::new(answer, text).verdict(Verdict::No));
    }
    let text = cell(&answer, "/token");
    Ok(Report::new(answer, text))
}

/// A judged plan: exit code 1 when policy denies it.
fn judged(view: Value) -> Report {
    let denied = cell(&view, "/verdict") == "deny";
    let text = describe(&view);
    Report::new(view, text).verdict(Verdict::of(!denied))
}

/// The plan for a person.
pub(super) fn describe(view: &Value) -> String {
    let mut text = format!(
        "{}  {}  {}\n  hash {}\n",
        cell(view, "/plan_id"),
        cell(view, "/verdict"),
        cell(view, "/state"),
        cell(view, "/plan_hash"),
    );
    for step in view
        .get("steps")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let params = step.get("params").map(Value::to_string).unwrap_or_default();
        let _ = writeln!(
            text,
            "  {} {} {params}\n     {}  {}",
            cell(step, "/id"),
            cell(step, "/tool"),
            cell(step, "/verdict"),
            cell(step, "/state"),
        );
        if let Some(seen) = step.get("precondition") {
            let _ = writeln!(text, "     only while this is still so: {seen}");
        }
        text.push_str(&reasons(step, "     "));
        let approval = cell(step, "/approval_id");
        if !approval.is_empty() && cell(step, "/state") == "pending" {
            let _ = writeln!(text, "     → countersign approvals show {approval}");
        }
    }
    text
}

/// The reasons and policies of a verdict.
pub(super) fn reasons(item: &Value, indent: &str) -> String {
    let mut text = String::new();
    for reason in item
        .get("reasons")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let _ = write!(
            text,
            "{indent}{}: {}",
            cell(reason, "/code"),
            cell(reason, "/message")
        );
        let policy = cell(reason, "/policy");
        if !policy.is_empty() {
            let _ = write!(text, " (policy {policy})");
        }
        text.push('\n');
    }
    let listed = item
        .get("policies")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let policies: Vec<&str> = listed.filter_map(Value::as_str).collect();
    if !policies.is_empty() && !text.contains("(policy ") {
        let _ = writeln!(text, "{indent}policies: {}", policies.join(", "));
    }
    text
}

/// A file's JSON, by the product's strict reader.
fn read(file: &Path) -> Result<Value, Failure> {
    let mut bytes = Vec::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(file).map(|content| bytes = content)
    };
    read.map_err(|error| Failure::because(format!("cannot read `{}`", file.display()), error))?;
    strict::read(&bytes).map_err(|error| Failure::Usage(format!("`{}`: {error}", file.display())))
}

/// A JSON object of the command line, by the strict reader.
pub(super) fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    strict::read_as(text.as_bytes()).map_err(|error| {
        let example = r#"'{"service_id":"payments"}'"#;
        Failure::Usage(format!(
            "--params: {error}; write a JSON object, such as {example}"
        ))
    })
}

/// `body` with the member `name`, where there is a value for it.
pub(super) fn with(body: Value, name: &str, value: Option<impl Into<Value>>) -> Value {
    let mut body = body;
    if let (Some(members), Some(value)) = (body.as_object_mut(), value) {
        members.insert(name.to_owned(), value.into());
    }
    body
}

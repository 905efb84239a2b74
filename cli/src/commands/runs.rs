//! `countersign runs`: looks at runs.

use std::fmt::Write as _;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::client::{Client, Role, Who, segment};
use crate::failure::Failure;
use crate::output::{Report, cell, table};

/// Look at runs
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List runs, the newest first
    List,
    /// Show one run: what was read, planned, judged, done and checked
    Show {
        /// The run
        run: String,
    },
    /// Stop a run before its next step
    Cancel {
        /// The run
        run: String,
    },
}

/// Lists, shows or stops.
pub(crate) async fn run(client: &Client, args: Args) -> Result<Report, Failure> {
    match args.what {
        What::List => list(client).await,
        What::Show { run } => {
            let path = format!("/v1/runs/{}", segment(&run));
            let view = client.get(Role::Planner, &Who::Operator, &path).await?;
            let text = describe(&view);
            Ok(Report::new(view, text))
        }
        What::Cancel { run } => {
            let path = format!("/v1/runs/{}/cancel", segment(&run));
            let (_, answer) = client
                .post(Role::Planner, &Who::Operator, &path, &json!({}))
                .await?;
            Ok(Report::new(
                answer,
                format!("{run} stops before its next step."),
            ))
        }
    }
}

async fn list(client: &Client) -> Result<Report, Failure> {
    let answer = client
        .get(Role::Planner, &Who::Operator, "/v1/runs")
        .await?;
    let runs = answer
        .get("runs")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let rows: Vec<[String; 4]> = runs
        .iter()
        .map(|run| ["/run_id", "/state", "/created_at", "/goal"].map(|member| cell(run, member)))
        .collect();
    let text = if rows.is_empty() {
        "No run yet. Start one: countersign run 'restore payments' --follow".to_owned()
    } else {
        table(["run", "state", "started", "goal"], &rows)
    };
    Ok(Report::new(answer, text))
}

/// The whole run for a person.
fn describe(view: &Value) -> String {
    let mut text = format!(
        "{}  {}\n  goal    {}\n  agent   {}\n",
        cell(view, "/run_id"),
        cell(view, "/state"),
        cell(view, "/goal"),
        cell(view, "/agent"),
    );
    for member in ["source", "runbook", "model"] {
        let value = cell(view, &format!("/{member}"));
        if !value.is_empty() {
            let _ = writeln!(text, "  {member:<7} {value}");
        }
    }
    let moments = view.get("timeline").and_then(Value::as_array);
    for moment in moments.into_iter().flatten() {
        let (at, state) = (cell(moment, "/at"), cell(moment, "/state"));
        let _ = writeln!(text, "  {at}  {state:<10} {}", cell(moment, "/message"));
    }
    let steps = view.get("steps").and_then(Value::as_array);
    for step in steps.into_iter().flatten() {
        text.push_str(&describe_step(step));
    }
    text.push_str(&ending(view));
    text
}

fn describe_step(step: &Value) -> String {
    let params = step.get("params").map(Value::to_string).unwrap_or_default();
    let mut text = format!(
        "  {} {} {params}\n     verdict {}  state {}\n",
        cell(step, "/id"),
        cell(step, "/tool"),
        cell(step, "/verdict"),
        cell(step, "/state"),
    );
    let listed = step
        .get("policies")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let policies: Vec<&str> = listed.filter_map(Value::as_str).collect();
    if !policies.is_empty() {
        let _ = writeln!(text, "     policies {}", policies.join(", "));
    }
    let rows = [
        ("refused", "/refusal/code"),
        ("approval", "/approval_id"),
        ("attempt", "/attempt"),
        ("status", "/status"),
        ("expected", "/check/expected"),
        ("expected", "/check/expect"),
        ("found", "/check/actual"),
    ];
    for (name, member) in rows {
        let value = cell(step, member);
        if !value.is_empty() {
            let _ = writeln!(text, "     {name} {value}");
        }
    }
    text
}

/// What came of a run, in a few lines.
pub(super) fn ending(view: &Value) -> String {
    let mut text = format!("{}: {}\n", cell(view, "/state"), cell(view, "/summary"));
    let error = cell(view, "/error/message");
    if !error.is_empty() && error != cell(view, "/summary") {
        let _ = writeln!(text, "  {error}");
    }
    text
}

/// The approvals that a waiting run waits for.
pub(super) fn waiting_for(view: &Value) -> Vec<String> {
    let steps = view
        .get("steps")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let waiting =
        steps.filter(|step| matches!(cell(step, "/state").as_str(), "waiting" | "pending"));
    let mut found: Vec<String> = waiting.map(|step| cell(step, "/approval_id")).collect();
    found.retain(|id| !id.is_empty());
    found.truncate(1);
    found
}

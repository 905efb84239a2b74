//! `countersign run`: asks the planner to reach a goal, and watches.

use std::time::Duration;

use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::plan::with;
use super::runs;
use crate::client::{Client, Role, Who, segment};
use crate::failure::Failure;
use crate::output::{Form, Report, Verdict, cell, line};
use crate::sse::Parser;

/// The pause before a stream that broke off is asked for again.
const PAUSE: Duration = Duration::from_millis(500);

const EXAMPLES: &str = "\
Examples:
  countersign run 'restore payments'                 starts it and prints the run's id
  countersign run 'restore payments' --follow        shows what happens until it ends
  countersign run 'scale payments to 5' --follow --json

With --follow the exit code is 0 when the run completed or had nothing to do, 1 when it
was blocked, failed or was cancelled. A run that waits for a person goes on after
`countersign approvals approve`.";

/// Ask the planner to reach a goal
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What should be true afterwards, in your words
    goal: String,
    /// Watch until the run ends
    #[arg(long)]
    follow: bool,
    /// The alert that the run is about
    #[arg(long, value_name = "ID")]
    alert: Option<String>,
}

/// Starts a run; with `--follow` waits for its end.
pub(crate) async fn run(client: &Client, args: Args, form: Form) -> Result<Report, Failure> {
    let trigger = with(json!({"kind": "cli"}), "alert", args.alert);
    let body = json!({"goal": args.goal, "trigger": trigger});
    let (_, started) = client
        .post(Role::Planner, &Who::Operator, "/v1/runs", &body)
        .await?;
    let run = cell(&started, "/run_id");
    if !args.follow {
        let text = format!("{run}\nLook at it with `countersign runs show {run}`.");
        return Ok(Report::new(started, text));
    }
    if form == Form::Text {
        line(&format!("run {run}"));
    }
    let view = follow(client, &run, form).await?;
    let state = cell(&view, "/state");
    let good = matches!(state.as_str(), "completed" | "no_action");
    let text = runs::ending(&view);
    Ok(Report::new(view, text).verdict(Verdict::of(good)))
}

/// Shows what happens until the run ends; gives its last state.
async fn follow(client: &Client, run: &str, form: Form) -> Result<Value, Failure> {
    let path = format!("/v1/runs/{}", segment(run));
    let mut shown = Shown {
        moments: 0,
        waiting: false,
        form,
    };
    loop {
        // The stream wakes us; the run itself is read whole, so nothing is missed when it breaks off.
        let view = client.get(Role::Planner, &Who::Operator, &path).await?;
        shown.show(&view);
        if ended(&view) {
            return Ok(view);
        }
        if watch(client, &path, &mut shown).await.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Follows the run's events until its end or until the stream ends.
async fn watch(client: &Client, path: &str, shown: &mut Shown) -> Result<(), Failure> {
    let planner = client.stream(Role::Planner, &Who::Operator)?;
    let events = format!("{path}/events");
    let mut answer = planner
        .send::<()>(Method::GET, &events, &HeaderMap::new(), None, None)
        .await?;
    if !answer.status().is_success() {
        return Err(Failure::could_not(format!(
            "the planner answers {}",
            answer.status()
        )));
    }
    let mut parser = Parser::default();
    while let Ok(Some(chunk)) = answer.chunk().await {
        let frames = parser
            .push(&chunk)
            .map_err(|error| Failure::because("the planner's events cannot be read", error))?;
        for frame in frames {
            let data: Value = serde_json::from_str(&frame.data).unwrap_or_default();
            let Some(view) = data.get("item") else {
                continue;
            };
            shown.show(view);
            if ended(view) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn ended(view: &Value) -> bool {
    let state = cell(view, "/state");
    matches!(
        state.as_str(),
        "completed" | "blocked" | "no_action" | "failed" | "cancelled"
    )
}

/// How much of the timeline was shown.
struct Shown {
    moments: usize,
    waiting: bool,
    form: Form,
}

impl Shown {
    fn show(&mut self, view: &Value) {
        if self.form == Form::Json {
            return;
        }
        let moments = view.get("timeline").and_then(Value::as_array);
        for moment in moments.into_iter().flatten().skip(self.moments) {
            line(&format!(
                "  {:<10} {}",
                cell(moment, "/state"),
                cell(moment, "/message")
            ));
            self.moments = self.moments.saturating_add(1);
        }
        let waiting = cell(view, "/state") == "waiting";
        if waiting && !self.waiting {
            for approval in runs::waiting_for(view) {
                line(&format!(
                    "             → countersign approvals approve {approval}"
                ));
            }
        }
        self.waiting = waiting;
    }
}

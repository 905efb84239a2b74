//! `countersign call`: one tool, from plan to receipt.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use countersign_intent::json as strict;
use countersign_intent::key::SigningKey;
use countersign_intent::proof::{HEADER, Request};
use http::header::HeaderValue;
use http::{HeaderMap, Method};
use serde_json::{Map, Value, json};

use super::plan::{object, reasons, with};
use crate::client::{Client, Role, Who, segment};
use crate::failure::Failure;
use crate::output::{Report, Verdict, cell, note, pretty};
use crate::proof;

/// Time between two looks at an approval.
const LOOK: Duration = Duration::from_secs(1);

const EXAMPLES: &str = "\
Examples:
  countersign call infra.get --params '{\"service_id\":\"payments\"}'
  countersign call infra.scale --params '{\"service_id\":\"payments\",\"replicas\":4}'
  countersign call infra.scale --params '{…}' --token eyJ…      spends a token you have
  countersign call infra.get --params '{…}' --proof-key agent.jwk     for an agent with a key

Without --token it submits a plan of one step, takes the step's token and makes the call.
Exit code 1: policy denied it, a person must approve first (--wait waits for that), the enforcer
refused it, or the upstream answered an error.";

/// Call one tool: plan, token, call
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The tool, such as infra.scale
    tool: String,
    /// Its parameters
    #[arg(long, value_name = "JSON", default_value = "{}")]
    params: String,
    /// The intent token to spend
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// The approvals that came with the token
    #[arg(long, value_name = "TEXT", requires = "token")]
    approvals: Option<String>,
    /// The private JWK of the agent's registered key; COUNTERSIGN_PROOF_KEY_FILE unless given
    #[arg(long, value_name = "FILE")]
    proof_key: Option<PathBuf>,
    /// What was seen where the tool's precondition looks, as JSON
    #[arg(long, value_name = "JSON", conflicts_with = "token")]
    precondition: Option<String>,
    /// The agent as which to call; the first of credentials.json unless given
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Wait for the people whom policy asks
    #[arg(long, conflicts_with = "token")]
    wait: bool,
    /// What the call is for, as approvers read it
    #[arg(long, value_name = "TEXT", conflicts_with = "token")]
    goal: Option<String>,
}

/// What to call with.
struct Pass {
    token: String,
    approvals: Option<String>,
    plan: Option<String>,
}

/// Calls the tool.
pub(crate) async fn run(client: &Client, args: Args) -> Result<Report, Failure> {
    let params = object(&args.params)?;
    let agent = Who::Agent(args.agent.clone());
    let proof_key = proof::key(client, args.proof_key.as_deref())?;
    let pass = match &args.token {
        Some(token) => {
            let (token, approvals) = (token.clone(), args.approvals.clone());
            Pass {
                token,
                approvals,
                plan: None,
            }
        }
        None => match plan(client, &agent, &args, &params).await? {
            Ok(pass) => pass,
            Err(report) => return Ok(report),
        },
    };
    let body = json!({"tool": args.tool, "params": params});
    let mut answer = spend(client, &agent, &body, &pass, proof_key.as_ref()).await?;
    let outcome = cell(&answer, "/outcome");
    let status = answer.get("status").and_then(Value::as_u64);
    let good = outcome == "done" && status.is_some_and(|status| (200..300).contains(&status));
    let mut text = format!("{} {outcome}", cell(&answer, "/attempt"));
    if let Some(status) = status {
        let _ = write!(text, ", the upstream answered {status}");
    }
    if let Some(result) = answer.get("result").filter(|result| !result.is_null()) {
        text.push('\n');
        text.push_str(&pretty(result));
    }
    if let (Some(plan), Some(members)) = (pass.plan, answer.as_object_mut()) {
        members.insert("plan_id".to_owned(), plan.into());
    }
    Ok(Report::new(answer, text).verdict(Verdict::of(good)))
}

/// Plans one step and takes its token; the inner error is a report that ends the command.
async fn plan(
    client: &Client,
    agent: &Who,
    args: &Args,
    params: &Map<String, Value>,
) -> Result<Result<Pass, Report>, Failure> {
    let goal = args
        .goal
        .clone()
        .unwrap_or_else(|| format!("call {}", args.tool));
    let seen = args.precondition.as_deref().map(seen).transpose()?;
    let step = json!({"id": "s1", "tool": args.tool, "params": params});
    let step = with(step, "precondition", seen);
    let body = json!({"goal": goal, "steps": [step]});
    let (_, plan) = client
        .post(Role::Authority, agent, "/v1/plans", &body)
        .await?;
    let id = cell(&plan, "/plan_id");
    if cell(&plan, "/verdict") == "deny" {
        let judged = plan.pointer("/steps/0").cloned().unwrap_or_default();
        let text = format!("denied ({id})\n{}", reasons(&judged, "  "));
        return Ok(Err(Report::new(plan, text).verdict(Verdict::No)));
    }
    let path = format!("/v1/plans/{}/steps/s1/token", segment(&id));
    let mut told = false;
    loop {
        let (status, answer) = client
            .post(Role::Authority, agent, &path, &json!({}))
            .await?;
        if status != 202 {
            let approvals = answer
                .get("approvals")
                .and_then(Value::as_str)
                .map(str::to_owned);
            return Ok(Ok(Pass {
                token: cell(&answer, "/token"),
                approvals,
                plan: Some(id),
            }));
        }
        let approval = cell(&answer, "/approval_id");
        let hint = format!("waits for a person: countersign approvals approve {approval}");
        if !args.wait {
            let judged = plan.pointer("/steps/0").cloned().unwrap_or_default();
            let document = json!({
                "plan_id": id,
                "approval_id": approval,
                "verdict": "needs_approval",
                "reasons": judged.get("reasons"),
                "policies": judged.get("policies"),
            });
            let text = format!(
                "{hint}\nadd --wait to run the call once it is approved\n{}",
                reasons(&judged, "  ")
            );
            return Ok(Err(Report::new(document, text).verdict(Verdict::No)));
        }
        if !told {
            note(&hint);
            told = true;
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn spend(
    client: &Client,
    agent: &Who,
    body: &Value,
    pass: &Pass,
    proof_key: Option<&SigningKey>,
) -> Result<Value, Failure> {
    const PATH: &str = "/v1/calls";
    let header = |text: &str| {
        HeaderValue::from_str(text)
            .map_err(|_cause| Failure::Usage("--token: this is no token".to_owned()))
    };
    let mut headers = HeaderMap::new();
    headers.insert("intent-token", header(&pass.token)?);
    if let Some(approvals) = &pass.approvals {
        headers.insert("intent-approvals", header(approvals)?);
    }
    let enforcer = client.peer(Role::Enforcer, agent)?;
    if let Some(key) = proof_key {
        let request = Request {
            method: Method::POST.as_str(),
            path: &proof::path(enforcer.base(), PATH),
            token: pass.token.trim(),
        };
        headers.insert(HEADER, header(&proof::make(key, request))?);
    }
    let answer = enforcer
        .call::<Value, Value>(Method::POST, PATH, &headers, Some(body))
        .await?;
    Ok(answer.body)
}

/// A JSON value of the command line, by the strict reader.
fn seen(text: &str) -> Result<Value, Failure> {
    strict::read(text.as_bytes())
        .map_err(|error| Failure::Usage(format!("--precondition: {error}; write a JSON value")))
}

//! `countersign approvals`: what waits for a person, and what they say.

use std::fmt::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use countersign_intent::digest::Digest;
use countersign_intent::key::SigningKey;
use countersign_intent::{approval, canonical};
use countersign_service::files::read_private;
use serde_json::{Value, json};

use super::plan::{reasons, with};
use crate::client::{Client, Role, Who, segment};
use crate::data::DataFolder;
use crate::failure::Failure;
use crate::output::{Report, cell, confirm, line, table};

const EXAMPLES: &str = "\
Examples:
  countersign approvals list
  countersign approvals show apr_01J…
  countersign approvals approve apr_01J… --as alice --reason 'discussed in #ops'
  countersign approvals deny apr_01J… --as alice --reason 'not during the sale'

Before a yes the command recomputes the plan's hash from the bytes that it covers, shows
the call that will be sent, and asks on a terminal unless --yes. Destructive and data
tools need the approver's own signature: --signing-key FILE, or
DATA/keys/approver-NAME.jwk, which `up --demo` made.";

/// Look at what waits for a person, and decide
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Who you are, by the name in credentials.json; the first approver there unless given
    #[arg(long = "as", global = true, value_name = "NAME")]
    person: Option<String>,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List approvals, the newest first
    List {
        /// Decided ones too
        #[arg(long)]
        all: bool,
    },
    /// Show one: what will be sent, why it asks, who answered
    Show {
        /// The approval
        approval: String,
    },
    /// Say yes
    Approve(Decide),
    /// Say no: closes the plan
    Deny(Decide),
}

#[derive(Debug, clap::Args)]
struct Decide {
    /// The approval
    approval: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Do not ask again
    #[arg(long)]
    yes: bool,
    /// Your private signing key, where a signature is required
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
}

/// Lists, shows or decides.
pub(crate) async fn run(client: &Client, args: Args) -> Result<Report, Failure> {
    let who = match &args.person {
        Some(name) => Who::Person(name.clone()),
        None if client
            .credentials()
            .is_some_and(|keys| keys.approver_keys.iter().next().is_some()) =>
        {
            Who::FirstApprover
        }
        None => Who::Operator,
    };
    match args.what {
        What::List { all: true } => list(client, &who, "/v1/approvals").await,
        What::List { all: false } => list(client, &who, "/v1/approvals?state=pending").await,
        What::Show { approval } => {
            let view = read(client, &who, &approval).await?;
            let text = describe(&view);
            Ok(Report::new(view, text))
        }
        What::Approve(decide) => approve(client, &who, decide).await,
        What::Deny(decide) => {
            let view = read(client, &who, &decide.approval).await?;
            let body = json!({
                "decision": "deny",
                "plan_hash": view.get("plan_hash"),
                "reason": decide.reason,
            });
            let after = send(client, &who, &decide.approval, &body).await?;
            Ok(Report::new(after, format!("denied {}", decide.approval)))
        }
    }
}

async fn list(client: &Client, who: &Who, path: &str) -> Result<Report, Failure> {
    let answer = client.get(Role::Authority, who, path).await?;
    let approvals = answer
        .get("approvals")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let members = [
        "/approval_id",
        "/state",
        "/tool",
        "/resource",
        "/agent",
        "/expires_at",
    ];
    let rows: Vec<[String; 6]> = approvals
        .iter()
        .map(|item| members.map(|member| cell(item, member)))
        .collect();
    let text = if rows.is_empty() {
        "Nothing waits for a person.".to_owned()
    } else {
        table(
            ["approval", "state", "tool", "resource", "agent", "expires"],
            &rows,
        )
    };
    Ok(Report::new(answer, text))
}

async fn approve(client: &Client, who: &Who, decide: Decide) -> Result<Report, Failure> {
    let view = read(client, who, &decide.approval).await?;
    let hash = checked_hash(&view)?;
    if !decide.yes {
        line(&describe(&view));
        let question = format!(
            "Approve {} on {}?",
            cell(&view, "/tool"),
            cell(&view, "/resource")
        );
        if !confirm(&question) {
            return Err(Failure::could_not(
                "not approved: answer y on a terminal, or give --yes after reading the above",
            ));
        }
    }
    let required = view.get("signature_required").and_then(Value::as_bool) == Some(true);
    let key = required
        .then(|| signing_key(client, who, decide.signing_key))
        .transpose()?;
    let signature = key.map(|key| approval::sign(&key, &hash));
    let body = json!({"decision": "approve", "plan_hash": hash, "reason": decide.reason});
    let body = with(body, "signature", signature);
    let after = send(client, who, &decide.approval, &body).await?;
    let text = match cell(&after, "/state").as_str() {
        "approved" => format!("approved {}", decide.approval),
        _ => format!("said yes to {}; it still needs others", decide.approval),
    };
    Ok(Report::new(after, text))
}

async fn read(client: &Client, who: &Who, id: &str) -> Result<Value, Failure> {
    client
        .get(
            Role::Authority,
            who,
            &format!("/v1/approvals/{}", segment(id)),
        )
        .await
}

async fn send(client: &Client, who: &Who, id: &str, body: &Value) -> Result<Value, Failure> {
    let path = format!("/v1/approvals/{}/decision", segment(id));
    Ok(client.post(Role::Authority, who, &path, body).await?.1)
}

/// The plan's hash, recomputed from the bytes that it covers. What the approval shows must lie in them.
fn checked_hash(view: &Value) -> Result<Digest, Failure> {
    let tampered = |what: &str| {
        Failure::could_not(format!(
            "do not approve: {what}. Report this: the authority lies or is broken"
        ))
    };
    let bytes = view
        .get("plan_bytes")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let bytes = STANDARD
        .decode(bytes)
        .map_err(|_cause| tampered("the plan's bytes are unreadable"))?;
    let hash = Digest::of(&bytes);
    if cell(view, "/plan_hash") != hash.to_string() {
        return Err(tampered("the plan's hash is not that of its bytes"));
    }
    let plan: Value = serde_json::from_slice(&bytes)
        .map_err(|_cause| tampered("the plan's bytes are no plan"))?;
    let steps = plan.get("steps").and_then(Value::as_array);
    let step = steps
        .into_iter()
        .flatten()
        .find(|step| step.get("id") == view.get("step"));
    let Some(step) = step else {
        return Err(tampered("the step is not in the plan's bytes"));
    };
    for member in ["tool", "effect", "resource", "params", "bounds", "request"] {
        // An empty list of bounds may be left out.
        let none = |value: &Value| *value != json!({});
        let value = |item: &Value| item.get(member).cloned().filter(none).unwrap_or_default();
        if value(step) != value(view) {
            return Err(tampered("what is shown is not what the hash covers"));
        }
    }
    let shown = view
        .get("params")
        .map(canonical::to_vec)
        .unwrap_or_default();
    let covered = step.get("params_sha256").and_then(Value::as_str);
    if covered.is_some_and(|digest| digest != Digest::of(&shown).to_string()) {
        return Err(tampered("the parameters are not those that were hashed"));
    }
    Ok(hash)
}

/// The approver's private key.
fn signing_key(client: &Client, who: &Who, file: Option<PathBuf>) -> Result<SigningKey, Failure> {
    let by_name = || {
        let data = DataFolder::at(client.settings().data());
        let keys = client.credentials().map(|keys| &keys.approver_keys);
        let first = keys
            .and_then(|keys| keys.iter().next())
            .map(|(name, _)| name.to_owned());
        let name = match who {
            Who::Person(name) => Some(name.clone()),
            Who::FirstApprover => first,
            Who::Operator | Who::Agent(_) => None,
        };
        name.map(|name| data.key(&format!("approver-{name}.jwk")))
    };
    let path = file.or_else(by_name).ok_or_else(|| {
        Failure::could_not("this needs your signature: give your key with --signing-key FILE")
    })?;
    let text = read_private(&path)
        .map_err(|error| Failure::because("this needs your signature", error))?;
    SigningKey::from_jwk(text.trim())
        .map_err(|error| Failure::because(format!("`{}` is no signing key", path.display()), error))
}

/// What would be sent, and what may still move.
fn describe_call(view: &Value, text: &mut String) {
    for (name, member) in [("params", "/params"), ("may move", "/bounds")] {
        let value = view
            .pointer(member)
            .filter(|value| !value.is_null() && **value != json!({}));
        if let Some(value) = value {
            let _ = writeln!(
                text,
                "  {name:<11} {}",
                crate::output::shown(&value.to_string())
            );
        }
    }
    let request = view.get("request").filter(|request| !request.is_null());
    match request {
        Some(_) => {
            let _ = writeln!(
                text,
                "  will send   {} {}{}",
                cell(view, "/request/method"),
                cell(view, "/request/upstream"),
                cell(view, "/request/path"),
            );
        }
        None => text.push_str("  will send   not known yet: anything that `may move` allows\n"),
    }
    if let Some(body) = request
        .and_then(|request| request.get("body"))
        .filter(|body| !body.is_null())
    {
        let _ = writeln!(
            text,
            "              {}",
            crate::output::shown(&body.to_string())
        );
    }
}

/// The approval for a person who must decide.
fn describe(view: &Value) -> String {
    let mut text = format!(
        "{}  {}\n  {} on {}\n",
        cell(view, "/approval_id"),
        cell(view, "/state"),
        cell(view, "/tool"),
        cell(view, "/resource"),
    );
    let attribute = cell(view, "/change/attribute");
    if !attribute.is_empty() {
        let (before, after) = (cell(view, "/change/before"), cell(view, "/change/after"));
        let _ = writeln!(text, "  change      {attribute} {before} → {after}");
    }
    describe_call(view, &mut text);
    text.push_str(&reasons(view, "  why         "));
    for rule in view
        .get("rule")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        for need in rule
            .get("needs")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let _ = writeln!(
                text,
                "  needs       {} of {}",
                cell(need, "/count"),
                cell(need, "/role")
            );
        }
    }
    for given in view
        .get("given")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let _ = writeln!(
            text,
            "  said        {} {}",
            cell(given, "/by"),
            cell(given, "/decision")
        );
    }
    let rows = [
        ("agent", "/agent"),
        ("asked by", "/requested_by"),
        ("goal (not checked)", "/goal"),
        ("reason (not checked)", "/reason"),
        ("expires", "/expires_at"),
        ("plan hash", "/plan_hash"),
        ("you cannot decide", "/why_not"),
    ];
    for (name, member) in rows {
        let value = cell(view, member);
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<11} {value}");
        }
    }
    text
}

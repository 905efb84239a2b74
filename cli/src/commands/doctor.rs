//! `countersign doctor`: what is wrong with this installation.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use countersign_authority::policy::Bundle;
use countersign_service::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::client::{Client, Role, Who};
use crate::data::DataFolder;
use crate::failure::Failure;
use crate::output::{Report, Verdict, cell};
use crate::settings::Settings;
use crate::start::upstreams;

/// Tokens tolerate this difference of clocks.
const SKEW: SignedDuration = SignedDuration::from_secs(5);

const EXAMPLES: &str = "\
Checks every address, /readyz and notices of each role, the difference of clocks, that
nobody else can read the key files, and that the policies folder loads with all its
cases. Exit code 1 when something is wrong.";

/// Check addresses, readiness, clocks, key files and policies
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {}

/// One check.
struct Check {
    name: String,
    good: bool,
    message: String,
}

impl Check {
    fn new(name: impl Into<String>, result: Result<String, String>) -> Self {
        let good = result.is_ok();
        let (Ok(message) | Err(message)) = result;
        Self {
            name: name.into(),
            good,
            message,
        }
    }
}

/// Runs every check.
pub(crate) async fn run(client: &Client) -> Result<Report, Failure> {
    let mut checks = Vec::new();
    for role in Role::ALL {
        let Some(url) = client.url(role) else {
            continue;
        };
        checks.push(Check::new(role.name(), ready(client, role, &url).await));
        if role != Role::Console {
            checks.push(Check::new(
                format!("{} clock", role.name()),
                clock(client, role).await,
            ));
        }
    }
    let data = DataFolder::at(client.settings().data());
    checks.push(Check::new("key files", key_files(&data)));
    checks.push(Check::new(
        "policies",
        policies(&client.settings().policies()),
    ));
    if let Some(result) = upstreams(client.settings()) {
        checks.push(Check::new("upstreams", result));
    }
    let good = checks.iter().all(|check| check.good);
    let listed: Vec<Value> = checks
        .iter()
        .map(|check| json!({"check": check.name, "ok": check.good, "message": check.message}))
        .collect();
    let lines: Vec<String> = checks
        .iter()
        .map(|check| {
            let mark = if check.good { "ok  " } else { "BAD " };
            format!("{mark} {:<18} {}", check.name, check.message)
        })
        .collect();
    let document = json!({"ok": good, "checks": listed});
    Ok(Report::new(document, lines.join("\n")).verdict(Verdict::of(good)))
}

async fn ready(client: &Client, role: Role, url: &str) -> Result<String, String> {
    let http = countersign_service::client::external(Duration::from_secs(3))
        .map_err(|error| error.to_string())?;
    let answer = http
        .get(format!("{url}/readyz"))
        .send()
        .await
        .map_err(|_cause| format!("{url} does not answer: is it running?"))?;
    if !answer.status().is_success() {
        let checks: Value = answer.json().await.unwrap_or_default();
        return Err(format!(
            "{url} is not ready: {}",
            checks.get("checks").unwrap_or(&Value::Null)
        ));
    }
    let health = client
        .get(role, &Who::Operator, "/healthz")
        .await
        .unwrap_or_default();
    if cell(&health, "/status") == "degraded" {
        let notices = health
            .get("notices")
            .map(Value::to_string)
            .unwrap_or_default();
        return Err(format!("{url} is degraded: {notices}"));
    }
    Ok(format!("{url} is ready ({})", cell(&health, "/isolation")))
}

async fn clock(client: &Client, role: Role) -> Result<String, String> {
    let meta = client
        .get(role, &Who::Operator, "/v1/meta")
        .await
        .map_err(|error| error.to_string())?;
    let theirs: Timestamp = cell(&meta, "/time")
        .parse()
        .map_err(|_cause| "it does not say its time".to_owned())?;
    let difference = theirs.duration_since(Clock::system().now()).abs();
    let text = format!("{} ms apart", difference.as_millis());
    if difference > SKEW {
        Err(text)
    } else {
        Ok(text)
    }
}

/// Private files must be readable by their owner alone.
fn key_files(data: &DataFolder) -> Result<String, String> {
    let mut checked = 0_usize;
    let keys = data.path().join("keys");
    let listed = std::fs::read_dir(&keys)
        .into_iter()
        .flatten()
        .flatten()
        .map(|file| file.path());
    for path in listed
        .chain([data.credentials()])
        .filter(|path| path.is_file())
    {
        let public = path.extension().is_some_and(|ending| ending == "jwks");
        let mode = std::fs::metadata(&path).map(|meta| meta.permissions().mode() & 0o777);
        match mode {
            Ok(mode) if public || !open_to_others(mode) => checked = checked.saturating_add(1),
            Ok(mode) => {
                return Err(format!(
                    "{} has mode {mode:04o}: run chmod 600 on it",
                    path.display()
                ));
            }
            Err(error) => return Err(format!("{}: {error}", path.display())),
        }
    }
    match checked {
        0 => Ok(format!("none in {}", data.path().display())),
        _ => Ok(format!("{checked} private")),
    }
}

fn open_to_others(mode: u32) -> bool {
    mode & 0o077 > 0
}

/// The upstreams of the settings, without their secrets; `None` where none is configured here.
fn upstreams(settings: &Settings) -> Option<Result<String, String>> {
    let read = match upstreams::read(settings) {
        Ok(read) => read,
        Err(failure) => return Some(Err(failure.to_string())),
    };
    let shown = |upstream: &countersign_enforcer::Upstream| {
        let credential = match &upstream.credential {
            Some(_) => "with a credential",
            None => "without a credential",
        };
        format!("{} at {} {credential}", upstream.name, upstream.base_url)
    };
    let named: Vec<String> = read.iter().map(shown).collect();
    (!named.is_empty()).then(|| Ok(named.join(", ")))
}

fn policies(dir: &Path) -> Result<String, String> {
    let bundle = Bundle::load(dir).map_err(|error| error.to_string())?;
    let cases = bundle.run_cases().map_err(|error| error.to_string())?;
    match cases.failed.first() {
        None => Ok(format!(
            "bundle {} with {} cases",
            bundle.hash(),
            cases.passed
        )),
        Some(first) => {
            let (count, name) = (cases.failed.len(), &first.name);
            Err(format!(
                "{count} cases fail, first {} · {name}: {}",
                first.file, first.message
            ))
        }
    }
}

//! `countersign policy`: checks, tests and explains policies without a server.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use countersign_authority::policy::{
    Bundle, CaseReport, LoadPolicyError, PlanFacts, RecentFacts, StepInput,
};
use countersign_intent::id::{AgentId, ToolName};
use countersign_intent::render::render;
use countersign_intent::tool::Effect;
use countersign_service::clock::Clock;
use serde_json::json;

use super::plan::object;
use crate::failure::Failure;
use crate::output::{Report, Verdict};
use crate::settings::Settings;

const EXAMPLES: &str = "\
Examples:
  countersign policy check policies             parse, schema, ids; reports failing cases
  countersign policy test policies              the decision tables; exit 1 when one fails
  countersign policy explain policies --agent remediator --tool infra.scale \\
      --params '{\"service_id\":\"payments\",\"replicas\":30}'
  countersign policy schema policies --write    writes policies/schema.cedarschema

A rule that people can lift is a forbid with @require_approval(\"role:n\"); a plain
forbid is never lifted.";

/// Check, test and explain policies; needs no server
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Parse and validate the folder
    Check {
        /// The policies folder [default: that of the settings]
        dir: Option<PathBuf>,
    },
    /// Run the decision tables of cases/
    Test {
        /// The policies folder [default: that of the settings]
        dir: Option<PathBuf>,
    },
    /// Print the Cedar schema that the catalogue and the inventory give
    Schema {
        /// The policies folder [default: that of the settings]
        dir: Option<PathBuf>,
        /// Write it to schema.cedarschema in the folder
        #[arg(long, conflicts_with = "check")]
        write: bool,
        /// Only say whether schema.cedarschema in the folder is up to date
        #[arg(long)]
        check: bool,
    },
    /// Say what one call would be answered, and why
    Explain(Explain),
}

#[derive(Debug, clap::Args)]
struct Explain {
    /// The policies folder [default: that of the settings]
    dir: Option<PathBuf>,
    /// Who would call
    #[arg(long, value_name = "NAME")]
    agent: String,
    /// Which tool
    #[arg(long, value_name = "NAME")]
    tool: String,
    /// With which parameters
    #[arg(long, value_name = "JSON", default_value = "{}")]
    params: String,
    /// As planned after reading untrusted text
    #[arg(long)]
    tainted: bool,
}

/// Checks, tests, explains or prints the schema.
pub(crate) fn run(settings: &Settings, args: Args) -> Result<Report, Failure> {
    let folder = |dir: Option<PathBuf>| dir.unwrap_or_else(|| settings.policies());
    match args.what {
        What::Check { dir } => check(&folder(dir)),
        What::Test { dir } => test(&folder(dir)),
        What::Schema { dir, write, check } => {
            let action = match (write, check) {
                (true, _) => Schema::Write,
                (false, true) => Schema::Compare,
                (false, false) => Schema::Print,
            };
            schema(&folder(dir), action)
        }
        What::Explain(explain) => {
            let dir = folder(explain.dir.clone());
            explanation(&dir, &explain)
        }
    }
}

/// The bundle of the folder, or the report that says what is wrong with it.
fn load(dir: &Path) -> Result<Result<Bundle, Report>, Failure> {
    if !dir.is_dir() {
        return Err(Failure::could_not(format!(
            "`{}` is no folder",
            dir.display()
        )));
    }
    Ok(Bundle::load(dir).map_err(|error| refused(&error)))
}

fn refused(error: &LoadPolicyError) -> Report {
    let document = json!({"ok": false, "error": error});
    Report::new(document, error.to_string()).verdict(Verdict::No)
}

fn check(dir: &Path) -> Result<Report, Failure> {
    let bundle = match load(dir)? {
        Ok(bundle) => bundle,
        Err(report) => return Ok(report),
    };
    let cases = match bundle.run_cases() {
        Ok(cases) => cases,
        Err(error) => return Ok(refused(&error)),
    };
    let policies: usize = bundle.files().iter().map(|file| file.policies.len()).sum();
    let mut text = format!(
        "bundle {}\n{} tools, {} policies in {} files: every policy fits the schema\n{}",
        bundle.hash(),
        bundle.catalogue().len(),
        policies,
        bundle.files().len(),
        said(&cases)
    );
    for warning in bundle.warnings() {
        let _ = write!(text, "\nwarning: {warning}");
    }
    let document = json!({
        "ok": true,
        "bundle": bundle.hash(),
        "tools": bundle.catalogue().len(),
        "policies": policies,
        "cases": cases,
        "warnings": bundle.warnings(),
    });
    Ok(Report::new(document, text))
}

fn test(dir: &Path) -> Result<Report, Failure> {
    let bundle = match load(dir)? {
        Ok(bundle) => bundle,
        Err(report) => return Ok(report),
    };
    let cases = match bundle.run_cases() {
        Ok(cases) => cases,
        Err(error) => return Ok(refused(&error)),
    };
    let good = cases.failed.is_empty() && cases.passed > 0;
    let text = said(&cases);
    let document = json!({"ok": good, "bundle": bundle.hash(), "cases": cases});
    Ok(Report::new(document, text).verdict(Verdict::of(good)))
}

fn said(cases: &CaseReport) -> String {
    let mut text = format!(
        "cases: {} passed, {} failed",
        cases.passed,
        cases.failed.len()
    );
    if !cases.failed.is_empty() {
        text.push_str("; an authority does not load this bundle until every case passes");
    }
    for failure in &cases.failed {
        let _ = write!(
            text,
            "\n  {} · {}: {}",
            failure.file, failure.name, failure.message
        );
    }
    text
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Schema {
    Print,
    Write,
    Compare,
}

fn schema(dir: &Path, action: Schema) -> Result<Report, Failure> {
    let bundle = match load(dir)? {
        Ok(bundle) => bundle,
        Err(report) => return Ok(report),
    };
    let path = dir.join("schema.cedarschema");
    let text = format!("{}\n", bundle.schema_text().trim_end());
    match action {
        Schema::Print => Ok(Report::new(json!({"schema": text}), text)),
        Schema::Write => {
            std::fs::write(&path, text).map_err(|error| {
                Failure::because(format!("cannot write `{}`", path.display()), error)
            })?;
            let said = format!("wrote {}", path.display());
            Ok(Report::new(json!({"written": path}), said))
        }
        Schema::Compare => {
            let same = std::fs::read_to_string(&path).is_ok_and(|committed| committed == text);
            let said = if same {
                "up to date"
            } else {
                "stale: run `policy schema --write`"
            };
            Ok(Report::new(json!({"up_to_date": same}), said).verdict(Verdict::of(same)))
        }
    }
}

fn explanation(dir: &Path, explain: &Explain) -> Result<Report, Failure> {
    let bundle = match load(dir)? {
        Ok(bundle) => bundle,
        Err(report) => return Ok(report),
    };
    let usage =
        |flag: &str, error: &dyn std::fmt::Display| Failure::Usage(format!("{flag}: {error}"));
    let agent: AgentId = explain
        .agent
        .parse()
        .map_err(|error| usage("--agent", &error))?;
    let tool: ToolName = explain
        .tool
        .parse()
        .map_err(|error| usage("--tool", &error))?;
    let agent = bundle
        .directory()
        .agent(&agent)
        .ok_or_else(|| usage("--agent", &format!("`{agent}` is not in agents.toml")))?;
    let Some(tool) = bundle.catalogue().get(&tool) else {
        let message = format!("`{tool}` is not in the catalogue");
        return Ok(denied("tool_unknown", &message));
    };
    let params = match tool.params(object(&explain.params)?) {
        Ok(params) => params,
        Err(error) => return Ok(denied("params_invalid", &error.to_string())),
    };
    let mutating = i64::from(tool.effect != Effect::Read);
    let destructive = i64::from(matches!(tool.effect, Effect::Destructive | Effect::Data));
    let decision = bundle.decide(&StepInput {
        agent,
        tool,
        params: &params,
        plan: PlanFacts {
            steps: 1,
            mutating,
            destructive,
            resources: 1,
        },
        recent: RecentFacts::default(),
        tainted: explain.tainted,
        now: Clock::system().now(),
    });
    let request = render(tool, &params).ok();
    let mut text = decision.verdict.to_string();
    for reason in &decision.reasons {
        let _ = write!(text, "\n  {}: {}", reason.code, reason.message);
    }
    if !decision.policies.is_empty() {
        let _ = write!(text, "\n  policies: {}", decision.policies.join(", "));
    }
    let allowed = decision.verdict != countersign_authority::policy::Verdict::Deny;
    let document = json!({
        "verdict": decision.verdict,
        "reasons": decision.reasons,
        "policies": decision.policies,
        "change": decision.change,
        "request": request,
        "bundle": bundle.hash(),
    });
    Ok(Report::new(document, text).verdict(Verdict::of(allowed)))
}

fn denied(code: &str, message: &str) -> Report {
    let document = json!({
        "verdict": "deny",
        "reasons": [{"code": code, "message": message}],
        "policies": [],
    });
    Report::new(document, format!("deny\n  {code}: {message}")).verdict(Verdict::No)
}

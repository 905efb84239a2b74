//! Decision tables: `cases/*.toml` say what a call must be answered, and by which policies.

use std::collections::BTreeSet;

use countersign_intent::id::{AgentId, OperatorId, ToolName};
use countersign_service::directory::{Directory, Sources};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::bundle::Bundle;
use super::error::LoadPolicyError;
use super::folder::Folder;
use super::inventory::Freeze;
use super::{ApprovalInput, PlanFacts, RecentFacts, StepInput, Verdict};

/// Agents that every table may name: one for each level of autonomy.
const BY_AUTONOMY: &str = r#"
agent = [
  { name = "observe", autonomy = "observe" },
  { name = "recommend", autonomy = "recommend" },
  { name = "automate-safe", autonomy = "automate-safe" },
  { name = "automate-destructive", autonomy = "automate-destructive" },
]
"#;

/// What running the tables gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CaseReport {
    /// How many cases passed.
    pub passed: usize,
    /// The cases that did not.
    pub failed: Vec<CaseFailure>,
}

/// A case whose answer was another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CaseFailure {
    /// The table.
    pub file: String,
    /// The case.
    pub name: String,
    /// What was expected and what came.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    case: Vec<Case>,
    #[serde(default)]
    approval: Vec<ApprovalCase>,
}

/// One call and its expected decision.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// An agent of `agents.toml`, or a level of autonomy.
    agent: AgentId,
    tool: ToolName,
    #[serde(default)]
    params: Map<String, Value>,
    #[serde(default)]
    tainted: bool,
    /// Whether a change freeze is on; the inventory's own setting when absent.
    freeze: Option<bool>,
    #[serde(default)]
    plan: Plan,
    #[serde(default)]
    recent: Recent,
    expect: Verdict,
    /// The ids of the deciding policies, in any order; not compared when absent.
    policies: Option<BTreeSet<String>>,
    /// The code of one of the reasons; not compared when absent.
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Plan {
    steps: i64,
    mutating: i64,
    destructive: i64,
    resources: i64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            steps: 1,
            mutating: 1,
            destructive: 0,
            resources: 1,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Recent {
    same_tool_same_resource: i64,
    cooldown_active: bool,
    failures: i64,
}

/// One person and whether they may approve one call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApprovalCase {
    name: String,
    operator: OperatorId,
    agent: AgentId,
    requested_by: Option<OperatorId>,
    tool: ToolName,
    #[serde(default)]
    params: Map<String, Value>,
    expect: Verdict,
}

/// Runs every table of `folder` against `bundle`.
pub(crate) fn run(bundle: &Bundle, folder: &Folder) -> Result<CaseReport, LoadPolicyError> {
    let sources = Sources {
        agents: BY_AUTONOMY,
        operators: "",
        agents_overlay: None,
        operators_overlay: None,
    };
    let levels =
        Directory::parse(sources).map_err(|error| LoadPolicyError::folder(error.to_string()))?;
    let runner = Runner { bundle, levels };
    let mut report = CaseReport::default();
    for (path, text) in folder.within("cases") {
        let file: File = toml::from_str(text).map_err(|error| {
            let offset = error.span().map(|span| span.start);
            LoadPolicyError::file(path, error.message()).at(text, offset)
        })?;
        let calls = file.case.iter().map(|case| (&case.name, runner.call(case)));
        let approvals = file
            .approval
            .iter()
            .map(|case| (&case.name, runner.approval(case)));
        for (name, outcome) in calls.chain(approvals) {
            match outcome {
                Ok(()) => report.passed += 1,
                Err(message) => report.failed.push(CaseFailure {
                    file: path.to_owned(),
                    name: name.clone(),
                    message,
                }),
            }
        }
    }
    Ok(report)
}

struct Runner<'a> {
    bundle: &'a Bundle,
    levels: Directory,
}

impl Runner<'_> {
    fn call(&self, case: &Case) -> Result<(), String> {
        let directory = self.bundle.directory();
        let agent = directory
            .agent(&case.agent)
            .or_else(|| self.levels.agent(&case.agent))
            .ok_or_else(|| format!("agent `{}` is not in agents.toml", case.agent))?;
        let tool = self.tool(&case.tool)?;
        let params = tool
            .params(case.params.clone())
            .map_err(|error| error.to_string())?;
        let freeze = case
            .freeze
            .map_or(self.bundle.inventory.freeze, Freeze::from);
        let decision = self.bundle.decide_under(
            freeze,
            &StepInput {
                agent,
                tool,
                params: &params,
                plan: PlanFacts {
                    steps: case.plan.steps,
                    mutating: case.plan.mutating,
                    destructive: case.plan.destructive,
                    resources: case.plan.resources,
                },
                recent: RecentFacts {
                    same_tool_same_resource: case.recent.same_tool_same_resource,
                    cooldown_active: case.recent.cooldown_active,
                    failures: case.recent.failures,
                },
                tainted: case.tainted,
                now: Timestamp::UNIX_EPOCH,
            },
        );
        let found: BTreeSet<String> = decision.policies.iter().cloned().collect();
        if decision.verdict != case.expect {
            let (expected, got) = (case.expect, decision.verdict);
            return Err(format!("expected {expected}, got {got} by {found:?}"));
        }
        if case
            .policies
            .as_ref()
            .is_some_and(|expected| *expected != found)
        {
            return Err(format!(
                "expected the policies {:?}, got {found:?}",
                case.policies.as_ref()
            ));
        }
        let codes: BTreeSet<&str> = decision
            .reasons
            .iter()
            .map(|reason| reason.code.as_str())
            .collect();
        if case
            .reason
            .as_deref()
            .is_some_and(|expected| !codes.contains(expected))
        {
            return Err(format!(
                "expected the reason {:?}, got {codes:?}",
                case.reason.as_deref()
            ));
        }
        Ok(())
    }

    fn approval(&self, case: &ApprovalCase) -> Result<(), String> {
        let operator = self
            .bundle
            .directory()
            .operator(&case.operator)
            .ok_or_else(|| format!("operator `{}` is not in operators.toml", case.operator))?;
        let tool = self.tool(&case.tool)?;
        let definition = tool.definition();
        let resource = definition.resource.id_in(&case.params).map(|id| {
            format!(
                "{}::{}",
                definition.resource.type_,
                super::schema::quoted(&id)
            )
        });
        let permission = self.bundle.may_approve(&ApprovalInput {
            operator,
            agent: &case.agent,
            requested_by: case.requested_by.as_ref(),
            tool: &tool.name,
            effect: tool.effect,
            resource: resource.as_deref(),
        });
        let verdict = if permission.allowed {
            Verdict::Allow
        } else {
            Verdict::Deny
        };
        if verdict == case.expect {
            return Ok(());
        }
        Err(format!(
            "expected {}, got {verdict} by {:?}",
            case.expect, permission.policies
        ))
    }

    fn tool(&self, name: &ToolName) -> Result<&countersign_intent::tool::Tool, String> {
        let catalogue = self.bundle.catalogue();
        catalogue
            .get(name)
            .ok_or_else(|| format!("tool `{name}` is not in the catalogue"))
    }
}

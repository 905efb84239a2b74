//! Decision tables: `cases/*.toml` say what a call must be answered, and by which policies.

use std::collections::{BTreeMap, BTreeSet};

use countersign_intent::id::{AgentId, OperatorId, ToolName};
use countersign_service::directory::{Directory, Sources};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::bundle::Bundle;
use super::decide::Given;
use super::error::LoadPolicyError;
use super::folder::Folder;
use super::inventory::{Attribute, Attributes, Freeze};
use super::{ApprovalInput, Decision, PlanFacts, RecentFacts, StepInput, Verdict};

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
    /// When; the beginning of 1970, a Thursday, when absent.
    #[serde(default)]
    at: Timestamp,
    /// The attributes of the resource; those of the inventory when absent.
    resource: Option<BTreeMap<String, toml::Value>>,
    #[serde(default)]
    plan: Plan,
    #[serde(default)]
    recent: Recent,
    expect: Verdict,
    /// The ids of the deciding policies, in any order; not compared when absent.
    policies: Option<BTreeSet<String>>,
    /// The code of one of the reasons; not compared when absent. A call that does not reach policy
    /// passes only where it is expected by its code: `tool_unknown`, `params_invalid`.
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
    /// The ids of the deciding policies, in any order; not compared when absent.
    policies: Option<BTreeSet<String>>,
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

impl Case {
    /// A call that policy never sees.
    fn refused(&self, code: &str, message: &str) -> Result<(), String> {
        if self.expect == Verdict::Deny && self.reason.as_deref() == Some(code) {
            return Ok(());
        }
        Err(format!("{code}: {message}"))
    }

    fn attributes(&self) -> Result<Option<Attributes>, String> {
        let Some(given) = &self.resource else {
            return Ok(None);
        };
        let mut attributes = Attributes::new();
        for (name, value) in given {
            let attribute = Attribute::try_from(value.clone())
                .map_err(|wrong| format!("`{name}` of the resource {wrong}"))?;
            attributes.insert(name.clone(), attribute);
        }
        Ok(Some(attributes))
    }

    fn compare(&self, decision: &Decision) -> Result<(), String> {
        compare_verdict(self.expect, decision.verdict, &decision.policies)?;
        compare_policies(self.policies.as_ref(), &decision.policies)?;
        let codes: BTreeSet<&str> = decision
            .reasons
            .iter()
            .map(|reason| reason.code.as_str())
            .collect();
        match self.reason.as_deref() {
            Some(expected) if !codes.contains(expected) => {
                Err(format!("expected the reason {expected}, got {codes:?}"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn compare_verdict(expected: Verdict, got: Verdict, by: &[String]) -> Result<(), String> {
    if expected == got {
        return Ok(());
    }
    Err(format!("expected {expected}, got {got} by {by:?}"))
}

fn compare_policies(expected: Option<&BTreeSet<String>>, got: &[String]) -> Result<(), String> {
    let got: BTreeSet<String> = got.iter().cloned().collect();
    match expected {
        Some(expected) if *expected != got => {
            Err(format!("expected the policies {expected:?}, got {got:?}"))
        }
        Some(_) | None => Ok(()),
    }
}

impl Plan {
    fn facts(&self) -> PlanFacts {
        PlanFacts {
            steps: self.steps,
            mutating: self.mutating,
            destructive: self.destructive,
            resources: self.resources,
        }
    }
}

impl Recent {
    fn facts(&self) -> RecentFacts {
        RecentFacts {
            same_tool_same_resource: self.same_tool_same_resource,
            cooldown_active: self.cooldown_active,
            failures: self.failures,
        }
    }
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
        let tool = match self.tool(&case.tool) {
            Ok(tool) => tool,
            Err(message) => return case.refused("tool_unknown", &message),
        };
        let params = match tool.params(case.params.clone()) {
            Ok(params) => params,
            Err(error) => return case.refused("params_invalid", &error.to_string()),
        };
        let attributes = case.attributes()?;
        let given = Given {
            freeze: case
                .freeze
                .map_or(self.bundle.inventory.freeze, Freeze::from),
            attributes: attributes.as_ref(),
        };
        let input = StepInput {
            agent,
            tool,
            params: &params,
            plan: case.plan.facts(),
            recent: case.recent.facts(),
            tainted: case.tainted,
            now: case.at,
        };
        case.compare(&self.bundle.decide_given(given, &input))
    }

    fn approval(&self, case: &ApprovalCase) -> Result<(), String> {
        let operator = self
            .bundle
            .directory()
            .operator(&case.operator)
            .ok_or_else(|| format!("operator `{}` is not in operators.toml", case.operator))?;
        let tool = self.tool(&case.tool)?;
        let definition = tool.definition();
        let resource = definition
            .resource
            .id_in(&case.params)
            .map(|id| format!("{}::{}", definition.resource.type_, Value::String(id)));
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
        compare_verdict(case.expect, verdict, &permission.policies)?;
        compare_policies(case.policies.as_ref(), &permission.policies)
    }

    fn tool(&self, name: &ToolName) -> Result<&countersign_intent::tool::Tool, String> {
        let catalogue = self.bundle.catalogue();
        catalogue
            .get(name)
            .ok_or_else(|| format!("tool `{name}` is not in the catalogue"))
    }
}

//! Judging: a proposed plan against one bundle. Pure, so that a decision can be tested and repeated.

mod limits;

use std::collections::{BTreeMap, BTreeSet};

use countersign_intent::digest::Digest;
use countersign_intent::id::{StepId, ToolName};
use countersign_intent::plan::{PlanRequest, StepRequest};
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::render::render;
use countersign_intent::tool::{Effect, Params, Tool};
use countersign_service::directory::Agent;
use countersign_service::problem::Reason;
use jiff::Timestamp;
use serde_json::Value;

pub use limits::PlanLimits;

use crate::plan::Step;
use crate::policy::{Bundle, Decision, PlanFacts, RecentFacts, StepInput, Verdict};
use crate::quorum::Rule;
use crate::state::StepState;
use crate::witness::{self, WitnessError};

/// The most calls that are judged for one plan: each step once, and once more per value of its bounds.
const MAX_JUDGED: usize = 128;

/// Why a step cannot be put before policy at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PrepareError {
    /// No such tool, or a call that its tool does not take.
    #[error("step `{step}`: {}", refusal.message)]
    Refused {
        /// The step.
        step: StepId,
        /// What is wrong.
        refusal: Refusal,
    },
    /// It states a precondition that its tool does not have, or states none where it has one.
    #[error("step `{step}`: {message}")]
    Precondition {
        /// The step.
        step: StepId,
        /// What is expected.
        message: String,
    },
    /// Its bounds leave policy nothing to judge.
    #[error("step `{step}`: {source}")]
    Bounds {
        /// The step.
        step: StepId,
        /// Why.
        source: WitnessError,
    },
}

/// A step whose tool is known and whose parameters fit it.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    request: &'a StepRequest,
    tool: &'a Tool,
    /// What is judged: the exact parameters, or what stands for bounded ones.
    candidates: Vec<Candidate>,
}

/// One set of parameters to be judged, and what happened lately on its resource.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) params: Params,
    pub(crate) resource: Option<String>,
    pub(crate) recent: RecentFacts,
}

impl Prepared<'_> {
    /// The tool.
    pub(crate) fn tool(&self) -> &Tool {
        self.tool
    }

    /// What is judged, to be told what happened lately.
    pub(crate) fn candidates_mut(&mut self) -> &mut [Candidate] {
        &mut self.candidates
    }
}

/// What policy said of one step, over everything that stands for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) policies: Vec<String>,
    /// What people must meet; empty unless the verdict is `needs_approval`.
    pub(crate) rules: Vec<Rule>,
    /// The counted change, for people.
    pub(crate) change: Option<Value>,
}

/// A judged plan: its steps, and for those that people must approve what is asked of them.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) steps: Vec<Step>,
    pub(crate) asks: BTreeMap<StepId, Judgement>,
}

/// The resource as policy names it.
pub(crate) fn resource_name(tool: &Tool, params: &Params) -> Option<String> {
    let resource = &tool.definition().resource;
    let id = resource.id_in(params.members())?;
    Some(format!("{}::{}", resource.type_, Value::String(id)))
}

/// Finds each step's tool and checks its parameters.
pub(crate) fn prepare<'a>(
    bundle: &'a Bundle,
    request: &'a PlanRequest,
) -> Result<Vec<Prepared<'a>>, PrepareError> {
    let mut prepared = Vec::with_capacity(request.steps.len());
    let mut judged = 0_usize;
    for step in &request.steps {
        let next = prepare_step(bundle, step)?;
        judged = judged.saturating_add(next.candidates.len());
        if judged > MAX_JUDGED {
            let (step, source) = (step.id.clone(), WitnessError::TooMany);
            return Err(PrepareError::Bounds { step, source });
        }
        prepared.push(next);
    }
    Ok(prepared)
}

fn prepare_step<'a>(
    bundle: &'a Bundle,
    request: &'a StepRequest,
) -> Result<Prepared<'a>, PrepareError> {
    let refused = |refusal| PrepareError::Refused {
        step: request.id.clone(),
        refusal,
    };
    let tool = find_tool(bundle, &request.tool).map_err(refused)?;
    check_precondition(tool, request)?;
    let candidates = if request.bounds.is_empty() {
        vec![fitting(tool, request.params.clone()).map_err(refused)?]
    } else {
        witness::candidates(tool, &request.params, &request.bounds).map_err(|source| {
            PrepareError::Bounds {
                step: request.id.clone(),
                source,
            }
        })?
    };
    for params in &candidates {
        render(tool, params).map_err(|error| {
            refused(Refusal::new(RefusalCode::RenderRefused, error.to_string()))
        })?;
    }
    let candidates = candidates
        .into_iter()
        .map(|params| {
            let resource = resource_name(tool, &params);
            Candidate {
                params,
                resource,
                recent: RecentFacts::default(),
            }
        })
        .collect();
    Ok(Prepared {
        request,
        tool,
        candidates,
    })
}

/// What was seen is stated exactly where the tool has a place to look.
fn check_precondition(tool: &Tool, request: &StepRequest) -> Result<(), PrepareError> {
    let message = match (&tool.definition().precondition, &request.precondition) {
        (Some(_), Some(_)) | (None, None) => return Ok(()),
        (Some(place), None) => format!(
            "`{}` has a precondition: state in `precondition` what `{}` showed at `{}`",
            tool.name, place.tool, place.value
        ),
        (None, Some(_)) => format!(
            "`{}` has no precondition: leave `precondition` out",
            tool.name
        ),
    };
    Err(PrepareError::Precondition {
        step: request.id.clone(),
        message,
    })
}

/// The tool `name`, or `tool_unknown`.
pub(crate) fn find_tool<'a>(bundle: &'a Bundle, name: &ToolName) -> Result<&'a Tool, Refusal> {
    let unknown = || {
        Refusal::new(
            RefusalCode::ToolUnknown,
            format!("`{name}` is not in the catalogue"),
        )
    };
    bundle.catalogue().get(name).ok_or_else(unknown)
}

/// `params` checked against the tool's schema, or `params_invalid`.
pub(crate) fn fitting(
    tool: &Tool,
    params: serde_json::Map<String, Value>,
) -> Result<Params, Refusal> {
    tool.params(params)
        .map_err(|error| Refusal::new(RefusalCode::ParamsInvalid, error.to_string()))
}

/// Who proposed a plan, and when, and after what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proposal<'a> {
    pub(crate) agent: &'a Agent,
    /// Whether it was made after reading text of unknown authors.
    pub(crate) tainted: bool,
    pub(crate) limits: PlanLimits,
    pub(crate) now: Timestamp,
}

/// Judges every step within its whole plan.
pub(crate) fn judge(bundle: &Bundle, proposal: Proposal<'_>, prepared: &[Prepared<'_>]) -> Judged {
    let Proposal {
        agent,
        tainted,
        limits,
        now,
    } = proposal;
    let facts = facts(prepared.iter().map(|step| {
        (
            step.tool.effect,
            step.candidates.iter().find_map(|one| one.resource.clone()),
        )
    }));
    let mut judged = Judged {
        verdict: Verdict::Allow,
        steps: Vec::new(),
        asks: BTreeMap::new(),
    };
    for step in prepared {
        let said = step.candidates.iter().map(|candidate| {
            decide(
                bundle,
                Question {
                    agent,
                    tool: step.tool,
                    candidate,
                    plan: facts,
                    tainted,
                    now,
                },
            )
        });
        let mut judgement = merge(said);
        limits.apply(facts, step.tool.effect, &mut judgement);
        judged.verdict = worst(judged.verdict, judgement.verdict);
        judged.steps.push(to_step(step, &judgement));
        if judgement.verdict == Verdict::NeedsApproval {
            judged.asks.insert(step.request.id.clone(), judgement);
        }
    }
    close_denied(&mut judged);
    judged
}

/// A denied plan gets no token for any step and asks nobody.
fn close_denied(judged: &mut Judged) {
    if judged.verdict != Verdict::Deny {
        return;
    }
    judged.asks.clear();
    for step in &mut judged.steps {
        step.state = match step.verdict {
            Verdict::Deny => StepState::Denied,
            Verdict::Allow | Verdict::NeedsApproval => StepState::Cancelled,
        };
    }
}

/// The counts of a plan, as policy sees them.
pub(crate) fn facts(steps: impl Iterator<Item = (Effect, Option<String>)>) -> PlanFacts {
    let mut facts = PlanFacts::default();
    let mut resources = BTreeSet::new();
    for (effect, resource) in steps {
        facts.steps += 1;
        match effect {
            Effect::Read => {}
            Effect::Service => facts.mutating += 1,
            Effect::Destructive | Effect::Data => {
                facts.mutating += 1;
                facts.destructive += 1;
            }
        }
        resources.extend(resource);
    }
    facts.resources = i64::try_from(resources.len()).unwrap_or(i64::MAX);
    facts
}

/// One call to be decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) agent: &'a Agent,
    pub(crate) tool: &'a Tool,
    pub(crate) candidate: &'a Candidate,
    pub(crate) plan: PlanFacts,
    pub(crate) tainted: bool,
    pub(crate) now: Timestamp,
}

/// What the bundle says of one call.
pub(crate) fn decide(bundle: &Bundle, question: Question<'_>) -> Judgement {
    let Question {
        agent,
        tool,
        candidate,
        plan,
        tainted,
        now,
    } = question;
    let input = StepInput {
        agent,
        tool,
        params: &candidate.params,
        plan,
        recent: candidate.recent,
        tainted,
        now,
    };
    let Decision {
        verdict,
        reasons,
        policies,
        requirements,
        change,
    } = bundle.decide(&input);
    Judgement {
        verdict,
        reasons,
        policies,
        rules: requirements,
        change,
    }
}

/// The judgement over everything that stands for one step: the worst verdict with its reasons, and
/// every rule that any of them asks for.
fn merge(said: impl Iterator<Item = Judgement>) -> Judgement {
    let mut merged: Option<Judgement> = None;
    for next in said {
        merged = Some(match merged {
            None => next,
            Some(before) => merge_two(before, next),
        });
    }
    merged.unwrap_or_else(|| Judgement {
        verdict: Verdict::Deny,
        reasons: vec![reason("nothing_judged", "there is nothing to judge")],
        policies: Vec::new(),
        rules: Vec::new(),
        change: None,
    })
}

fn merge_two(before: Judgement, next: Judgement) -> Judgement {
    let (mut worse, better) = if worst(before.verdict, next.verdict) == before.verdict {
        (before, next)
    } else {
        (next, before)
    };
    if worse.verdict == better.verdict {
        extend(&mut worse.reasons, better.reasons);
        extend(&mut worse.policies, better.policies);
        worse.change = worse.change.or(better.change);
    }
    extend(&mut worse.rules, better.rules);
    worse
}

fn extend<T: PartialEq>(list: &mut Vec<T>, more: Vec<T>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}

/// The worse of two verdicts.
pub(crate) fn worst(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (Verdict::Deny, _) | (_, Verdict::Deny) => Verdict::Deny,
        (Verdict::NeedsApproval, _) | (_, Verdict::NeedsApproval) => Verdict::NeedsApproval,
        (Verdict::Allow, Verdict::Allow) => Verdict::Allow,
    }
}

/// A reason that no policy gave.
pub(crate) fn reason(code: &str, message: impl Into<String>) -> Reason {
    Reason {
        code: code.to_owned(),
        message: message.into(),
        policy: None,
    }
}

/// The resource as policy names it; none while a bound may still move it, and then nobody can approve.
fn settled_resource(tool: &Tool, request: &StepRequest) -> Option<String> {
    let resource = &tool.definition().resource;
    let moves = |param: &String| request.bounds.contains_key(param);
    if resource.params().iter().any(moves) {
        return None;
    }
    let id = resource.id_in(&request.params)?;
    Some(format!("{}::{}", resource.type_, Value::String(id)))
}

fn to_step(prepared: &Prepared<'_>, judgement: &Judgement) -> Step {
    let (request, tool) = (prepared.request, prepared.tool);
    // Known only when nothing is bounded: a value that may still move is not shown as what will be sent.
    let exact = if request.bounds.is_empty() {
        tool.params(request.params.clone()).ok()
    } else {
        None
    };
    let call = exact.as_ref().and_then(|params| render(tool, params).ok());
    Step {
        id: request.id.clone(),
        tool: tool.name.clone(),
        effect: tool.effect,
        resource: settled_resource(tool, request),
        params: request.params.clone(),
        bounds: request.bounds.clone(),
        precondition: request.precondition.clone(),
        after: request.after.clone(),
        reason: request.reason.clone(),
        verdict: judgement.verdict,
        reasons: judgement.reasons.clone(),
        policies: judgement.policies.clone(),
        definition_sha256: tool.definition_sha256(),
        params_sha256: Digest::of_json(&Value::Object(request.params.clone())),
        request_sha256: call
            .as_ref()
            .map(countersign_intent::render::RenderedCall::digest),
        request: call.and_then(|call| serde_json::to_value(call).ok()),
        approval: None,
        state: StepState::Pending,
        jti: None,
        expires_at: None,
        attempt: None,
        status: None,
        receipt: None,
    }
}

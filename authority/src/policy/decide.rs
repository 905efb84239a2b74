//! Deciding: Cedar asked twice, with the forbids that people can lift and without them.
//!
//! The order of verdicts is DESIGN §4's: an evaluation error denies; a satisfied plain forbid denies
//! and can never be approved away; without a permit it is a deny; a satisfied liftable forbid needs
//! approval; otherwise it is allowed.

use std::collections::BTreeSet;

use cedar_policy::{
    AuthorizationError, Authorizer, Decision as Answer, Entity, PolicySet, Request, Response,
};
use countersign_intent::tool::Unknown;
use countersign_service::problem::Reason;

use super::bundle::Bundle;
use super::inventory::{Attributes, Freeze};
use super::request::{self, AskError, ask_error, uid};
use super::{ApprovalInput, Decision, Permission, StepInput, Verdict};

/// What stands in for the inventory's word, in a case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'a> {
    pub(crate) freeze: Freeze,
    /// The attributes of the resource; those of the inventory when `None`.
    pub(crate) attributes: Option<&'a Attributes>,
}

/// Cedar's two answers.
///
/// An answer names either every satisfied forbid or, without one, every satisfied permit. Asking about
/// plain and liftable forbids apart therefore shows each satisfied forbid of both kinds.
struct Answers {
    /// Of permits and plain forbids.
    firm: Response,
    /// Of permits and liftable forbids.
    liftable: Response,
}

impl Bundle {
    /// Judges one call. Pure: the same input under the same bundle has the same decision.
    pub fn decide(&self, input: &StepInput<'_>) -> Decision {
        let given = Given {
            freeze: self.inventory.freeze,
            attributes: None,
        };
        self.decide_given(given, input)
    }

    /// As [`Bundle::decide`], with what the inventory says replaced by what is given.
    pub(crate) fn decide_given(&self, given: Given<'_>, input: &StepInput<'_>) -> Decision {
        let resource = &input.tool.definition().resource;
        let Some(id) = resource.id_in(input.params.members()) else {
            return deny("resource_unknown", "the call names no resource");
        };
        let type_ = resource.type_.as_str();
        let known = given.attributes.or_else(|| self.inventory.get(type_, &id));
        if known.is_none() && resource.unknown == Unknown::Deny {
            let message = format!("{type_} `{id}` is not in the inventory");
            return deny("resource_unknown", message);
        }
        let change = request::change(input, known);
        let shown = change.as_ref().map(request::Change::to_value);
        let decision = match self.ask(input, given, &id, change.as_ref()) {
            Ok(answers) => self.judge(input, &answers),
            Err(error) => deny("evaluation_error", error.0),
        };
        Decision {
            change: shown,
            ..decision
        }
    }

    /// Whether policy lets a person approve a step.
    pub fn may_approve(&self, input: &ApprovalInput<'_>) -> Permission {
        let Ok(answers) = self.ask_approval(input) else {
            return Permission {
                allowed: false,
                policies: Vec::new(),
            };
        };
        // An approval cannot itself be approved, so here a forbid that people could lift is plain.
        let firm = answers.firm.decision() == Answer::Allow;
        let deciding = if firm {
            &answers.liftable
        } else {
            &answers.firm
        };
        Permission {
            allowed: deciding.decision() == Answer::Allow && answers.errors().is_empty(),
            policies: ids(deciding),
        }
    }

    fn ask(
        &self,
        input: &StepInput<'_>,
        given: Given<'_>,
        id: &str,
        change: Option<&request::Change>,
    ) -> Result<Answers, AskError> {
        let resource = uid(&input.tool.definition().resource.type_, id)?;
        let agent = request::agent_entity(input.agent)?;
        let request = Request::new(
            agent.uid(),
            uid("Action", input.tool.name.as_str())?,
            resource.clone(),
            request::step_context(input, given.freeze, change)?,
            Some(&self.schema),
        )
        .map_err(ask_error)?;
        let mut entities = vec![agent];
        if let Some(attributes) = given.attributes {
            entities.push(request::resource_entity(resource, attributes)?);
        }
        self.answers(&request, entities)
    }

    fn ask_approval(&self, input: &ApprovalInput<'_>) -> Result<Answers, AskError> {
        let person = request::person_entity(input.operator)?;
        let request = Request::new(
            person.uid(),
            uid("Action", "approve")?,
            request::named(input.resource.unwrap_or_default())?,
            request::approval_context(input)?,
            Some(&self.schema),
        )
        .map_err(ask_error)?;
        self.answers(&request, vec![person])
    }

    fn answers(&self, request: &Request, entities: Vec<Entity>) -> Result<Answers, AskError> {
        let entities = self
            .entities
            .clone()
            .upsert_entities(entities, Some(&self.schema))
            .map_err(ask_error)?;
        let ask =
            |policies: &PolicySet| Authorizer::new().is_authorized(request, policies, &entities);
        Ok(Answers {
            firm: ask(&self.firm),
            liftable: ask(&self.liftable),
        })
    }

    fn judge(&self, input: &StepInput<'_>, answers: &Answers) -> Decision {
        let errors = answers.errors();
        if !errors.is_empty() {
            return evaluation_error(&errors);
        }
        let (firm, liftable) = (ids(&answers.firm), ids(&answers.liftable));
        match (answers.firm.decision(), answers.liftable.decision()) {
            (Answer::Deny, _) if firm.is_empty() => {
                let message = format!(
                    "no policy permits `{}` to an agent with {} autonomy",
                    input.tool.name,
                    input.agent.autonomy.as_str()
                );
                deny("no_permit", message)
            }
            (Answer::Deny, _) => self.by(Verdict::Deny, "forbidden", firm),
            (Answer::Allow, Answer::Deny) => Decision {
                requirements: liftable
                    .iter()
                    .filter_map(|id| self.rules.get(id))
                    .cloned()
                    .collect(),
                ..self.by(Verdict::NeedsApproval, "needs_approval", liftable)
            },
            (Answer::Allow, Answer::Allow) => self.by(Verdict::Allow, "allowed", firm),
        }
    }

    /// The verdict of these policies, each with its description as a reason.
    fn by(&self, verdict: Verdict, code: &str, policies: Vec<String>) -> Decision {
        let reasons = policies
            .iter()
            .map(|id| Reason {
                code: code.to_owned(),
                message: self.descriptions.get(id).unwrap_or(id).clone(),
                policy: Some(id.clone()),
            })
            .collect();
        Decision {
            verdict,
            reasons,
            policies,
            requirements: Vec::new(),
            change: None,
        }
    }
}

impl Answers {
    /// Every evaluation error, as (policy id, message).
    fn errors(&self) -> BTreeSet<(String, String)> {
        [&self.firm, &self.liftable]
            .into_iter()
            .flat_map(|response| response.diagnostics().errors())
            .map(|error| match error {
                AuthorizationError::PolicyEvaluationError(error) => {
                    (error.policy_id().to_string(), error.to_string())
                }
            })
            .collect()
    }
}

/// The policies that determined an answer, sorted.
fn ids(response: &Response) -> Vec<String> {
    let ids: BTreeSet<String> = response
        .diagnostics()
        .reason()
        .map(ToString::to_string)
        .collect();
    ids.into_iter().collect()
}

fn evaluation_error(errors: &BTreeSet<(String, String)>) -> Decision {
    let reasons = errors
        .iter()
        .map(|(id, message)| Reason {
            code: "evaluation_error".to_owned(),
            message: format!("a policy could not be evaluated, which denies: {message}"),
            policy: Some(id.clone()),
        })
        .collect();
    let policies: BTreeSet<String> = errors.iter().map(|(id, _)| id.clone()).collect();
    Decision {
        verdict: Verdict::Deny,
        reasons,
        policies: policies.into_iter().collect(),
        requirements: Vec::new(),
        change: None,
    }
}

fn deny(code: &str, message: impl Into<String>) -> Decision {
    Decision {
        verdict: Verdict::Deny,
        reasons: vec![Reason {
            code: code.to_owned(),
            message: message.into(),
            policy: None,
        }],
        policies: Vec::new(),
        requirements: Vec::new(),
        change: None,
    }
}

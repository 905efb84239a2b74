//! Deciding: Cedar asked twice, with the forbids that people can lift and without them.
//!
//! The order of verdicts is DESIGN §4's: an evaluation error denies; a satisfied plain forbid denies
//! and can never be approved away; without a permit it is a deny; a satisfied liftable forbid needs
//! approval; otherwise it is allowed.

use std::collections::{BTreeSet, HashMap, HashSet};

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision as Answer, Entities, Entity, EntityId,
    EntityTypeName, EntityUid, PolicySet, Request, Response, RestrictedExpression, Schema,
};
use countersign_intent::tool::Unknown;
use countersign_service::directory::Agent;
use countersign_service::problem::Reason;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::bundle::Bundle;
use super::inventory::{Attribute, Attributes, Freeze, Inventory};
use super::{ApprovalInput, Decision, Permission, StepInput, Verdict};

/// A request that cannot be put to Cedar; it is denied.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct AskError(String);

fn ask_error(error: impl std::fmt::Display) -> AskError {
    AskError(error.to_string())
}

impl Bundle {
    /// Judges one call. Pure: the same input under the same bundle has the same decision.
    pub fn decide(&self, input: &StepInput<'_>) -> Decision {
        self.decide_under(self.inventory.freeze, input)
    }

    /// As [`Bundle::decide`], with the change freeze given.
    pub(crate) fn decide_under(&self, freeze: Freeze, input: &StepInput<'_>) -> Decision {
        let definition = input.tool.definition();
        let Some(resource) = definition.resource.id_in(input.params.members()) else {
            return deny("resource_unknown", "the call names no resource", Vec::new());
        };
        let type_ = definition.resource.type_.as_str();
        let known = self.inventory.get(type_, &resource);
        if known.is_none() && definition.resource.unknown == Unknown::Deny {
            let message = format!("{type_} `{resource}` is not in the inventory");
            return deny("resource_unknown", message, Vec::new());
        }
        let change = change(input, known);
        let context = self.context(input, freeze, change.as_ref());
        match context.and_then(|context| self.ask(input, type_, &resource, context)) {
            Ok(answers) => self.judge(&answers, change),
            Err(error) => deny("evaluation_error", error.0, Vec::new()),
        }
    }

    /// Whether policy lets a person approve a step.
    pub fn may_approve(&self, input: &ApprovalInput<'_>) -> Permission {
        let refused = Permission {
            allowed: false,
            policies: Vec::new(),
        };
        let Ok(response) = self.ask_approval(input) else {
            return refused;
        };
        let failed = response.diagnostics().errors().next().is_some();
        Permission {
            allowed: response.decision() == Answer::Allow && !failed,
            policies: ids(&response),
        }
    }

    fn ask(
        &self,
        input: &StepInput<'_>,
        type_: &str,
        resource: &str,
        context: Context,
    ) -> Result<Answers, AskError> {
        let principal = uid("Agent", input.agent.id.as_str())?;
        let agent = agent_entity(&principal, input.agent)?;
        let entities = self
            .entities
            .clone()
            .add_entities([agent], Some(&self.schema))
            .map_err(ask_error)?;
        let request = Request::new(
            principal,
            uid("Action", input.tool.name.as_str())?,
            uid(type_, resource)?,
            context,
            Some(&self.schema),
        )
        .map_err(ask_error)?;
        let ask =
            |policies: &PolicySet| Authorizer::new().is_authorized(&request, policies, &entities);
        Ok(Answers {
            firm: ask(&self.firm),
            liftable: ask(&self.liftable),
        })
    }

    fn judge(&self, answers: &Answers, change: Option<Change>) -> Decision {
        let errors = answers.errors();
        let change = change.map(|change| change.to_value());
        if !errors.is_empty() {
            return Decision {
                change,
                ..self.evaluation_error(&errors)
            };
        }
        let firm = ids(&answers.firm);
        let liftable = ids(&answers.liftable);
        match (answers.firm.decision(), answers.liftable.decision()) {
            (Answer::Deny, _) if firm.is_empty() => {
                let message = "no policy permits this";
                Decision {
                    change,
                    ..deny("no_permit", message, Vec::new())
                }
            }
            (Answer::Deny, _) => Decision {
                verdict: Verdict::Deny,
                reasons: self.reasons("forbidden", &firm),
                policies: firm,
                requirements: Vec::new(),
                change,
            },
            (Answer::Allow, Answer::Deny) => Decision {
                verdict: Verdict::NeedsApproval,
                reasons: self.reasons("needs_approval", &liftable),
                requirements: liftable
                    .iter()
                    .filter_map(|id| self.rules.get(id))
                    .cloned()
                    .collect(),
                policies: liftable,
                change,
            },
            (Answer::Allow, Answer::Allow) => Decision {
                verdict: Verdict::Allow,
                reasons: self.reasons("allowed", &firm),
                policies: firm,
                requirements: Vec::new(),
                change,
            },
        }
    }

    fn evaluation_error(&self, errors: &BTreeSet<(String, String)>) -> Decision {
        let reasons = errors
            .iter()
            .map(|(id, message)| Reason {
                code: "evaluation_error".to_owned(),
                message: format!("a policy could not be evaluated, which denies: {message}"),
                policy: self.descriptions.contains_key(id).then(|| id.clone()),
            })
            .collect();
        Decision {
            verdict: Verdict::Deny,
            reasons,
            policies: errors.iter().map(|(id, _)| id.clone()).collect(),
            requirements: Vec::new(),
            change: None,
        }
    }

    fn reasons(&self, code: &str, ids: &[String]) -> Vec<Reason> {
        ids.iter()
            .map(|id| Reason {
                code: code.to_owned(),
                message: self.descriptions.get(id).unwrap_or(id).clone(),
                policy: Some(id.clone()),
            })
            .collect()
    }

    /// `context`, from typed values alone: parameters never name entities or extension functions.
    fn context(
        &self,
        input: &StepInput<'_>,
        freeze: Freeze,
        change: Option<&Change>,
    ) -> Result<Context, AskError> {
        let now = input.now.to_zoned(TimeZone::UTC);
        let plan = record([
            ("steps", long(input.plan.steps)),
            ("mutating", long(input.plan.mutating)),
            ("destructive", long(input.plan.destructive)),
            ("resources", long(input.plan.resources)),
        ])?;
        let time = record([
            ("hour", long(i64::from(now.hour()))),
            (
                "weekday",
                long(i64::from(now.weekday().to_monday_one_offset())),
            ),
            (
                "freeze",
                RestrictedExpression::new_bool(freeze == Freeze::On),
            ),
        ])?;
        let recent = record([
            (
                "same_tool_same_resource",
                long(input.recent.same_tool_same_resource),
            ),
            (
                "cooldown_active",
                RestrictedExpression::new_bool(input.recent.cooldown_active),
            ),
            ("failures", long(input.recent.failures)),
        ])?;
        let mut pairs = vec![
            (
                "params".to_owned(),
                members(input.tool.params_schema(), input.params.members())?,
            ),
            ("plan".to_owned(), plan),
            (
                "tainted".to_owned(),
                RestrictedExpression::new_bool(input.tainted),
            ),
            ("time".to_owned(), time),
            ("recent".to_owned(), recent),
        ];
        if let Some(change) = change {
            pairs.push(("change".to_owned(), change.to_record()?));
        }
        Context::from_pairs(pairs).map_err(ask_error)
    }

    fn ask_approval(&self, input: &ApprovalInput<'_>) -> Result<Response, AskError> {
        let principal = uid("User", input.operator.id.as_str())?;
        let person = Entity::new(
            principal.clone(),
            HashMap::new(),
            roles(input.operator.roles.iter())?,
        )
        .map_err(ask_error)?;
        let resource: EntityUid = input
            .resource
            .unwrap_or_default()
            .parse()
            .map_err(ask_error)?;
        let mut pairs = vec![
            (
                "tool".to_owned(),
                RestrictedExpression::new_string(input.tool.to_string()),
            ),
            (
                "effect".to_owned(),
                RestrictedExpression::new_string(input.effect.to_string()),
            ),
            (
                "agent".to_owned(),
                RestrictedExpression::new_entity_uid(uid("Agent", input.agent.as_str())?),
            ),
        ];
        if let Some(requester) = input.requested_by {
            let requester = uid("User", requester.as_str())?;
            pairs.push((
                "requester".to_owned(),
                RestrictedExpression::new_entity_uid(requester),
            ));
        }
        let context = Context::from_pairs(pairs).map_err(ask_error)?;
        let entities = self
            .entities
            .clone()
            .add_entities([person], Some(&self.schema))
            .map_err(ask_error)?;
        let action = uid("Action", "approve")?;
        let request = Request::new(principal, action, resource, context, Some(&self.schema))
            .map_err(ask_error)?;
        Ok(Authorizer::new().is_authorized(&request, &self.firm, &entities))
    }
}

/// Cedar's two answers.
struct Answers {
    firm: Response,
    liftable: Response,
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

fn deny(code: &str, message: impl Into<String>, policies: Vec<String>) -> Decision {
    Decision {
        verdict: Verdict::Deny,
        reasons: vec![Reason {
            code: code.to_owned(),
            message: message.into(),
            policy: None,
        }],
        policies,
        requirements: Vec::new(),
        change: None,
    }
}

/// The counted change that a call makes: `context.change`.
struct Change {
    attribute: String,
    before: i64,
    after: i64,
}

/// The change, when the tool declares one and both figures are known.
fn change(input: &StepInput<'_>, known: Option<&Attributes>) -> Option<Change> {
    let declared = input.tool.definition().change.as_ref()?;
    let Attribute::Number(before) = known?.get(&declared.attribute)? else {
        return None;
    };
    let after = input.params.members().get(&declared.param)?.as_i64()?;
    Some(Change {
        attribute: declared.attribute.clone(),
        before: *before,
        after,
    })
}

impl Change {
    fn to_value(&self) -> Value {
        json!({"attribute": self.attribute, "before": self.before, "after": self.after})
    }

    fn to_record(&self) -> Result<RestrictedExpression, AskError> {
        let percent = self
            .after
            .checked_sub(self.before)
            .and_then(|difference| difference.checked_mul(100))
            .and_then(|hundredfold| hundredfold.checked_div(self.before));
        let mut pairs = vec![("before", long(self.before)), ("after", long(self.after))];
        pairs.extend(percent.map(|percent| ("delta_percent", long(percent))));
        record(pairs)
    }
}

/// The entities of the bundle: the schema's actions and the inventory's resources.
pub(crate) fn resources(inventory: &Inventory, schema: &Schema) -> Result<Entities, AskError> {
    let mut entities = Vec::new();
    for (type_, id, attributes) in inventory.iter() {
        let attributes = attributes
            .iter()
            .map(|(name, attribute)| (name.clone(), attribute_expression(attribute)))
            .collect();
        let entity = Entity::new(uid(type_, id)?, attributes, HashSet::new()).map_err(ask_error)?;
        entities.push(entity);
    }
    Entities::from_entities(entities, Some(schema)).map_err(ask_error)
}

fn attribute_expression(attribute: &Attribute) -> RestrictedExpression {
    match attribute {
        Attribute::Text(text) => RestrictedExpression::new_string(text.clone()),
        Attribute::Number(number) => long(*number),
        Attribute::Flag(flag) => RestrictedExpression::new_bool(*flag),
    }
}

fn agent_entity(principal: &EntityUid, agent: &Agent) -> Result<Entity, AskError> {
    let autonomy = RestrictedExpression::new_string(agent.autonomy.as_str().to_owned());
    let mut attributes = HashMap::from([("autonomy".to_owned(), autonomy)]);
    if let Some(team) = &agent.team {
        attributes.insert(
            "team".to_owned(),
            RestrictedExpression::new_string(team.clone()),
        );
    }
    Entity::new(principal.clone(), attributes, roles(agent.roles.iter())?).map_err(ask_error)
}

fn roles<'a>(roles: impl Iterator<Item = &'a String>) -> Result<HashSet<EntityUid>, AskError> {
    roles.map(|role| uid("Role", role)).collect()
}

fn uid(type_: &str, id: &str) -> Result<EntityUid, AskError> {
    let type_: EntityTypeName = type_.parse().map_err(ask_error)?;
    Ok(EntityUid::from_type_name_and_id(type_, EntityId::new(id)))
}

fn long(value: i64) -> RestrictedExpression {
    RestrictedExpression::new_long(value)
}

fn record<'a>(
    pairs: impl IntoIterator<Item = (&'a str, RestrictedExpression)>,
) -> Result<RestrictedExpression, AskError> {
    let pairs = pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    RestrictedExpression::new_record(pairs).map_err(ask_error)
}

/// Parameters as a Cedar record, typed by the tool's schema.
fn members(schema: &Value, params: &Map<String, Value>) -> Result<RestrictedExpression, AskError> {
    let mut pairs = Vec::new();
    for (name, value) in params {
        let property = schema
            .get("properties")
            .and_then(|properties| properties.get(name));
        pairs.push((
            name.clone(),
            expression(property.unwrap_or(&Value::Null), value)?,
        ));
    }
    RestrictedExpression::new_record(pairs).map_err(ask_error)
}

fn expression(schema: &Value, value: &Value) -> Result<RestrictedExpression, AskError> {
    let wants_decimal = schema.get("type").and_then(Value::as_str) == Some("number");
    match value {
        Value::String(text) => Ok(RestrictedExpression::new_string(text.clone())),
        Value::Bool(flag) => Ok(RestrictedExpression::new_bool(*flag)),
        Value::Number(number) if wants_decimal => {
            let text = number.to_string();
            let text = if text.contains('.') {
                text
            } else {
                format!("{text}.0")
            };
            Ok(RestrictedExpression::new_decimal(text))
        }
        Value::Number(number) => {
            let number = number.as_i64().ok_or_else(|| {
                AskError(format!(
                    "`{number}` is no integer, and its schema does not say `number`"
                ))
            })?;
            Ok(long(number))
        }
        Value::Array(items) => {
            let schema = schema.get("items").unwrap_or(&Value::Null);
            let items: Result<Vec<_>, _> =
                items.iter().map(|item| expression(schema, item)).collect();
            Ok(RestrictedExpression::new_set(items?))
        }
        Value::Object(object) => members(schema, object),
        Value::Null => Err(AskError("null has no form in policies".to_owned())),
    }
}

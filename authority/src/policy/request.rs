//! From typed values to a Cedar request: entities, context, the counted change.
//!
//! Nothing here is read from JSON by Cedar itself: its escapes could name entities and extension
//! functions, and parameters come from agents.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema,
};
use countersign_service::directory::{Agent, Operator};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::inventory::{Attribute, Attributes, Freeze, Inventory};
use super::schema;
use super::{ApprovalInput, StepInput};

/// A request that cannot be put to Cedar; it is denied.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct AskError(pub(crate) String);

pub(crate) fn ask_error(error: impl std::fmt::Display) -> AskError {
    AskError(error.to_string())
}

/// The `context` of a step.
pub(crate) fn step_context(
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
    let weekday = now.weekday().to_monday_one_offset();
    let time = record([
        ("hour", long(i64::from(now.hour()))),
        ("weekday", long(i64::from(weekday))),
        ("freeze", flag(freeze == Freeze::On)),
    ])?;
    let recent = record([
        (
            "same_tool_same_resource",
            long(input.recent.same_tool_same_resource),
        ),
        ("cooldown_active", flag(input.recent.cooldown_active)),
        ("failures", long(input.recent.failures)),
    ])?;
    let params = members(input.tool.params_schema(), input.params.members())?;
    let mut pairs = vec![
        ("params", params),
        ("plan", plan),
        ("tainted", flag(input.tainted)),
        ("time", time),
        ("recent", recent),
    ];
    if let Some(change) = change {
        pairs.push(("change", change.to_record()?));
    }
    context(pairs)
}

/// The `context` of an approval.
pub(crate) fn approval_context(input: &ApprovalInput<'_>) -> Result<Context, AskError> {
    let agent = uid("Agent", input.agent.as_str())?;
    let mut pairs = vec![
        ("tool", text(input.tool.as_str())),
        ("effect", text(input.effect.as_str())),
        ("agent", RestrictedExpression::new_entity_uid(agent)),
    ];
    if let Some(requester) = input.requested_by {
        let requester = uid("User", requester.as_str())?;
        pairs.push(("requester", RestrictedExpression::new_entity_uid(requester)));
    }
    context(pairs)
}

fn context(pairs: Vec<(&str, RestrictedExpression)>) -> Result<Context, AskError> {
    let pairs = pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Context::from_pairs(pairs).map_err(ask_error)
}

/// The counted change that a call makes: `context.change`.
pub(crate) struct Change {
    attribute: String,
    before: i64,
    after: i64,
}

/// The change, when the tool declares one and both figures are known.
pub(crate) fn change(input: &StepInput<'_>, known: Option<&Attributes>) -> Option<Change> {
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
    /// The change as people see it.
    pub(crate) fn to_value(&self) -> Value {
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
        entities.push(resource_entity(uid(type_, id)?, attributes)?);
    }
    Entities::from_entities(entities, Some(schema)).map_err(ask_error)
}

/// The entity of a resource.
pub(crate) fn resource_entity(uid: EntityUid, attributes: &Attributes) -> Result<Entity, AskError> {
    let attributes = attributes
        .iter()
        .map(|(name, attribute)| (name.clone(), attribute_expression(attribute)))
        .collect();
    Entity::new(uid, attributes, HashSet::new()).map_err(ask_error)
}

/// The entity of a name such as `Service::"payments"`, whose id is written as in JSON.
pub(crate) fn named(text: &str) -> Result<EntityUid, AskError> {
    let (type_, id) = text
        .split_once("::\"")
        .ok_or_else(|| AskError(format!("`{text}` names no resource")))?;
    let id: String = serde_json::from_str(&format!("\"{id}")).map_err(ask_error)?;
    uid(type_, &id)
}

fn attribute_expression(attribute: &Attribute) -> RestrictedExpression {
    match attribute {
        Attribute::Text(text) => RestrictedExpression::new_string(text.clone()),
        Attribute::Number(number) => long(*number),
        Attribute::Flag(flag) => RestrictedExpression::new_bool(*flag),
    }
}

/// The entity of the agent itself.
pub(crate) fn agent_entity(agent: &Agent) -> Result<Entity, AskError> {
    let mut attributes = HashMap::from([("autonomy".to_owned(), text(agent.autonomy.as_str()))]);
    if let Some(team) = &agent.team {
        attributes.insert("team".to_owned(), text(team));
    }
    let uid = uid("Agent", agent.id.as_str())?;
    Entity::new(uid, attributes, roles(agent.roles.iter())?).map_err(ask_error)
}

/// The entity of a person.
pub(crate) fn person_entity(operator: &Operator) -> Result<Entity, AskError> {
    let uid = uid("User", operator.id.as_str())?;
    Entity::new(uid, HashMap::new(), roles(operator.roles.iter())?).map_err(ask_error)
}

fn roles<'a>(roles: impl Iterator<Item = &'a String>) -> Result<HashSet<EntityUid>, AskError> {
    roles.map(|role| uid("Role", role)).collect()
}

/// The entity of type `type_` named `id`.
pub(crate) fn uid(type_: &str, id: &str) -> Result<EntityUid, AskError> {
    let type_: EntityTypeName = type_.parse().map_err(ask_error)?;
    Ok(EntityUid::from_type_name_and_id(type_, EntityId::new(id)))
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn flag(value: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(value)
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
fn members(shape: &Value, params: &Map<String, Value>) -> Result<RestrictedExpression, AskError> {
    let mut pairs = Vec::new();
    for (name, value) in params {
        let property = shape
            .get("properties")
            .and_then(|properties| properties.get(name))
            .unwrap_or(&Value::Null);
        if !schema::is_union(property) {
            pairs.push((name.clone(), expression(property, value)?));
        }
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

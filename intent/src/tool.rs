//! Tools: named capabilities with a closed parameter schema, an effect and one request template.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jsonschema::Validator;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Digest;
use crate::id::ToolName;
use crate::{expect, schema, template};

/// What a tool may do to the world; the order is that of harm.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Changes how a service runs, and can be undone.
    Service,
    /// Takes something away.
    Destructive,
    /// Touches data that cannot be made again.
    Data,
}

impl Effect {
    /// The effect's text, as in the catalogue.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Service => "service",
            Self::Destructive => "destructive",
            Self::Data => "data",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Whether a resource that the inventory does not list can be acted on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// Deny.
    #[default]
    Deny,
    /// Judge it without attributes.
    Allow,
}

/// The Cedar resource of a tool: of the type `type`, named by a parameter or fixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolResource {
    /// The Cedar entity type.
    #[serde(rename = "type")]
    pub type_: String,
    /// The parameter that names the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// The fixed id, for tools whose parameters name no resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What to do with a resource that the inventory does not list.
    #[serde(default)]
    pub unknown: Unknown,
}

impl ToolResource {
    /// The id of the resource that `params` name, as text.
    pub fn id_in(&self, params: &Map<String, Value>) -> Option<String> {
        match &self.param {
            Some(param) => params.get(param).and_then(template::plain),
            None => self.id.clone(),
        }
    }
}

/// The HTTP request that a call becomes; strings are templates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestTemplate {
    /// `GET`, `HEAD`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// Absolute path; a segment is literal or one whole `{name}`.
    pub path: String,
    /// Query parameters; absent values are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
    /// Header fields, besides those the enforcer sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// The call that takes a call back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// The tool.
    pub tool: ToolName,
    /// Its parameters, as templates.
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// The read that shows whether a call did what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The tool, of effect `read`.
    pub tool: ToolName,
    /// Its parameters, as templates.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// What its answer must show: see [`crate::expect`].
    pub expect: String,
}

/// The parameter that changes a counted attribute of the resource, for `context.change`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The parameter with the new value.
    pub param: String,
    /// The attribute in the inventory with the value before.
    pub attribute: String,
}

/// How an upstream recognizes a repeated call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idempotency {
    /// The header field that carries the key.
    pub header: String,
    /// How long the upstream remembers, such as `24h`.
    pub window: String,
}

/// A tool as the catalogue's file states it; its canonical JSON is what `definition_sha256` hashes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The name.
    pub name: ToolName,
    /// One sentence for people and models.
    pub description: String,
    /// What it may do.
    pub effect: Effect,
    /// What it acts on.
    pub resource: ToolResource,
    /// The upstream that answers it.
    pub upstream: String,
    /// The request that it becomes.
    pub request: RequestTemplate,
    /// JSON Schema 2020-12 of the parameters; objects are closed.
    pub params: Value,
    /// Time limit of a call, such as `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// How to take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// How to see that it worked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// Least time between two calls on one resource, such as `2m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<String>,
    /// Safe repetition, where the upstream has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<Idempotency>,
    /// Whether its answers carry text of unknown authors, which taints the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untrusted_output: bool,
    /// The counted change that it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

/// A definition that was not taken.
#[derive(Debug, thiserror::Error)]
#[error("tool `{tool}`: {message}")]
pub struct ToolError {
    /// The tool.
    pub tool: ToolName,
    /// What is wrong and what is expected.
    pub message: String,
}

/// A checked tool: its parts agree with each other, and its schema is compiled.
#[derive(Clone)]
pub struct Tool {
    /// The name.
    pub name: ToolName,
    /// What it may do.
    pub effect: Effect,
    /// Time limit of a call.
    pub timeout: Duration,
    /// Least time between two calls on one resource.
    pub cooldown: Option<Duration>,
    definition: Definition,
    schema: Value,
    validator: std::sync::Arc<Validator>,
    digest: Digest,
}

impl fmt::Debug for Tool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tool({})", self.name)
    }
}

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/// Header fields that no definition may set: routing, credentials, framing and hop-by-hop fields.
const OWN_HEADERS: [&str; 14] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "intent-token",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Tool {
    /// Checks `definition`.
    ///
    /// # Errors
    /// [`ToolError`] with the first part that does not fit.
    pub fn new(definition: Definition) -> Result<Self, ToolError> {
        let tool = definition.name.clone();
        Self::check(definition).map_err(|message| ToolError { tool, message })
    }

    fn check(definition: Definition) -> Result<Self, String> {
        let (schema, validator) = schema::compile(&definition.params)
            .map_err(|why| format!("`params` is not a usable JSON Schema: {why}"))?;
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err("`params` must be a schema of type `object`".to_owned());
        }
        let declared = Declared::of(&schema);
        check_request(&definition.request, &declared)?;
        check_resource(&definition.resource, &declared)?;
        if let Some(change) = &definition.change {
            declared.must_have(&change.param, "change.param")?;
        }
        if let Some(check) = &definition.check {
            declared.must_have_all(&Value::Object(check.params.clone()), "check.params")?;
            let expectation: expect::Expectation = check
                .expect
                .parse()
                .map_err(|error: expect::ExpectError| error.to_string())?;
            if let Some(param) = expectation.param() {
                declared.must_have(param, "check.expect")?;
            }
        }
        if let Some(undo) = &definition.undo {
            declared.must_have_all(&Value::Object(undo.params.clone()), "undo.params")?;
        }
        let value = serde_json::to_value(&definition).map_err(|error| error.to_string())?;
        Ok(Self {
            name: definition.name.clone(),
            effect: definition.effect,
            timeout: duration(definition.timeout.as_deref().unwrap_or("30s"))?,
            cooldown: definition.cooldown.as_deref().map(duration).transpose()?,
            definition,
            schema,
            validator: std::sync::Arc::new(validator),
            digest: Digest::of_json(&value),
        })
    }

    /// The definition as the catalogue states it.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The closed parameter schema.
    pub fn params_schema(&self) -> &Value {
        &self.schema
    }

    /// SHA-256 of the canonical definition.
    pub fn definition_sha256(&self) -> Digest {
        self.digest
    }

    /// Checks `params` against the schema; the only source of [`Params`].
    ///
    /// # Errors
    /// [`ParamsError`] with the first violation.
    pub fn params(&self, params: Map<String, Value>) -> Result<Params, ParamsError> {
        let value = Value::Object(params);
        if let Some(message) = schema::violation(&self.validator, &value) {
            return Err(ParamsError {
                tool: self.name.clone(),
                message,
            });
        }
        let digest = Digest::of_json(&value);
        let Value::Object(members) = value else {
            return Err(ParamsError {
                tool: self.name.clone(),
                message: "not an object".to_owned(),
            });
        };
        Ok(Params { members, digest })
    }
}

/// The parameters that a schema declares.
struct Declared<'a> {
    properties: Option<&'a Map<String, Value>>,
    required: Vec<&'a str>,
}

impl<'a> Declared<'a> {
    fn of(schema: &'a Value) -> Self {
        let required = schema.get("required").and_then(Value::as_array);
        Self {
            properties: schema.get("properties").and_then(Value::as_object),
            required: required
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect(),
        }
    }

    fn must_have(&self, name: &str, place: &str) -> Result<(), String> {
        if self
            .properties
            .is_some_and(|properties| properties.contains_key(name))
        {
            return Ok(());
        }
        Err(format!(
            "`{place}` names the parameter `{name}`, which `params` does not declare"
        ))
    }

    fn must_have_all(&self, templates: &Value, place: &str) -> Result<(), String> {
        for name in template::names(templates).map_err(|error| error.to_string())? {
            if !name.starts_with("before.") {
                self.must_have(&name, place)?;
            }
        }
        Ok(())
    }

    fn must_require(&self, name: &str, place: &str) -> Result<(), String> {
        self.must_have(name, place)?;
        if self.required.contains(&name) {
            return Ok(());
        }
        Err(format!(
            "`{place}` needs the parameter `{name}`, which must be in `required`"
        ))
    }
}

fn check_request(request: &RequestTemplate, declared: &Declared<'_>) -> Result<(), String> {
    if !METHODS.contains(&request.method.as_str()) {
        return Err(format!(
            "`request.method` is `{}`, one of {METHODS:?} is taken",
            request.method
        ));
    }
    let Some(path) = request.path.strip_prefix('/') else {
        return Err("`request.path` must start with `/`".to_owned());
    };
    for segment in path.split('/') {
        check_segment(segment, declared)?;
    }
    for (name, value) in &request.headers {
        let lower = name.to_ascii_lowercase();
        let token =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !token || OWN_HEADERS.contains(&lower.as_str()) {
            return Err(format!("`request.headers` may not set `{name}`"));
        }
        declared.must_have_all(&Value::String(value.clone()), "request.headers")?;
    }
    for value in request.query.values() {
        declared.must_have_all(&Value::String(value.clone()), "request.query")?;
    }
    match &request.body {
        Some(body) => declared.must_have_all(body, "request.body"),
        None => Ok(()),
    }
}

fn check_segment(segment: &str, declared: &Declared<'_>) -> Result<(), String> {
    let pieces = template::pieces(segment).map_err(|error| error.to_string())?;
    match pieces.as_slice() {
        [template::Piece::Name(name)] => declared.must_require(name, "request.path"),
        [template::Piece::Text(text)] if crate::render::is_segment(text) => Ok(()),
        _ => Err(format!(
            "segment `{segment}` of `request.path` is neither one `{{name}}` nor plain unreserved text"
        )),
    }
}

fn check_resource(resource: &ToolResource, declared: &Declared<'_>) -> Result<(), String> {
    match (&resource.param, &resource.id) {
        (Some(param), None) => declared.must_require(param, "resource.param"),
        (None, Some(_)) => Ok(()),
        _ => Err("`resource` has either `param` or `id`".to_owned()),
    }
}

/// `250ms`, `30s`, `2m`, `24h`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration such as `250ms`, `30s`, `2m` or `24h`");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_cause| wrong())?;
    let millis = match text.strip_prefix(digits) {
        Some("ms") => 1,
        Some("s") => 1_000,
        Some("m") => 60_000,
        Some("h") => 3_600_000,
        _ => return Err(wrong()),
    };
    Ok(Duration::from_millis(
        number.checked_mul(millis).ok_or_else(wrong)?,
    ))
}

/// Parameters that fit their tool's schema, with their hash.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    members: Map<String, Value>,
    digest: Digest,
}

impl Params {
    /// The members.
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// The parameters as a JSON object.
    pub fn to_value(&self) -> Value {
        Value::Object(self.members.clone())
    }

    /// SHA-256 of the canonical bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Parameters that do not fit.
#[derive(Debug, thiserror::Error)]
#[error("the parameters do not fit `{tool}`: {message}")]
pub struct ParamsError {
    /// The tool.
    pub tool: ToolName,
    /// The first violation, with its place.
    pub message: String,
}

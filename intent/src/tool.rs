//! Tools: named capabilities with a closed parameter schema, an effect and one request template.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jsonschema::Validator;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Digest;
use crate::id::ToolName;
use crate::precondition::Precondition;
use crate::render::CompiledRequest;
use crate::{expect, json, schema, template};

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
    /// The fixed id, for tools whose parameters name no resource; or a template of several of them,
    /// such as `{namespace}/{name}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What to do with a resource that the inventory does not list.
    #[serde(default)]
    pub unknown: Unknown,
}

impl ToolResource {
    /// The id of the resource that `params` name, as text.
    pub fn id_in(&self, params: &Map<String, Value>) -> Option<String> {
        if let Some(param) = &self.param {
            return params.get(param).and_then(template::plain);
        }
        let lookup = |name: &str| params.get(name).cloned();
        let filled = template::fill_text(self.id.as_deref()?, &lookup);
        filled.ok().flatten().as_ref().and_then(template::plain)
    }

    /// The parameters that name the resource.
    pub fn params(&self) -> Vec<String> {
        let id = self.id.clone().map(Value::String);
        let names = id.and_then(|id| template::names(&id).ok());
        self.param
            .iter()
            .cloned()
            .chain(names.unwrap_or_default())
            .collect()
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
    /// Header fields, besides those the enforcer sets. `content-type` may stand here, literally, for a
    /// body of another JSON type: `application/…+json`.
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

/// How a lost call may be sent again: [`Idempotency`], checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resend {
    /// The header field that carries the key, in lower case.
    pub header: String,
    /// How long the upstream remembers a key.
    pub window: Duration,
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
    /// What must still be so when it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precondition: Option<Precondition>,
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
    /// How a lost call may be sent again.
    pub resend: Option<Resend>,
    definition: Definition,
    template: CompiledRequest,
    schema: Value,
    validator: std::sync::Arc<Validator>,
    digest: Digest,
}

impl fmt::Debug for Tool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tool({})", self.name)
    }
}

const CONTENT_TYPE: &str = "content-type";
const JSON: &str = "application/json";
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
        if let Some(precondition) = &definition.precondition {
            let all_declared =
                |params: &Value| declared.must_have_all(params, "precondition.params");
            precondition.check(definition.effect, &all_declared)?;
        }
        let value = serde_json::to_value(&definition).map_err(|error| error.to_string())?;
        json::check(&value).map_err(|error| format!("it is no strict JSON: {error}"))?;
        schema::refuse_open(&schema).map_err(|why| format!("`params` is open: {why}"))?;
        Ok(Self {
            name: definition.name.clone(),
            effect: definition.effect,
            timeout: duration(definition.timeout.as_deref().unwrap_or("30s"))?,
            cooldown: definition.cooldown.as_deref().map(duration).transpose()?,
            resend: resend(&definition)?,
            template: CompiledRequest::new(&definition.request)
                .map_err(|error| error.to_string())?,
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

    /// The media type of the request's body.
    pub fn content_type(&self) -> &str {
        let stated = self.definition.request.headers.get(CONTENT_TYPE);
        stated.map_or(JSON, String::as_str)
    }

    /// The request's template, taken apart.
    pub(crate) fn template(&self) -> &CompiledRequest {
        &self.template
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
        let refuse = |message| ParamsError {
            tool: self.name.clone(),
            message,
        };
        if let Some(message) = schema::violation(&self.validator, &value) {
            return Err(refuse(message));
        }
        let Value::Object(members) = value else {
            return Err(refuse("not an object".to_owned()));
        };
        Ok(Params {
            digest: Digest::of_object(&members),
            members,
        })
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
        if name == CONTENT_TYPE {
            check_content_type(value, request.body.as_ref())?;
            continue;
        }
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

fn check_content_type(value: &str, body: Option<&Value>) -> Result<(), String> {
    if is_json_type(value) && body.is_some() {
        return Ok(());
    }
    Err(format!(
        "`request.headers` may set `{CONTENT_TYPE}` of a body to `{JSON}` or `application/…+json` alone"
    ))
}

/// Whether `text` is the media type of a JSON document, in lower case and without parameters.
pub fn is_json_type(text: &str) -> bool {
    let name =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    let subtype = |text: &str| !text.is_empty() && text.bytes().all(name);
    let family = || text.strip_prefix("application/")?.strip_suffix("+json");
    text == JSON || family().is_some_and(subtype)
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

fn resend(definition: &Definition) -> Result<Option<Resend>, String> {
    let Some(idempotency) = &definition.idempotency else {
        return Ok(None);
    };
    let header = idempotency.header.to_ascii_lowercase();
    let own = OWN_HEADERS.contains(&header.as_str()) && header != "idempotency-key";
    let set = (definition.request.headers.keys()).any(|name| name.eq_ignore_ascii_case(&header));
    if !is_header_name(&header) || own || set {
        let name = &idempotency.header;
        return Err(format!("`idempotency.header` may not be `{name}`"));
    }
    let window = duration(&idempotency.window)?;
    Ok(Some(Resend { header, window }))
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn check_resource(resource: &ToolResource, declared: &Declared<'_>) -> Result<(), String> {
    match (&resource.param, &resource.id) {
        (Some(param), None) => declared.must_require(param, "resource.param"),
        (None, Some(id)) => {
            let names = template::names(&Value::String(id.clone()));
            let names = names.map_err(|error| error.to_string())?;
            let mut names = names.iter();
            names.try_for_each(|name| declared.must_require(name, "resource.id"))
        }
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

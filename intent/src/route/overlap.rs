//! Tools whose requests cannot always be told apart: found when a catalogue is checked, so that nobody
//! learns of it by a refusal.

use serde_json::Value;

use super::index::{Index, pattern};
use crate::catalogue::Catalogue;
use crate::id::ToolName;
use crate::schema;
use crate::template::{self, Piece};
use crate::tool::Tool;

/// Two tools of one upstream that some request may mean alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The first by name.
    pub first: ToolName,
    /// The second.
    pub second: ToolName,
}

impl Catalogue {
    /// The pairs of tools for which [`Catalogue::route`] may refuse a request as ambiguous.
    ///
    /// Two tools are apart when a literal, a member that always stands, or a body type differs. What
    /// only their schemas tell apart is looked at for literals alone, so a pair may be listed that no
    /// request ever meets.
    pub fn overlaps(&self) -> Vec<Overlap> {
        let mut index = Index::default();
        let mut found = Vec::new();
        for tool in self.iter() {
            let definition = tool.definition();
            let (upstream, method) = (&definition.upstream, &definition.request.method);
            for name in index.meeting(upstream, method, &pattern(tool)) {
                let other = self.get(name).filter(|other| !are_apart(tool, other));
                found.extend(other.map(|other| Overlap {
                    first: other.name.clone(),
                    second: tool.name.clone(),
                }));
            }
            index.insert(tool);
        }
        found
    }
}

fn are_apart(a: &Tool, b: &Tool) -> bool {
    let (left, right) = (&a.definition().request, &b.definition().request);
    let texts = |query: &std::collections::BTreeMap<String, String>| {
        let members = query.iter();
        Value::Object(
            members
                .map(|(name, text)| (name.clone(), Value::String(text.clone())))
                .collect(),
        )
    };
    let nothing = Value::Object(serde_json::Map::new());
    let (body, other) = (
        left.body.as_ref().unwrap_or(&nothing),
        right.body.as_ref().unwrap_or(&nothing),
    );
    let pair = Pair { a, b };
    let both = left.body.is_some() && right.body.is_some();
    (both && a.content_type() != b.content_type())
        || pair.apart(&texts(&left.query), &texts(&right.query))
        || pair.apart(body, other)
}

struct Pair<'a> {
    a: &'a Tool,
    b: &'a Tool,
}

impl Pair<'_> {
    /// Whether no value fills both templates.
    fn apart(&self, left: &Value, right: &Value) -> bool {
        match (name_of(left), name_of(right)) {
            (Some(_), Some(_)) => false,
            (Some(name), None) => !admits(self.a, name, right),
            (None, Some(name)) => !admits(self.b, name, left),
            (None, None) => self.parts_apart(left, right),
        }
    }

    fn parts_apart(&self, left: &Value, right: &Value) -> bool {
        match (left, right) {
            (Value::Object(left), Value::Object(right)) => {
                let missing = |tool, from: &serde_json::Map<String, Value>, name, value| {
                    !from.contains_key(name) && always(tool, value)
                };
                left.iter()
                    .any(|(name, value)| missing(self.a, right, name, value))
                    || right
                        .iter()
                        .any(|(name, value)| missing(self.b, left, name, value))
                    || left.iter().any(|(name, value)| {
                        let other = right.get(name);
                        other.is_some_and(|other| self.apart(value, other))
                    })
            }
            (Value::Array(left), Value::Array(right)) => {
                let pairs = || left.iter().zip(right);
                left.len() != right.len() || pairs().any(|(left, right)| self.apart(left, right))
            }
            (Value::String(left), Value::String(right)) => {
                is_literal(left) && is_literal(right) && left != right
            }
            (left, right) => left != right,
        }
    }
}

/// The parameter that a template is, whole.
fn name_of(template: &Value) -> Option<&str> {
    match template::pieces(template.as_str()?).ok()?.as_slice() {
        [Piece::Name(name)] => Some(*name),
        _ => None,
    }
}

fn is_literal(text: &str) -> bool {
    let pieces = template::pieces(text).unwrap_or_default();
    pieces.iter().all(|piece| matches!(piece, Piece::Text(_)))
}

/// Whether what a template gives is never left out.
fn always(tool: &Tool, template: &Value) -> bool {
    let Value::String(text) = template else {
        return true;
    };
    let required = tool
        .params_schema()
        .get("required")
        .and_then(Value::as_array);
    let is_required = |name: &str| {
        required
            .into_iter()
            .flatten()
            .any(|required| required == name)
    };
    let pieces = template::pieces(text).unwrap_or_default();
    pieces.iter().all(|piece| match piece {
        Piece::Text(_) => true,
        Piece::Name(name) => is_required(name),
    })
}

/// Whether the parameter `name` may be what `template` gives: decided for literals, else taken as yes.
fn admits(tool: &Tool, name: &str, template: &Value) -> bool {
    let names = template::names(template).unwrap_or_default();
    let schema = tool
        .params_schema()
        .get("properties")
        .and_then(|properties| properties.get(name));
    let (Some(schema), true) = (schema, names.is_empty()) else {
        return true;
    };
    schema::compile(schema).map_or(true, |(_, validator)| validator.is_valid(template))
}

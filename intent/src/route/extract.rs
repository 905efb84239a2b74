//! One tool's template read backwards.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Received, shown};
use crate::canonical;
use crate::json::MAX_INTEGER;
use crate::render::{RenderedCall, render};
use crate::template::{self, Piece};
use crate::tool::Tool;

/// The parameters with which `tool` renders what was received, or why there are none.
///
/// They are taken from the places where the template has them, must fit the tool's schema, and must
/// render to what came: so the template was read backwards rightly, whatever it looks like.
pub(super) fn params(
    tool: &Tool,
    segments: &[&str],
    query: &BTreeMap<String, String>,
    received: &Received<'_>,
) -> Result<Map<String, Value>, String> {
    let template = &tool.definition().request;
    let body = received.body.filter(|body| !is_empty(body));
    if let (Some(media_type), Some(_), Some(_)) = (received.media_type, body, &template.body)
        && media_type != tool.content_type()
    {
        let wanted = tool.content_type();
        return Err(format!(
            "its body is `{wanted}`, not `{}`",
            shown(media_type)
        ));
    }
    let mut reader = Reader {
        tool,
        params: Map::new(),
    };
    for (text, segment) in template.path.split('/').skip(1).zip(segments) {
        reader.text(text, segment)?;
    }
    for (name, value) in query {
        let text = template
            .query
            .get(name)
            .ok_or_else(|| format!("it has no query parameter `{}`", shown(name)))?;
        reader.text(text, value)?;
    }
    match (&template.body, body) {
        (Some(template), Some(given)) => reader.value(template, given)?,
        (None, Some(_)) => return Err("it has no body".to_owned()),
        (Some(_) | None, None) => {}
    }
    let params = tool.params(reader.params).map_err(|error| error.message)?;
    let rendered = render(tool, &params).map_err(|error| error.to_string())?;
    if !is_what_came(&rendered, segments, query, body) {
        return Err("it always sends more than what came".to_owned());
    }
    Ok(params.members().clone())
}

fn is_what_came(
    rendered: &RenderedCall,
    segments: &[&str],
    query: &BTreeMap<String, String>,
    body: Option<&Value>,
) -> bool {
    let path = rendered
        .path
        .split('/')
        .skip(1)
        .eq(segments.iter().copied());
    let pairs = rendered.query.iter().map(|(name, value)| (name, value));
    let sent = rendered.body.as_ref().filter(|body| !is_empty(body));
    path && pairs.eq(query) && sent.map(canonical::to_vec) == body.map(canonical::to_vec)
}

/// Whether a body says as much as none.
fn is_empty(body: &Value) -> bool {
    body.as_object().is_some_and(Map::is_empty)
}

struct Reader<'a> {
    tool: &'a Tool,
    params: Map<String, Value>,
}

impl Reader<'_> {
    /// A text of path, query or body: literal, or one placeholder with literal text around it.
    fn text(&mut self, template: &str, given: &str) -> Result<(), String> {
        let pieces = template::pieces(template).map_err(|error| error.to_string())?;
        let differs = || format!("`{}` is not `{template}`", shown(given));
        let (before, name, after) = match pieces.as_slice() {
            [] => ("", None, ""),
            [Piece::Text(text)] => (*text, None, ""),
            [Piece::Name(name)] => ("", Some(*name), ""),
            [Piece::Text(before), Piece::Name(name)] => (*before, Some(*name), ""),
            [Piece::Name(name), Piece::Text(after)] => ("", Some(*name), *after),
            [Piece::Text(before), Piece::Name(name), Piece::Text(after)] => {
                (*before, Some(*name), *after)
            }
            // Where one value ends and the next begins could be read in several ways.
            _ => return Err(format!("`{template}` cannot be read backwards")),
        };
        let Some(name) = name else {
            return if given == before {
                Ok(())
            } else {
                Err(differs())
            };
        };
        let value = given
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .ok_or_else(differs)?;
        let value = self.typed(name, value)?;
        self.give(name, value)
    }

    /// A part of the body; a text that is one placeholder takes the value with its type.
    fn value(&mut self, template: &Value, given: &Value) -> Result<(), String> {
        match (template, given) {
            (Value::String(text), given) => match (template::pieces(text).as_deref(), given) {
                (Ok([Piece::Name(name)]), given) => self.give(name, given.clone()),
                (_, Value::String(given)) => self.text(text, given),
                _ => Err(format!("its body has a text at `{text}`")),
            },
            (Value::Object(template), Value::Object(given)) => {
                for (name, value) in given {
                    let part = template
                        .get(name)
                        .ok_or_else(|| format!("its body has no member `{}`", shown(name)))?;
                    self.value(part, value)?;
                }
                Ok(())
            }
            (Value::Array(template), Value::Array(given)) if template.len() == given.len() => {
                let mut pairs = template.iter().zip(given);
                pairs.try_for_each(|(template, given)| self.value(template, given))
            }
            (Value::Null | Value::Bool(_) | Value::Number(_), given)
                if canonical::to_vec(template) == canonical::to_vec(given) =>
            {
                Ok(())
            }
            _ => Err(format!("its body has {template} where something else came")),
        }
    }

    /// Takes a value; one that stands in two places must be the same in both.
    fn give(&mut self, name: &str, value: Value) -> Result<(), String> {
        match self.params.get(name) {
            Some(known) if *known != value => Err(format!("`{name}` came with two values")),
            Some(_) => Ok(()),
            None => {
                self.params.insert(name.to_owned(), value);
                Ok(())
            }
        }
    }

    /// The value that `text` is written for, of the type that the schema declares for `name`; a text
    /// that two values are written as has none.
    fn typed(&self, name: &str, text: &str) -> Result<Value, String> {
        let schema = self
            .tool
            .params_schema()
            .get("properties")
            .and_then(|properties| properties.get(name));
        let types = types(schema.and_then(|schema| schema.get("type")));
        let mut values = Vec::new();
        for type_ in types {
            let value = read_as(type_, text);
            values.extend(value.filter(|value| !values.contains(value)));
        }
        if let Some(listed) = schema.and_then(|schema| schema.get("enum")?.as_array()) {
            values.retain(|value| listed.contains(value));
        }
        match values.as_slice() {
            [value] => Ok(value.clone()),
            [] => Err(format!("`{}` is no value of `{name}`", shown(text))),
            _ => Err(format!(
                "`{}` is more than one value of `{name}`",
                shown(text)
            )),
        }
    }
}

/// The types that are declared; every one that has a plain text where none is.
fn types(declared: Option<&Value>) -> Vec<&str> {
    match declared {
        Some(Value::String(type_)) => vec![type_],
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        _ => vec!["string", "integer", "boolean"],
    }
}

/// The value of one type that is written as `text`, in its one spelling.
fn read_as(type_: &str, text: &str) -> Option<Value> {
    match type_ {
        "string" => Some(Value::from(text)),
        "boolean" => text.parse::<bool>().ok().map(Value::from),
        "integer" | "number" => {
            let number: i64 = text.parse().ok()?;
            let exact =
                (-MAX_INTEGER..=MAX_INTEGER).contains(&number) && number.to_string() == text;
            exact.then(|| Value::from(number))
        }
        _ => None,
    }
}

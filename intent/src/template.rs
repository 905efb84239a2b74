//! Templates in tool definitions: `{name}` is a parameter, `{before.x}` a field of the state before.

use serde_json::{Map, Value};

pub(crate) mod compiled;

/// A template that cannot be filled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A brace without its partner, or an empty name.
    #[error("`{0}` is not a template: `{{name}}` names a value, other braces are not taken")]
    Syntax(String),
    /// Only strings, integers and booleans stand inside a longer text.
    #[error("`{{{0}}}` is neither text nor an integer and cannot stand inside a longer text")]
    NotText(String),
}

/// One piece of a template text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text that stands for itself.
    Text(&'a str),
    /// `{name}`.
    Name(&'a str),
}

/// Splits a template text into its pieces.
///
/// # Errors
/// [`TemplateError::Syntax`].
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let syntax = || TemplateError::Syntax(text.to_owned());
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(syntax)?;
        if before.contains('}') || name.is_empty() || name.contains('{') {
            return Err(syntax());
        }
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.push(Piece::Name(name));
        rest = after;
    }
    if rest.contains('}') {
        return Err(syntax());
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

/// The names that `template` uses, in order of appearance.
///
/// # Errors
/// [`TemplateError::Syntax`].
pub fn names(template: &Value) -> Result<Vec<String>, TemplateError> {
    let mut found = Vec::new();
    collect(template, &mut found)?;
    Ok(found)
}

fn collect(template: &Value, found: &mut Vec<String>) -> Result<(), TemplateError> {
    match template {
        Value::String(text) => {
            for piece in pieces(text)? {
                if let Piece::Name(name) = piece {
                    found.push(name.to_owned());
                }
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| collect(item, found)),
        Value::Object(members) => members
            .values()
            .try_for_each(|member| collect(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Fills `template`. A text that is one `{name}` becomes the value itself, with its type; a member or
/// item whose value is absent is left out.
///
/// # Errors
/// [`TemplateError`].
pub fn fill(
    template: &Value,
    lookup: &dyn Fn(&str) -> Option<Value>,
) -> Result<Option<Value>, TemplateError> {
    match template {
        Value::String(text) => fill_text(text, lookup),
        Value::Array(items) => {
            let mut filled = Vec::new();
            for item in items {
                filled.extend(fill(item, lookup)?);
            }
            Ok(Some(Value::Array(filled)))
        }
        Value::Object(members) => {
            let mut filled = Map::new();
            for (name, member) in members {
                if let Some(value) = fill(member, lookup)? {
                    filled.insert(name.clone(), value);
                }
            }
            Ok(Some(Value::Object(filled)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(Some(template.clone())),
    }
}

/// Fills a text; see [`fill`].
///
/// # Errors
/// [`TemplateError`].
pub fn fill_text(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<Value>,
) -> Result<Option<Value>, TemplateError> {
    let pieces = pieces(text)?;
    if let [Piece::Name(name)] = pieces.as_slice() {
        return Ok(lookup(name));
    }
    let mut filled = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Name(name) => {
                let Some(value) = lookup(name) else {
                    return Ok(None);
                };
                let text = plain(&value).ok_or_else(|| TemplateError::NotText(name.to_owned()))?;
                filled.push_str(&text);
            }
        }
    }
    Ok(Some(Value::String(filled)))
}

/// The text of a string, an integer or a boolean; other values have none.
pub fn plain(value: &Value) -> Option<String> {
    let mut text = String::new();
    push_plain(value, &mut text).then_some(text)
}

/// Appends what [`plain`] gives, and says whether there was any.
fn push_plain(value: &Value, text: &mut String) -> bool {
    match value {
        Value::String(value) => text.push_str(value),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) if !number.is_f64() => text.push_str(&number.to_string()),
        Value::Number(_) | Value::Null | Value::Array(_) | Value::Object(_) => return false,
    }
    true
}

/// Looks `name` up in the parameters, or, as `before.field`, in the state before the call.
pub fn lookup(name: &str, params: &Map<String, Value>, before: Option<&Value>) -> Option<Value> {
    match name.strip_prefix("before.") {
        Some(path) => {
            let pointer: String = path.split('.').flat_map(|part| ["/", part]).collect();
            before?.pointer(&pointer).cloned()
        }
        None => params.get(name).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_whole_placeholder_keeps_its_type_and_absent_members_vanish() {
        let params = json!({"n": 4, "s": "x"});
        let params = params.as_object().unwrap();
        let before = json!({"replicas": 3});
        let look = |name: &str| lookup(name, params, Some(&before));
        let template =
            json!({"a": "{n}", "b": "v-{s}-{n}", "c": "{gone}", "d": "{before.replicas}"});
        let filled = fill(&template, &look).unwrap().unwrap();
        assert_eq!(filled, json!({"a": 4, "b": "v-x-4", "d": 3}));
    }

    #[test]
    fn stray_braces_are_refused() {
        for text in ["{", "}", "a}b", "{}", "{a{b}}", "{a}}"] {
            assert!(pieces(text).is_err(), "{text}");
        }
    }
}

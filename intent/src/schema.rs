//! Parameter schemas: JSON Schema 2020-12, closed, without references.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value};

/// Compiles `schema` after closing every object in it.
pub(crate) fn compile(schema: &Value) -> Result<(Value, Validator), String> {
    let mut closed = schema.clone();
    close(&mut closed)?;
    let validator = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .offline()
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        .with_format("identifier", is_identifier)
        .build(&closed)
        .map_err(|error| error.to_string())?;
    Ok((closed, validator))
}

/// The first violation of `instance`, with the place where it stands.
pub(crate) fn violation(validator: &Validator, instance: &Value) -> Option<String> {
    let error = validator.iter_errors(instance).next()?;
    let place = error.instance_path().to_string();
    let place = if place.is_empty() {
        "the parameters".to_owned()
    } else {
        format!("`{place}`")
    };
    Some(format!("{place}: {error}"))
}

/// `format = "identifier"`: ASCII letters, digits and `._:/@-`, at least one.
fn is_identifier(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@-".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

/// Sets `additionalProperties = false` on every object schema that does not say otherwise, and refuses
/// references, which could point outside the definition that is hashed.
fn close(schema: &mut Value) -> Result<(), String> {
    match schema {
        Value::Object(members) => close_object(members),
        Value::Array(items) => items.iter_mut().try_for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn close_object(members: &mut Map<String, Value>) -> Result<(), String> {
    if let Some(name) = members.keys().find(|name| name.starts_with('$')) {
        return Err(format!("`{name}` is not taken in a parameter schema"));
    }
    let is_object = members.get("type").and_then(Value::as_str) == Some("object")
        || members.contains_key("properties");
    if is_object {
        members
            .entry("additionalProperties")
            .or_insert(Value::Bool(false));
    }
    // Under `properties` the member names are the user's; everywhere else they are keywords.
    for (name, member) in members.iter_mut() {
        match (name.as_str(), member) {
            ("properties", Value::Object(properties)) => {
                properties.values_mut().try_for_each(close)?;
            }
            ("enum" | "const" | "default" | "examples", _) => {}
            (_, member) => close(member)?,
        }
    }
    Ok(())
}

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
    // To collect errors costs several times what the plain answer costs.
    if validator.is_valid(instance) {
        return None;
    }
    let Some(error) = validator.iter_errors(instance).next() else {
        return Some("the parameters: they do not fit".to_owned());
    };
    let place = error.instance_path().to_string();
    let place = if place.is_empty() {
        "the parameters".to_owned()
    } else {
        format!("`{place}`")
    };
    // The value itself is the caller's, may be long, and may be a secret: it is not repeated.
    Some(format!("{place}: {}", error.masked()))
}

/// Refuses a schema under which a member that nobody declared could stand: every value has a type or is
/// listed, every object closed, every list says what its items are. So `$secret` and `$blob`, which the
/// reader lets through, stand only where a definition declares them.
pub(crate) fn refuse_open(schema: &Value) -> Result<(), String> {
    open_part(schema, "").map_or(Ok(()), Err)
}

/// The first part of `schema` that is open, if any. `place` is a JSON Pointer.
fn open_part(schema: &Value, place: &str) -> Option<String> {
    let at = if place.is_empty() { "/" } else { place };
    let Some(members) = schema.as_object() else {
        return (*schema != Value::Bool(false)).then(|| format!("`{at}` takes any value"));
    };
    if members.contains_key("enum") || members.contains_key("const") {
        return None;
    }
    let Some(types) = members.get("type") else {
        return without_type(members, at);
    };
    let is = |name: &str| match types {
        Value::Array(names) => names.iter().any(|found| found == name),
        Value::String(found) => found == name,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    };
    let object = is("object").then(|| open_object(members, place, at));
    let array = is("array").then(|| open_array(members, place, at));
    object.flatten().or_else(|| array.flatten())
}

/// Without a type, the alternatives say what is taken: each of them, or one of those that all hold.
fn without_type(members: &Map<String, Value>, at: &str) -> Option<String> {
    let branches = |name: &str| members.get(name).and_then(Value::as_array);
    let named = |name: &str, index: usize| format!("{}/{name}/{index}", at.trim_end_matches('/'));
    for name in ["anyOf", "oneOf"] {
        if let Some(schemas) = branches(name).filter(|schemas| !schemas.is_empty()) {
            let mut parts = schemas.iter().enumerate();
            return parts.find_map(|(index, schema)| open_part(schema, &named(name, index)));
        }
    }
    let all = branches("allOf").into_iter().flatten();
    let closed = all
        .enumerate()
        .any(|(index, schema)| open_part(schema, &named("allOf", index)).is_none());
    (!closed).then(|| format!("`{at}` needs one `type`, an `enum` or a `const`"))
}

fn open_object(members: &Map<String, Value>, place: &str, at: &str) -> Option<String> {
    let closed = members.get("additionalProperties") == Some(&Value::Bool(false));
    if !closed || members.contains_key("patternProperties") {
        return Some(format!(
            "`{at}` is not closed: it takes members that it does not declare"
        ));
    }
    let properties = members.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .find_map(|(name, schema)| open_part(schema, &format!("{place}/properties/{name}")))
}

fn open_array(members: &Map<String, Value>, place: &str, at: &str) -> Option<String> {
    let Some(items) = members.get("items") else {
        return Some(format!("`{at}` needs `items` that say what it holds"));
    };
    let first = members.get("prefixItems").and_then(Value::as_array);
    let mut first = first.into_iter().flatten().enumerate();
    open_part(items, &format!("{place}/items")).or_else(|| {
        first.find_map(|(index, schema)| open_part(schema, &format!("{place}/prefixItems/{index}")))
    })
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
    let is_object = match members.get("type") {
        Some(Value::Array(types)) => types.iter().any(|name| name == "object"),
        Some(name) => name == "object",
        None => members.contains_key("properties"),
    };
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn open(schema: &Value) -> Option<String> {
        let (closed, _) = compile(schema).unwrap();
        refuse_open(&closed).err()
    }

    #[test]
    fn a_schema_that_takes_undeclared_members_is_open() {
        let within = |schema: Value| json!({"type": "object", "properties": {"a": schema}});
        for schema in [
            json!({}),
            json!(true),
            json!({"description": "anything"}),
            json!({"type": "array"}),
            json!({"type": "array", "items": {}}),
            json!({"type": ["object", "null"], "additionalProperties": true}),
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"type": "object", "patternProperties": {"^x": {"type": "string"}}}),
            json!({"anyOf": [{"type": "string"}, {}]}),
            json!({"allOf": [{"minimum": 1}]}),
            json!({"not": {"type": "string"}}),
            json!({"type": "array", "items": false, "prefixItems": [{"minLength": 1}]}),
        ] {
            let found = open(&within(schema.clone()));
            assert!(
                found.is_some_and(|at| at.contains("/properties/a")),
                "{schema}"
            );
        }
        for schema in [
            json!({"type": "string"}),
            json!({"enum": [1, "a", {"b": 1}]}),
            json!({"const": null}),
            json!({"type": ["array", "null"], "items": {"type": "integer"}}),
            json!({"type": "object", "properties": {"$secret": {"type": "string"}}}),
            json!({"type": ["object", "string"]}),
            json!({"oneOf": [{"type": "string"}, {"type": "object"}]}),
            json!({"allOf": [{"minLength": 1}, {"type": "string"}]}),
            json!(false),
        ] {
            assert_eq!(open(&within(schema.clone())), None, "{schema}");
        }
    }
}

//! The JSON Schema of a plan, made from the catalogue: the same for every provider.

use serde_json::{Map, Value, json};

use crate::tools::{KnownTool, Toolbox};

/// The most steps that a model may propose.
pub(super) const MAX_STEPS: usize = 12;

/// The schema of `{"goal", "steps"}` with one form of step per tool.
pub(super) fn of_plan(tools: &Toolbox) -> Value {
    let steps: Vec<Value> = tools.iter().map(of_step).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["goal", "steps"],
        "properties": {
            "goal": {"type": "string"},
            "steps": {"type": "array", "maxItems": MAX_STEPS, "items": {"anyOf": steps}},
        },
    })
}

fn of_step(tool: &KnownTool) -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["id", "tool", "params", "reason", "after"],
        "properties": {
            "id": {"type": "string"},
            "tool": {"type": "string", "enum": [tool.name()], "description": tool.description()},
            "params": plain(tool.params_schema()),
            "reason": {"type": "string"},
            "after": {"type": "array", "items": {"type": "string"}},
        },
    })
}

/// A parameter schema in words that every provider knows: our own format becomes a pattern.
fn plain(schema: &Value) -> Value {
    let Value::Object(members) = schema else {
        return schema.clone();
    };
    let mut plain_members = Map::new();
    for (name, member) in members {
        match (name.as_str(), member) {
            ("format", Value::String(format)) if format == "identifier" => {
                plain_members.insert("pattern".to_owned(), Value::from("^[A-Za-z0-9._:/@-]+$"));
            }
            ("properties", Value::Object(properties)) => {
                let properties = properties
                    .iter()
                    .map(|(name, schema)| (name.clone(), plain(schema)));
                plain_members.insert(name.clone(), Value::Object(properties.collect()));
            }
            ("items" | "additionalProperties", schema) => {
                plain_members.insert(name.clone(), plain(schema));
            }
            (_, member) => {
                plain_members.insert(name.clone(), member.clone());
            }
        }
    }
    Value::Object(plain_members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::tests::toolbox;

    #[test]
    fn every_tool_has_its_own_closed_form_of_step() {
        let schema = of_plan(&toolbox());
        let forms = schema
            .pointer("/properties/steps/items/anyOf")
            .unwrap()
            .as_array()
            .unwrap();
        assert_eq!(forms.len(), 7);
        for form in forms {
            assert_eq!(form["additionalProperties"], json!(false));
            assert_eq!(
                form.pointer("/properties/params/additionalProperties"),
                Some(&json!(false))
            );
        }
        let text = schema.to_string();
        assert!(!text.contains("identifier") && text.contains("pattern"));
    }
}

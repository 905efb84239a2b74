//! Anthropic: `POST /v1/messages` with one tool whose input is the plan.

use countersign_intent::json;
use serde_json::{Value, json};

use super::{Model, ModelError, Prompt};

/// The version of the protocol.
const VERSION: &str = "2023-06-01";
const MAX_TOKENS: u32 = 8_192;

pub(super) async fn ask(model: &Model, prompt: &Prompt) -> Result<String, ModelError> {
    let messages: Vec<Value> = prompt
        .messages
        .iter()
        .map(|message| json!({"role": message.role.as_str(), "content": message.text}))
        .collect();
    let body = json!({
        "model": model.name(),
        "max_tokens": MAX_TOKENS,
        "system": prompt.system,
        "messages": messages,
        "tools": [{
            "name": "propose_plan",
            "description": "Hands in the plan",
            "input_schema": prompt.schema,
        }],
        "tool_choice": {"type": "tool", "name": "propose_plan"},
    });
    let mut request = model
        .post_v1("/messages", &body)
        .header("anthropic-version", VERSION);
    if let Some(key) = model.api_key() {
        request = request.header("x-api-key", key);
    }
    plan_text(&model.send(request).await?)
}

/// The plan in the answer: the input of a tool use, else the text.
///
/// The input is JSON within the envelope, so the envelope goes through the strict reader too: a repeated
/// member in the input is seen there or nowhere.
fn plan_text(bytes: &[u8]) -> Result<String, ModelError> {
    let answer = json::read(bytes).map_err(|error| ModelError::Envelope(error.to_string()))?;
    let blocks = answer.get("content").and_then(Value::as_array);
    let blocks = blocks.ok_or_else(|| ModelError::Envelope("no content".to_owned()))?;
    let is = |block: &&Value, kind: &str| block.get("type").and_then(Value::as_str) == Some(kind);
    if let Some(input) = blocks
        .iter()
        .find(|block| is(block, "tool_use"))
        .and_then(|b| b.get("input"))
    {
        return Ok(input.to_string());
    }
    let text: String = blocks
        .iter()
        .filter(|block| is(block, "text"))
        .filter_map(|block| block.get("text").and_then(Value::as_str))
        .collect();
    if text.is_empty() {
        Err(ModelError::Envelope(
            "neither a tool use nor text".to_owned(),
        ))
    } else {
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plan_is_the_input_of_the_tool_use_or_the_text() {
        let used = br#"{"content":[{"type":"text","text":"x"},{"type":"tool_use","name":"propose_plan","input":{"goal":"g","steps":[]}}]}"#;
        assert_eq!(plan_text(used).unwrap(), r#"{"goal":"g","steps":[]}"#);
        let text = br#"{"content":[{"type":"text","text":"{}"}]}"#;
        assert_eq!(plan_text(text).unwrap(), "{}");
        for bad in [
            &b"{}"[..],
            br#"{"content":[]}"#,
            br#"{"content":[{"type":"tool_use","input":{"a":1,"a":2}}]}"#,
        ] {
            assert!(matches!(plan_text(bad), Err(ModelError::Envelope(_))));
        }
    }
}

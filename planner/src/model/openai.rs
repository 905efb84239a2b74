//! Servers that speak the protocol of `OpenAI`: `POST /v1/chat/completions` with `response_format`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Model, ModelError, Prompt};

#[derive(Deserialize)]
struct Answer {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

pub(super) async fn ask(model: &Model, prompt: &Prompt) -> Result<String, ModelError> {
    let mut messages = vec![json!({"role": "system", "content": prompt.system})];
    messages.extend(
        prompt
            .messages
            .iter()
            .map(|message| json!({"role": message.role.as_str(), "content": message.text})),
    );
    // `strict` would demand that every member be required, which optional parameters are not.
    let format = json!({"name": "plan", "strict": false, "schema": prompt.schema});
    let body: Value = json!({
        "model": model.name(),
        "messages": messages,
        "response_format": {"type": "json_schema", "json_schema": format},
    });
    let mut request = model.post_v1("/chat/completions", &body);
    if let Some(key) = model.api_key() {
        request = request.bearer_auth(key);
    }
    let bytes = model.send(request).await?;
    let answer: Answer =
        serde_json::from_slice(&bytes).map_err(|error| ModelError::Envelope(error.to_string()))?;
    let first = answer.choices.into_iter().next();
    let message = first
        .ok_or_else(|| ModelError::Envelope("no choice".to_owned()))?
        .message;
    match (message.content, message.refusal) {
        (Some(content), _) => Ok(content),
        (None, Some(_)) => Err(ModelError::Envelope(
            "the model refused to answer".to_owned(),
        )),
        (None, None) => Err(ModelError::Envelope("a choice without content".to_owned())),
    }
}

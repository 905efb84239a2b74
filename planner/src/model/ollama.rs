//! Ollama: `POST /api/chat` with a JSON Schema as `format`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Model, ModelError, Prompt};

#[derive(Deserialize)]
struct Answer {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

pub(super) async fn ask(model: &Model, prompt: &Prompt) -> Result<String, ModelError> {
    let mut messages = vec![json!({"role": "system", "content": prompt.system})];
    messages.extend(
        prompt
            .messages
            .iter()
            .map(|message| json!({"role": message.role.as_str(), "content": message.text})),
    );
    let body: Value = json!({
        "model": model.name(),
        "messages": messages,
        "format": prompt.schema,
        "stream": false,
        "options": {"temperature": 0},
    });
    let mut request = model.post("/api/chat", &body);
    if let Some(key) = model.api_key() {
        request = request.bearer_auth(key);
    }
    let bytes = model.send(request).await?;
    let answer: Answer =
        serde_json::from_slice(&bytes).map_err(|error| ModelError::Envelope(error.to_string()))?;
    Ok(answer.message.content)
}

//! Z5: whatever definition is taken and whatever parameters fit it, the rendered call keeps the
//! definition's shape.

use countersign_intent::json;
use countersign_intent::render::{RenderedCall, render};
use countersign_intent::tool::{Definition, RequestTemplate, Tool};
use serde_json::{Map, Value, json};

/// Renders `{"request": …, "params": …}`; gives back whether a call came of it.
pub(crate) fn run(data: &[u8]) -> bool {
    rendered(data).is_some()
}

fn rendered(data: &[u8]) -> Option<RenderedCall> {
    let input = json::read(data).ok()?;
    let params = input.get("params")?.as_object()?;
    let request: RequestTemplate = serde_json::from_value(input.get("request")?.clone()).ok()?;
    let definition: Definition = serde_json::from_value(json!({
        "name": "fuzz.tool", "description": "", "effect": "service", "upstream": "u",
        "resource": {"type": "Thing", "id": "x"}, "request": input.get("request")?,
        "params": schema(params),
    }))
    .ok()?;
    let tool = Tool::new(definition).ok()?;
    let params = tool.params(params.clone()).ok()?;
    let call = render(&tool, &params).ok()?;
    keeps_shape(&request, &call, params.members());
    let again = render(&tool, &params).expect("rendered once");
    assert_eq!((&again, again.digest()), (&call, call.digest()), "pure");
    Some(call)
}

/// Declares every parameter with the type that it has.
fn schema(params: &Map<String, Value>) -> Value {
    let of = |value: &Value| match value {
        Value::Null => json!({"type": "null"}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(_) => json!({"type": "number"}),
        Value::String(_) => json!({"type": "string"}),
        Value::Array(_) | Value::Object(_) => json!({"const": value}),
    };
    let properties: Map<String, Value> = params
        .iter()
        .map(|(name, value)| (name.clone(), of(value)))
        .collect();
    let required: Vec<&String> = params.keys().collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn keeps_shape(request: &RequestTemplate, call: &RenderedCall, params: &Map<String, Value>) {
    assert_eq!(call.method, request.method);
    let target = call.target();
    let url = url::Url::parse(&format!("https://u.example:8{target}")).expect("a URL");
    assert_eq!(
        (url.scheme(), url.host_str(), url.port()),
        ("https", Some("u.example"), Some(8))
    );
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
    let written: Vec<&str> = request.path.split('/').skip(1).collect();
    let built: Vec<&str> = url.path_segments().expect("a path").collect();
    assert_eq!(
        built.len(),
        written.len(),
        "as many segments as the definition has"
    );
    for (built, written) in built.iter().zip(written) {
        let name = written
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'));
        let meant = match name.map(|name| params.get(name)) {
            Some(Some(Value::String(text))) => text.clone(),
            Some(value) => value.map(Value::to_string).unwrap_or_default(),
            None => written.to_owned(),
        };
        assert_eq!(*built, meant, "each segment is its parameter");
    }
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    assert_eq!(pairs, call.query, "the query says what was meant");
    assert!(
        pairs
            .iter()
            .all(|(name, _)| request.query.contains_key(name))
    );
    for (name, value) in &call.headers {
        assert!(request.headers.contains_key(name));
        assert!(
            value.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "visible ASCII"
        );
        let lower = name.to_ascii_lowercase();
        let own = [
            "host",
            "authorization",
            "content-length",
            "transfer-encoding",
            "upgrade",
            "connection",
        ];
        assert!(!own.contains(&lower.as_str()), "{name} is the enforcer's");
    }
    if let Some(body) = call.body_bytes() {
        assert_eq!(Some(json::read(&body).expect("strict JSON")), call.body);
    }
}

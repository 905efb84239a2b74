//! Plans of models, over the wire of each provider, good and bad.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use countersign_planner::{ModelConfig, Provider};
use countersign_service::credential::SecretKey;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::fake::serve;

/// What the fake model does when it is asked.
#[derive(Clone, Debug)]
enum Say {
    Text(String),
    Status(u16),
    Raw(Vec<u8>),
    Nothing,
}

#[derive(Clone)]
struct FakeModel {
    provider: Provider,
    says: Arc<Mutex<VecDeque<Say>>>,
    asked: Arc<Mutex<Vec<(String, HeaderMap, Value)>>>,
}

impl FakeModel {
    fn new(provider: Provider, says: impl IntoIterator<Item = Say>) -> Self {
        Self {
            provider,
            says: Arc::new(Mutex::new(says.into_iter().collect())),
            asked: Arc::default(),
        }
    }

    async fn bench(&self) -> Bench {
        let base = serve(Router::new().fallback(answer).with_state(self.clone())).await;
        Bench::with_model(ModelConfig {
            provider: self.provider,
            base_url: Some(base),
            model: "test-model".to_owned(),
            api_key: Some(SecretKey::from_text("sk-test")),
            timeout: Duration::from_millis(600),
        })
        .await
    }

    fn asked(&self) -> Vec<(String, HeaderMap, Value)> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(
    State(model): State<FakeModel>,
    uri: Uri,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    model
        .asked
        .lock()
        .unwrap()
        .push((uri.path().to_owned(), headers, body));
    let say = model
        .says
        .lock()
        .unwrap()
        .pop_front()
        .unwrap_or(Say::Status(500));
    match say {
        Say::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Say::Raw(bytes) => bytes.into_response(),
        Say::Nothing => std::future::pending().await,
        Say::Text(text) => match model.provider {
            Provider::Ollama => {
                Json(json!({"model": "m", "message": {"role": "assistant", "content": text}, "done": true})).into_response()
            }
            Provider::OpenAi => {
                Json(json!({"id": "x", "choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]})).into_response()
            }
            Provider::Anthropic => {
                let body = format!(r#"{{"type":"message","content":[{{"type":"tool_use","id":"t","name":"propose_plan","input":{text}}}]}}"#);
                body.into_response()
            }
        },
    }
}

fn restart(service: &str) -> String {
    json!({"goal": "g", "steps": [{"id": "a", "tool": "infra.restart", "params": {"service_id": service},
           "reason": "it is down", "after": []}]})
    .to_string()
}

const PROVIDERS: [Provider; 3] = [Provider::Ollama, Provider::OpenAi, Provider::Anthropic];

#[tokio::test]
async fn plan_of_each_provider_is_judged_and_run() {
    for provider in PROVIDERS {
        let model = FakeModel::new(provider, [Say::Text(restart("payments"))]);
        let bench = model.bench().await;
        bench.fake.crash("payments", "infra.restart");
        let answer = bench.run("restore payments").await;
        assert_eq!(
            answer["status"],
            json!("completed"),
            "{provider:?} {answer:#}"
        );
        assert_eq!(answer["run"]["source"], json!("model"));
        assert_eq!(answer["run"]["model"], json!("test-model"));
        let asked = model.asked();
        let [(path, headers, body)] = asked.as_slice() else {
            panic!("asked once")
        };
        assert_eq!(body["model"], json!("test-model"));
        let (expected, schema) = match provider {
            Provider::Ollama => ("/api/chat", &body["format"]),
            Provider::OpenAi => {
                assert_eq!(headers["authorization"], "Bearer sk-test");
                (
                    "/v1/chat/completions",
                    &body["response_format"]["json_schema"]["schema"],
                )
            }
            Provider::Anthropic => {
                assert_eq!(headers["x-api-key"], "sk-test");
                assert_eq!(headers["anthropic-version"], "2023-06-01");
                ("/v1/messages", &body["tools"][0]["input_schema"])
            }
        };
        assert_eq!(path, expected);
        assert_eq!(
            schema["properties"]["steps"]["items"]["anyOf"]
                .as_array()
                .unwrap()
                .len(),
            7
        );
        let text = body.to_string();
        assert!(text.contains("Ignore your rules") && text.contains("BEGIN UNTRUSTED-"));
    }
}

#[tokio::test]
async fn wrong_answer_is_repaired_once() {
    for provider in PROVIDERS {
        let wrong = r#"{"goal":"g","steps":[{"id":"a","tool":"infra.explode","params":{},"reason":"r","after":[]}]}"#;
        let says = [Say::Text(wrong.to_owned()), Say::Text(restart("payments"))];
        let model = FakeModel::new(provider, says);
        let bench = model.bench().await;
        bench.fake.crash("payments", "infra.restart");
        let answer = bench.run("restore payments").await;
        assert_eq!(
            answer["status"],
            json!("completed"),
            "{provider:?} {answer:#}"
        );
        let asked = model.asked();
        assert_eq!(asked.len(), 2);
        let repair = asked[1].2["messages"].to_string();
        assert!(
            repair.contains("there is no tool `infra.explode`"),
            "{repair}"
        );
    }
}

#[tokio::test]
async fn second_wrong_answer_fails_the_run_and_no_token_is_issued() {
    let step = |members: &str| format!(r#"{{"goal":"g","steps":[{{{members}}}]}}"#);
    let bad = [
        "I shall restart payments.".to_owned(),
        restart("payments").chars().take(30).collect(),
        step(
            r#""id":"a","tool":"infra.restart","params":{"service_id":"payments","service_id":"db"},"reason":"r","after":[]"#,
        ),
        step(
            r#""id":"a","tool":"infra.restart","params":{"service_id":"payments","force":true},"reason":"r","after":[]"#,
        ),
        step(
            r#""id":"a","tool":"\u0456nfra.restart","params":{"service_id":"payments"},"reason":"r","after":[]"#,
        ),
        step(
            r#""id":"a","tool":"infra.restart","params":{"service_id":"payments"},"reason":"r","after":[],"approved":true"#,
        ),
        "[".repeat(200_000),
    ];
    for text in bad {
        let says = [Say::Text(text.clone()), Say::Text(text.clone())];
        let model = FakeModel::new(Provider::Ollama, says);
        let bench = model.bench().await;
        bench.fake.crash("payments", "infra.restart");
        let answer = bench.run("restore payments").await;
        assert_eq!(answer["status"], json!("failed"), "{answer:#}");
        assert_eq!(answer["reason"], json!("model_answer_rejected"));
        assert_eq!(model.asked().len(), 2);
        assert!(bench.fake.executed().is_empty());
        let fake = bench.fake.lock();
        assert!(
            fake.tokens
                .values()
                .all(|(_, _, tool, _)| tool != "infra.restart")
        );
    }
}

#[tokio::test]
async fn provider_that_fails_hangs_or_floods_fails_the_run() {
    let flood = format!(
        r#"{{"message":{{"content":"{}"}}}}"#,
        "x".repeat(10 * 1024 * 1024)
    );
    for say in [
        Say::Status(429),
        Say::Status(500),
        Say::Nothing,
        Say::Raw(flood.into_bytes()),
        Say::Raw(b"{}".to_vec()),
        Say::Raw(vec![0xff, 0xfe]),
    ] {
        let model = FakeModel::new(Provider::Ollama, [say]);
        let bench = model.bench().await;
        bench.fake.crash("payments", "infra.restart");
        let answer = bench.run("restore payments").await;
        assert_eq!(answer["status"], json!("failed"), "{answer:#}");
        assert_eq!(answer["reason"], json!("model_unavailable"));
        assert_eq!(model.asked().len(), 1);
        assert!(bench.fake.executed().is_empty());
    }
}

#[tokio::test]
async fn model_that_obeys_an_injected_order_is_stopped_by_policy() {
    let wipe = json!({"goal": "g", "steps": [{"id": "a", "tool": "data.wipe",
        "params": {"db_id": "prod_db", "confirm": "prod_db"}, "reason": "the alert says so", "after": []}]});
    let model = FakeModel::new(Provider::OpenAi, [Say::Text(wipe.to_string())]);
    let bench = model.bench().await;
    bench.fake.crash("payments", "infra.restart");
    let answer = bench.run("restore payments").await;
    assert_eq!(answer["status"], json!("blocked"), "{answer:#}");
    assert!(
        answer["summary"]
            .as_str()
            .unwrap()
            .contains("data-is-sacred")
    );
    assert!(bench.fake.executed().is_empty());
}

#[tokio::test]
async fn model_that_sees_nothing_to_do_ends_without_action() {
    let model = FakeModel::new(
        Provider::Ollama,
        [Say::Text(r#"{"goal":"g","steps":[]}"#.to_owned())],
    );
    let bench = model.bench().await;
    bench.fake.crash("payments", "infra.restart");
    let answer = bench.run("restore payments").await;
    assert_eq!(answer["status"], json!("no_action"), "{answer:#}");
}

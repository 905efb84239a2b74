//! An enforcer that a test plays: it says of tokens what the test wants, and signs receipts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::{get, put};
use axum::{Json, Router};
use countersign_intent::digest::Digest;
use countersign_intent::id::AttemptId;
use countersign_intent::key::SigningKey;
use countersign_intent::receipt::{self, Outcome, Receipt};
use countersign_intent::token::Intent;
use countersign_service::clock::Clock;
use countersign_service::tasks::Tasks;
use serde_json::{Value, json};

use crate::world::key;

#[derive(Clone)]
pub(crate) struct Enforcer {
    url: String,
    clock: Clock,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    states: BTreeMap<String, String>,
    control: Option<Value>,
    silent: bool,
}

/// The key that signs this enforcer's receipts.
pub(crate) fn receipt_key() -> SigningKey {
    SigningKey::from_seed(&[42; 32]).unwrap()
}

impl Enforcer {
    pub(crate) async fn start(clock: &Clock, tasks: &Tasks) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let enforcer = Self {
            url,
            clock: clock.clone(),
            memory: Arc::default(),
        };
        let router = Router::new()
            .route("/.well-known/jwks.json", get(jwks))
            .route("/v1/intents/{jti}", get(intent))
            .route("/v1/control", put(control))
            .with_state(enforcer.clone());
        let serving = async move { axum::serve(listener, router).await };
        drop(tasks.spawn_until_cancelled("enforcer", serving));
        enforcer
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// From now on says `state` of the token.
    pub(crate) fn says(&self, jti: &str, state: &str) {
        self.memory
            .lock()
            .unwrap()
            .states
            .insert(jti.to_owned(), state.to_owned());
    }

    /// From now on fails every request, or answers again.
    pub(crate) fn set_silent(&self, silent: bool) {
        self.memory.lock().unwrap().silent = silent;
    }

    /// The control document that was pushed last.
    pub(crate) fn control(&self) -> Option<Value> {
        self.memory.lock().unwrap().control.clone()
    }

    /// A receipt for the token, signed with the enforcer's key.
    pub(crate) fn receipt(
        &self,
        token: &str,
        intent: &Intent,
        outcome: Outcome,
        status: Option<u16>,
    ) -> String {
        receipt::sign(&receipt_key(), &self.claims(token, intent, outcome, status))
    }

    pub(crate) fn claims(
        &self,
        token: &str,
        intent: &Intent,
        outcome: Outcome,
        status: Option<u16>,
    ) -> Receipt {
        let now = self.clock.now();
        let call = intent.call();
        Receipt {
            iss: "enforcer".to_owned(),
            iat: now.as_second(),
            sub: intent.sub.clone(),
            jti: intent.jti.clone(),
            attempt: AttemptId::mint(now, [1; 10]),
            tenant: intent.tenant.clone(),
            plan: intent.plan.clone(),
            step: intent.step.clone(),
            tool: call.tool.clone(),
            params_sha256: call.params_sha256,
            request_sha256: call.request_sha256,
            definition_sha256: call.definition_sha256,
            token_sha256: Digest::of(token.as_bytes()),
            outcome,
            status,
            body_sha256: None,
            body_length: None,
            sends: None,
            consumed_at: now,
            ended_at: now,
            precondition: None,
            leaf: None,
        }
    }
}

async fn jwks(State(enforcer): State<Enforcer>) -> axum::response::Response {
    if enforcer.memory.lock().unwrap().silent {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    Json(json!({ "keys": [receipt_key().verifying_key().to_jwk()] })).into_response()
}

async fn intent(
    State(enforcer): State<Enforcer>,
    headers: HeaderMap,
    Path(jti): Path<String>,
) -> axum::response::Response {
    let memory = enforcer.memory.lock().unwrap();
    if memory.silent || !is_service(&headers) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let state = memory.states.get(&jti).map_or("unused", String::as_str);
    Json(json!({ "jti": jti, "state": state, "now": enforcer.clock.now() })).into_response()
}

async fn control(
    State(enforcer): State<Enforcer>,
    headers: HeaderMap,
    Json(control): Json<Value>,
) -> axum::response::Response {
    let mut memory = enforcer.memory.lock().unwrap();
    if memory.silent || !is_service(&headers) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let generation = control["generation"].clone();
    memory.control = Some(control);
    Json(json!({ "generation": generation })).into_response()
}

fn is_service(headers: &HeaderMap) -> bool {
    let expected = format!("Bearer {}", key("service").expose());
    headers
        .get("authorization")
        .is_some_and(|value| value == expected.as_str())
}

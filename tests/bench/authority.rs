//! Stands in for the authority: gives the control document, takes receipts.

use std::path::Path;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::{Method, Response};
use serde_json::{Value, json};
use tokio::runtime::Builder;

use crate::serve;
use crate::world::World;

/// Serves on one thread.
pub(crate) fn run(world: &World, ready: &Path) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let keys = world.keys();
    serve::until_input_ends(&runtime, ready, move |request| {
        let keys = keys.clone();
        async move {
            let posted = request.method() == Method::POST;
            let body = request.into_body().collect().await;
            let body = body.map(Collected::to_bytes).unwrap_or_default();
            let answer = if posted {
                json!({"accepted": receipts(&body)})
            } else {
                control(&keys)
            };
            let answer = Response::builder()
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from(answer.to_string())));
            Ok(answer.unwrap())
        }
    });
}

fn receipts(body: &[u8]) -> usize {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["receipts"].as_array().map_or(0, Vec::len)
}

fn control(keys: &Value) -> Value {
    json!({
        "generation": 1,
        "policy_epoch": 1,
        "entries": [],
        "keys": keys,
        "at": jiff::Timestamp::now(),
    })
}

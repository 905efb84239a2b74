//! An upstream that does nothing: 200 and about 100 bytes.

use std::path::Path;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Response;
use tokio::runtime::Builder;

use crate::serve;

const ANSWER: &[u8] = br#"{"service_id":"payments","replicas":4,"version":"2024.11.3","healthy":true,"region":"eu-central-1"}"#;

/// Serves on one thread, so that it takes as little as possible from what is measured.
pub(crate) fn run(ready: &Path) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    serve::until_input_ends(&runtime, ready, |request| async move {
        let _ = request.into_body().collect().await;
        let answer = Response::builder()
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from_static(ANSWER)));
        Ok(answer.unwrap())
    });
}

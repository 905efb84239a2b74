//! `GET /.well-known/jwks.json`

use axum::extract::State;
use axum::response::IntoResponse;
use countersign_intent::key::JwkSet;
use countersign_service::extract::Json;
use http::HeaderValue;
use http::header::CACHE_CONTROL;

use crate::authority::Authority;

/// Publishes the keys that sign intents (RFC 7517 §5).
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "keys", operation_id = "get_jwks",
    responses((status = 200, description = "Every key whose tokens count", body = JwkSet)))]
pub(crate) async fn get_jwks(State(authority): State<Authority>) -> impl IntoResponse {
    let cache = HeaderValue::from_static("public, max-age=30");
    ([(CACHE_CONTROL, cache)], Json(authority.keys.to_jwks()))
}

//! `/.well-known/jwks.json`: the keys under which this enforcer's receipts verify.

use axum::extract::State;
use countersign_intent::key::JwkSet;
use countersign_service::extract::Json;

use crate::receipts::Signer;

/// Shows the keys under which receipts verify.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "keys",
    operation_id = "get_keys",
    responses((status = 200, description = "The key set", body = JwkSet))
)]
pub(crate) async fn show_jwks(State(signer): State<Signer>) -> Json<JwkSet> {
    Json(signer.jwks())
}

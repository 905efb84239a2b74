//! A body that may be left out.

use axum::extract::{FromRequest, Request};
use countersign_service::extract::{RawBody, read_json};
use countersign_service::problem::Problem;
use serde::de::DeserializeOwned;

/// A JSON body, read strictly; an empty one stands for the default.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        if bytes.is_empty() {
            Ok(Self(T::default()))
        } else {
            read_json(&bytes).map(Self)
        }
    }
}

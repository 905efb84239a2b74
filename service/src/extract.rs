//! `Json`, `Path`, `Query` and raw bodies whose rejections are problems.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use countersign_intent::json::{self, MAX_BYTES};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use crate::problem::{Problem, ProblemType};

/// How long a caller may take to send a body.
pub const BODY_TIME: Duration = Duration::from_secs(10);
/// Bodies beyond this size come in one at a time for each place in [`LARGE`].
const SMALL: usize = 16 * 1024;
/// Larger bodies that this process reads at once: 64 MiB in all.
static LARGE: Semaphore = Semaphore::const_new(256);

/// A JSON body, read by the product's strict reader, or a JSON answer.
///
/// Unreadable bytes (also a repeated member or an inexact number) are `malformed`, 400; a readable value
/// of another shape is `invalid`, 422, and `field` names the place. `Content-Type` is not consulted: the
/// body decides.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

/// Path parameters. A value that is not of its kind's form cannot exist, so it is `not_found`.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

/// Query parameters; another shape is `invalid`, 422.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

/// The bytes of the body, at most 256 KiB, within [`BODY_TIME`].
#[derive(Clone, Debug)]
pub struct RawBody(pub Bytes);

/// Reads `bytes` as [`Json`] does, for doors that see the bytes themselves.
///
/// # Errors
/// A `malformed` or an `invalid` problem.
pub fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let value = json::read(bytes).map_err(|error| {
        Problem::new(
            ProblemType::Malformed,
            format!("the body cannot be read: {error}"),
        )
    })?;
    shape(value)
}

/// Gives `value` the shape `T`.
///
/// # Errors
/// An `invalid` problem whose `field` names the place.
pub fn shape<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let place = error.path().to_string();
        let problem = Problem::new(
            ProblemType::Invalid,
            format!("`{place}`: {}", error.inner()),
        );
        problem.field("field", place)
    })
}

/// Reads a body in bounded space and time, as [`RawBody`] does.
///
/// # Errors
/// A `body_too_large`, a `malformed`, a `timeout` or, when too many large ones come in at once, an
/// `overload` problem.
pub async fn read_body(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > MAX_BYTES as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_TIME, collect(body)).await {
        Ok(bytes) => bytes,
        Err(_) => Err(Problem::new(
            ProblemType::Timeout,
            "the body did not come in time",
        )),
    }
}

/// The body's frames as one. Most bodies are one frame, which is not copied.
async fn collect(mut body: Body) -> Result<Bytes, Problem> {
    let (mut first, mut more) = (Bytes::new(), BytesMut::new());
    let mut permit = None;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_broken| Problem::new(ProblemType::Malformed, "the body broke off"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let length = first.len() + more.len() + data.len();
        if length > MAX_BYTES {
            return Err(too_large());
        }
        if length > SMALL && permit.is_none() {
            permit = Some(LARGE.try_acquire().map_err(|_full| {
                let message = "too many large bodies come in at once";
                Problem::new(ProblemType::OVERLOAD, message)
            })?);
        }
        if first.is_empty() && more.is_empty() {
            first = data;
        } else {
            more.extend_from_slice(&std::mem::take(&mut first));
            more.extend_from_slice(&data);
        }
    }
    drop(permit);
    Ok(if more.is_empty() {
        first
    } else {
        more.freeze()
    })
}

fn too_large() -> Problem {
    Problem::new(
        ProblemType::BodyTooLarge,
        format!("a body may have {MAX_BYTES} bytes"),
    )
}

// === impl Json ===

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        read_json(&bytes).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let content_type = HeaderValue::from_static("application/json");
                ([(CONTENT_TYPE, content_type)], body).into_response()
            }
            Err(error) => Problem::internal(&error).into_response(),
        }
    }
}

// === impl RawBody ===

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        read_body(&parts.headers, body).await.map(Self)
    }
}

// === impl Path ===

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                Err(Problem::new(ProblemType::NotFound, error.body_text()))
            }
            Err(error) => Err(Problem::internal(&error)),
        }
    }
}

// === impl Query ===

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(error) => Err(Problem::new(ProblemType::Invalid, error.body_text())),
        }
    }
}

#[cfg(test)]
mod tests;

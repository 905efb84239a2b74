//! Who may call: the enforcer with the cloud's own credential, or a person with an operator key.
//!
//! A key that belongs to somebody else is as good as none here: the mini cloud is not told who the
//! agents are for, so it answers 401 and not 403.

use axum::extract::{FromRef, FromRequestParts};
use countersign_service::credential::{Credentials, OperatorCaller, UpstreamCaller};
use countersign_service::problem::{Problem, ProblemType};
use http::request::Parts;

/// The enforcer, the only caller of the tool API.
#[derive(Clone, Copy, Debug)]
pub(super) struct Enforcer(());

/// A person.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) name: String,
}

/// Either of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader(());

impl<S: Send + Sync> FromRequestParts<S> for Enforcer
where
    Credentials: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = UpstreamCaller::from_request_parts(parts, state).await;
        found.map(|_| Self(())).map_err(unauthorized)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Person
where
    Credentials: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = OperatorCaller::from_request_parts(parts, state).await;
        found
            .map(|caller| Self {
                name: caller.0.id.to_string(),
            })
            .map_err(unauthorized)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Reader
where
    Credentials: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if Enforcer::from_request_parts(parts, state).await.is_ok() {
            return Ok(Self(()));
        }
        Person::from_request_parts(parts, state)
            .await
            .map(|_| Self(()))
    }
}

fn unauthorized(problem: Problem) -> Problem {
    if problem.kind() == ProblemType::Forbidden {
        return Problem::new(
            ProblemType::CredentialInvalid,
            "this key opens nothing here",
        );
    }
    problem
}

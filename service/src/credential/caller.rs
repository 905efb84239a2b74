//! Extractors: a handler that lists one cannot run without that caller.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use super::{Credentials, Holder, bearer_key, credentials, unknown_key};
use crate::directory::{Agent, Operator};
use crate::problem::{Problem, ProblemType};

/// An agent, by its bearer key.
#[derive(Clone, Debug)]
pub struct AgentCaller(pub Arc<Agent>);

/// A person, by their bearer key.
#[derive(Clone, Debug)]
pub struct OperatorCaller(pub Arc<Operator>);

/// Another role, by the shared service key.
#[derive(Clone, Copy, Debug)]
pub struct ServiceCaller(());

/// The enforcer, by the upstream's credential.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamCaller(());

/// Anybody with a key.
#[derive(Clone, Debug)]
pub enum AnyCaller {
    /// An agent.
    Agent(Arc<Agent>),
    /// A person.
    Operator(Arc<Operator>),
    /// Another role.
    Service,
}

/// Whoever may watch: a person or another role, no agent.
#[derive(Clone, Debug)]
pub enum ObserverCaller {
    /// A person.
    Operator(Arc<Operator>),
    /// Another role.
    Service,
}

/// A person, by their key in `X-API-Key` or as a bearer.
#[derive(Clone, Debug)]
pub struct ApiKeyOperator(pub Arc<Operator>);

impl OperatorCaller {
    /// Lets the person go on only with `role`.
    ///
    /// # Errors
    /// A `forbidden` problem that names the role.
    pub fn require(&self, role: &str) -> Result<(), Problem> {
        self.require_any(&[role])
    }

    /// Lets the person go on only with one of `roles`.
    ///
    /// # Errors
    /// A `forbidden` problem that names the roles.
    pub fn require_any(&self, roles: &[&str]) -> Result<(), Problem> {
        if roles.iter().any(|role| self.0.has_role(role)) {
            return Ok(());
        }
        let detail = format!(
            "`{}` does not have the role {}",
            self.0.id,
            roles.join(" or ")
        );
        Err(Problem::new(ProblemType::Forbidden, detail))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AgentCaller
where
    Credentials: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match credentials(state).bearer(&parts.headers)? {
            Holder::Agent(agent) => Ok(Self(agent)),
            other @ (Holder::Operator(_) | Holder::Service | Holder::Upstream) => {
                Err(other.not("an agent"))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OperatorCaller
where
    Credentials: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match credentials(state).bearer(&parts.headers)? {
            Holder::Operator(operator) => Ok(Self(operator)),
            other @ (Holder::Agent(_) | Holder::Service | Holder::Upstream) => {
                Err(other.not("an operator"))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ServiceCaller
where
    Credentials: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match credentials(state).bearer(&parts.headers)? {
            Holder::Service => Ok(Self(())),
            other @ (Holder::Agent(_) | Holder::Operator(_) | Holder::Upstream) => {
                Err(other.not("another role"))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for UpstreamCaller
where
    Credentials: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match credentials(state).bearer(&parts.headers)? {
            Holder::Upstream => Ok(Self(())),
            other @ (Holder::Agent(_) | Holder::Operator(_) | Holder::Service) => {
                Err(other.not("the enforcer"))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AnyCaller
where
    Credentials: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match credentials(state).bearer(&parts.headers)? {
            Holder::Agent(agent) => Ok(Self::Agent(agent)),
            Holder::Operator(operator) => Ok(Self::Operator(operator)),
            Holder::Service => Ok(Self::Service),
            other @ Holder::Upstream => Err(other.not("an agent, an operator or another role")),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ObserverCaller
where
    Credentials: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match credentials(state).bearer(&parts.headers)? {
            Holder::Operator(operator) => Ok(Self::Operator(operator)),
            Holder::Service => Ok(Self::Service),
            other @ (Holder::Agent(_) | Holder::Upstream) => {
                Err(other.not("an operator or another role"))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ApiKeyOperator
where
    Credentials: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let credentials = credentials(state);
        let mut values = parts.headers.get_all("x-api-key").iter();
        let key = match (values.next(), values.next()) {
            (None, _) => bearer_key(&parts.headers)?,
            (Some(value), None) => value.to_str().map_err(|_cause| unknown_key())?.trim(),
            (Some(_), Some(_)) => {
                let detail = "`X-API-Key` was sent more than once";
                return Err(Problem::new(ProblemType::CredentialInvalid, detail));
            }
        };
        match credentials.holder(key).ok_or_else(unknown_key)? {
            Holder::Operator(operator) => Ok(Self(operator)),
            other @ (Holder::Agent(_) | Holder::Service | Holder::Upstream) => {
                Err(other.not("an operator"))
            }
        }
    }
}

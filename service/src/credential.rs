//! Who is calling: bearer keys, how they are kept, and the extractors that ask for them.

mod caller;
mod key;

use std::sync::Arc;

use axum::extract::FromRef;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::directory::{Agent, Directory, Operator, SharedDirectory};
use crate::problem::{Problem, ProblemType};

pub use caller::{
    AgentCaller, AnyCaller, ApiKeyOperator, ObserverCaller, OperatorCaller, ServiceCaller,
    UpstreamCaller,
};
pub use key::{KeyKind, SecretHash, SecretKey};

/// What a server needs to know its callers. A component of every server's state.
#[derive(Clone, Debug)]
pub struct Credentials {
    directory: SharedDirectory,
    service_key: Option<SecretHash>,
    upstream_key: Option<SecretHash>,
}

impl Credentials {
    /// Agents and operators of `directory`; no service and no enforcer is let in.
    pub fn new(directory: SharedDirectory) -> Self {
        Self {
            directory,
            service_key: None,
            upstream_key: None,
        }
    }

    /// Also lets in other roles that hold the shared service key.
    #[must_use]
    pub fn with_service_key(mut self, key: SecretHash) -> Self {
        self.service_key = Some(key);
        self
    }

    /// Also lets in the enforcer that holds the upstream credential (the simulator's tool API).
    #[must_use]
    pub fn with_upstream_key(mut self, key: SecretHash) -> Self {
        self.upstream_key = Some(key);
        self
    }

    /// The current directory.
    pub fn directory(&self) -> &SharedDirectory {
        &self.directory
    }

    /// Who holds `key`.
    fn holder(&self, key: &str) -> Option<Holder> {
        let directory = self.directory.snapshot();
        let presented = SecretHash::of(key);
        if presented.is(self.service_key.as_ref()) {
            return Some(Holder::Service);
        }
        if presented.is(self.upstream_key.as_ref()) {
            return Some(Holder::Upstream);
        }
        Self::person_or_agent(&directory, key)
    }

    fn person_or_agent(directory: &Directory, key: &str) -> Option<Holder> {
        let operator = directory
            .by_operator_key(key)
            .cloned()
            .map(Holder::Operator);
        let agent = directory.by_agent_key(key).cloned().map(Holder::Agent);
        operator.or(agent)
    }

    /// Who sent `Authorization: Bearer` in these headers.
    fn bearer(&self, headers: &HeaderMap) -> Result<Holder, Problem> {
        let key = bearer_key(headers)?;
        self.holder(key).ok_or_else(unknown_key)
    }
}

/// Who a key belongs to.
enum Holder {
    Agent(Arc<Agent>),
    Operator(Arc<Operator>),
    Service,
    Upstream,
}

impl Holder {
    fn name(&self) -> &'static str {
        match self {
            Self::Agent(_) => "an agent",
            Self::Operator(_) => "an operator",
            Self::Service => "another role",
            Self::Upstream => "the enforcer",
        }
    }

    fn not(&self, wanted: &'static str) -> Problem {
        let detail = format!(
            "the key is that of {}; this asks for that of {wanted}",
            self.name()
        );
        Problem::new(ProblemType::Forbidden, detail)
    }
}

/// The key in `Authorization: Bearer`.
///
/// # Errors
/// `credential_missing` without the header; `credential_invalid` when it is repeated, unreadable or of
/// another scheme.
pub fn bearer_key(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        let detail = "send `Authorization: Bearer` with a key";
        return Err(Problem::new(ProblemType::CredentialMissing, detail));
    };
    if values.next().is_some() {
        let detail = "`Authorization` was sent more than once";
        return Err(Problem::new(ProblemType::CredentialInvalid, detail));
    }
    let key = value.to_str().ok().and_then(|text| {
        let (scheme, key) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    match key {
        Some("") => Err(Problem::new(
            ProblemType::CredentialMissing,
            "the bearer key is empty",
        )),
        Some(key) => Ok(key),
        None => {
            let detail = "`Authorization` is not of the form `Bearer <key>`";
            Err(Problem::new(ProblemType::CredentialInvalid, detail))
        }
    }
}

fn unknown_key() -> Problem {
    Problem::new(ProblemType::CredentialInvalid, "nobody has this key")
}

fn credentials<S>(state: &S) -> Credentials
where
    Credentials: FromRef<S>,
{
    Credentials::from_ref(state)
}

#[cfg(test)]
mod tests;

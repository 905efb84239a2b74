//! How a command ends when it does not succeed, and the exit code that says so.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use countersign_service::client::PeerError;
use countersign_service::problem::{ProblemDocument, ProblemType};
use serde_json::{Value, json};

use crate::settings::SettingsError;

/// The answer is no: denied, refused, wider, tampered, a check failed.
pub(crate) const NO: u8 = 1;
/// The command could not run.
pub(crate) const COULD_NOT: u8 = 2;
/// The command line or the configuration cannot be used (`EX_USAGE` of `sysexits.h`).
pub(crate) const USAGE: u8 = 64;

type Cause = Box<dyn Error + Send + Sync>;

/// A command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A server answered a problem.
    Problem(Box<ProblemDocument>),
    /// Something that the command needs is missing or broken.
    CouldNot {
        /// What was attempted.
        message: String,
        /// Why it failed.
        cause: Option<Cause>,
    },
    /// The command line or the configuration cannot be used.
    Usage(String),
}

impl Failure {
    /// The command could not run, for the reason in `message`.
    pub(crate) fn could_not(message: impl Into<String>) -> Self {
        Self::CouldNot {
            message: message.into(),
            cause: None,
        }
    }

    /// As [`Failure::could_not`], caused by `cause`.
    pub(crate) fn because(message: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Self::CouldNot {
            message: message.into(),
            cause: Some(cause.into()),
        }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Problem(problem) if is_no(problem) => NO,
            Self::Problem(_) | Self::CouldNot { .. } => COULD_NOT,
            Self::Usage(_) => USAGE,
        }
    }

    /// The failure as the one document that `--json` promises.
    pub(crate) fn document(&self) -> Value {
        match self {
            Self::Problem(problem) => serde_json::to_value(problem).unwrap_or_default(),
            Self::CouldNot { .. } => json!({"code": "could_not_run", "detail": self.to_string()}),
            Self::Usage(message) => json!({"code": "usage", "detail": message}),
        }
    }
}

/// Whether the problem is somebody's decision rather than a defect of the request or the servers.
fn is_no(problem: &ProblemDocument) -> bool {
    match problem.code.parse::<ProblemType>() {
        Ok(ProblemType::Refused(code)) => code.status() < 500,
        Ok(_) => matches!(problem.status, 403 | 409),
        Err(_) => false,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem(problem) => {
                write!(formatter, "{}: {}", problem.code, problem.detail)?;
                for reason in &problem.reasons {
                    write!(formatter, "\n  {}: {}", reason.code, reason.message)?;
                    if let Some(policy) = &reason.policy {
                        write!(formatter, " (policy {policy})")?;
                    }
                }
                let named = |id: &String| {
                    problem
                        .reasons
                        .iter()
                        .any(|reason| reason.policy.as_ref() == Some(id))
                };
                for policy in problem.policies.iter().filter(|id| !named(id)) {
                    write!(formatter, "\n  policy {policy}")?;
                }
                Ok(())
            }
            Self::CouldNot { message, cause } => {
                formatter.write_str(message)?;
                let mut next: Option<&(dyn Error + 'static)> = cause
                    .as_ref()
                    .map(|cause| &**cause as &(dyn Error + 'static));
                while let Some(error) = next {
                    write!(formatter, ": {error}")?;
                    next = error.source();
                }
                Ok(())
            }
            Self::Usage(message) => formatter.write_str(message),
        }
    }
}

impl From<PeerError> for Failure {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Problem(problem) => Self::Problem(problem),
            other @ (PeerError::Unreachable { .. } | PeerError::Unreadable { .. } | _) => {
                Self::because("a server cannot be asked", other)
            }
        }
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let mut text = error.to_string();
        if let Some(cause) = error.source() {
            text = format!("{text}: {cause}");
        }
        Self::Usage(text)
    }
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        Self::from(failure.code())
    }
}

#[cfg(test)]
mod tests {
    use countersign_service::problem::Problem;

    use super::*;

    fn failure(kind: ProblemType) -> Failure {
        Failure::Problem(Box::new(Problem::new(kind, "because").document()))
    }

    #[test]
    fn a_decision_is_one_and_a_defect_is_two() {
        use countersign_intent::refusal::RefusalCode;
        for kind in [
            ProblemType::PlanDenied,
            ProblemType::OwnRequest,
            ProblemType::Refused(RefusalCode::TokenExpired),
            ProblemType::Refused(RefusalCode::ParamsInvalid),
            ProblemType::Refused(RefusalCode::TokenUsed),
        ] {
            assert_eq!(failure(kind).code(), NO, "{kind}");
        }
        for kind in [
            ProblemType::CredentialInvalid,
            ProblemType::NotFound,
            ProblemType::Internal,
            ProblemType::Refused(RefusalCode::ControlStale),
        ] {
            assert_eq!(failure(kind).code(), COULD_NOT, "{kind}");
        }
        assert_eq!(Failure::Usage(String::new()).code(), USAGE);
    }

    #[test]
    fn the_whole_chain_of_causes_is_shown_once() {
        let cause = std::io::Error::other("disk on fire");
        let failure = Failure::because("cannot write the ready file", cause);
        assert_eq!(
            failure.to_string(),
            "cannot write the ready file: disk on fire"
        );
    }
}

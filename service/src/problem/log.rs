//! How failures reach the log: once, with their whole chain.

use std::error::Error;

use super::ProblemType;
use crate::server::request_id;

/// The messages of `error` and its causes, joined by colons.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Logs a failure: what the server did wrong as an error, what a peer did as a warning.
pub(super) fn failure(kind: ProblemType, chain: &str) {
    let request = request_id();
    if kind.status().is_server_error() {
        tracing::error!(
            problem.code = kind.code(),
            request.id = request,
            error = chain,
            "a request failed"
        );
    } else {
        tracing::warn!(
            problem.code = kind.code(),
            request.id = request,
            error = chain,
            "a request was refused"
        );
    }
}

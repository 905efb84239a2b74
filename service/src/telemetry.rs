//! Logs: structured lines on standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Logging was not set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The filter does not parse.
    #[error("the log filter `{filter}` is not of the form `level` or `target=level,…`")]
    Filter {
        /// What was given.
        filter: String,
        /// Why it does not parse.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Something in this process set up logging before.
    #[error("logging is set up already")]
    Installed(#[source] TryInitError),
}

/// Sends the process's logs to standard error. `filter` is in the syntax of `RUST_LOG`, such as `info`
/// or `warn,countersign_enforcer=debug`.
///
/// # Errors
/// [`TelemetryError::Filter`], or [`TelemetryError::Installed`] on the second call.
pub fn init(filter: &str, format: Format) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(filter).map_err(|source| TelemetryError::Filter {
        filter: filter.to_owned(),
        source,
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    match format {
        Format::Text => lines.finish().try_init(),
        Format::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .finish()
            .try_init(),
    }
    .map_err(TelemetryError::Installed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_filter_is_refused_before_anything_is_installed() {
        let error = init("countersign=loud", Format::Text).unwrap_err();
        assert!(error.to_string().contains("countersign=loud"));
    }
}

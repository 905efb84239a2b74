//! What is wrong with a policies folder, and where.

use miette::Diagnostic;
use serde::{Deserialize, Serialize};

/// A bundle that was not taken.
#[derive(
    Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, utoipa::ToSchema,
)]
#[error("{}{}{message}", file.as_deref().unwrap_or("policies"), line_suffix(*line))]
pub struct LoadPolicyError {
    /// The file, relative to the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub message: String,
}

fn line_suffix(line: Option<usize>) -> String {
    line.map_or_else(|| ": ".to_owned(), |line| format!(":{line}: "))
}

impl LoadPolicyError {
    /// An error of the file `file`.
    pub(crate) fn file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: Some(file.into()),
            line: None,
            message: message.into(),
        }
    }

    /// An error of the folder as a whole.
    pub(crate) fn folder(message: impl Into<String>) -> Self {
        Self {
            file: None,
            line: None,
            message: message.into(),
        }
    }

    /// Places the error at the byte `offset` of `text`.
    pub(crate) fn at(mut self, text: &str, offset: Option<usize>) -> Self {
        self.line = offset.map(|offset| {
            1 + text
                .bytes()
                .take(offset)
                .filter(|byte| *byte == b'\n')
                .count()
        });
        self
    }
}

/// The first place, in bytes, that a Cedar diagnostic points at.
pub(crate) fn offset(diagnostic: &dyn Diagnostic) -> Option<usize> {
    diagnostic.labels()?.next().map(|label| label.offset())
}

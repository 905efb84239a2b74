//! What is wrong with a policies folder, and where.

use miette::Diagnostic;
use serde::{Deserialize, Serialize};

/// A bundle that was not taken.
#[derive(
    Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, utoipa::ToSchema,
)]
#[error("{}{}: {message}", file.as_deref().unwrap_or("policies"), place(*line, *column))]
pub struct LoadPolicyError {
    /// The file, relative to the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column, in characters from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What is wrong, and what to do.
    pub message: String,
}

fn place(line: Option<usize>, column: Option<usize>) -> String {
    match (line, column) {
        (Some(line), Some(column)) => format!(":{line}:{column}"),
        (Some(line), None) => format!(":{line}"),
        (None, _) => String::new(),
    }
}

impl LoadPolicyError {
    /// An error of the file `file`.
    pub(crate) fn file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: Some(file.into()),
            line: None,
            column: None,
            message: message.into(),
        }
    }

    /// An error of the folder as a whole.
    pub(crate) fn folder(message: impl Into<String>) -> Self {
        Self {
            file: None,
            line: None,
            column: None,
            message: message.into(),
        }
    }

    /// Places the error at the byte `offset` of `text`.
    pub(crate) fn at(mut self, text: &str, offset: Option<usize>) -> Self {
        if let Some(before) = offset.and_then(|offset| text.get(..offset)) {
            let line = before.rsplit('\n').next().unwrap_or_default();
            self.line = Some(1 + before.matches('\n').count());
            self.column = Some(1 + line.chars().count());
        }
        self
    }
}

/// The message of a Cedar diagnostic, with the help that comes with it.
pub(crate) fn message(diagnostic: &dyn Diagnostic) -> String {
    let label = diagnostic
        .labels()
        .into_iter()
        .flatten()
        .find_map(|label| label.label().map(|text| format!(", {text}")));
    let help = diagnostic.help().map(|help| format!(" ({help})"));
    let text = format!(
        "{diagnostic}{}{}",
        label.unwrap_or_default(),
        help.unwrap_or_default()
    );
    text.replace('\n', " ")
}

/// The first place, in bytes, that a Cedar diagnostic points at.
pub(crate) fn offset(diagnostic: &dyn Diagnostic) -> Option<usize> {
    diagnostic.labels()?.next().map(|label| label.offset())
}

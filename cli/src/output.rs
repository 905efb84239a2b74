//! What a command prints: text for people or one JSON document, on standard output alone.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde_json::Value;

use crate::failure::{Failure, NO};

/// Whether the answer to what was asked is yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Exit code 0.
    Yes,
    /// Exit code 1.
    No,
}

/// What a command found, in both forms.
#[derive(Debug)]
#[must_use]
pub(crate) struct Report {
    document: Option<Value>,
    text: String,
    verdict: Verdict,
}

/// How reports are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

impl Report {
    /// `document` is the whole answer; `text` says it to a person.
    pub(crate) fn new(document: Value, text: impl Into<String>) -> Self {
        Self {
            document: Some(document),
            text: text.into(),
            verdict: Verdict::Yes,
        }
    }

    /// The answer is a text in itself (a schema, an OpenAPI document), printed as it is in both forms.
    pub(crate) fn raw(text: impl Into<String>) -> Self {
        Self {
            document: None,
            text: text.into(),
            verdict: Verdict::Yes,
        }
    }

    /// Nothing to say: the command ran until it was stopped.
    pub(crate) fn silent() -> Self {
        Self::raw("")
    }

    /// The same report with another verdict.
    pub(crate) fn verdict(mut self, verdict: Verdict) -> Self {
        self.verdict = verdict;
        self
    }
}

impl Verdict {
    /// [`Verdict::Yes`] if it holds.
    pub(crate) fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// Prints how the command ended and gives its exit code.
pub(crate) fn finish(result: Result<Report, Failure>, form: Form) -> ExitCode {
    match result {
        Ok(report) => {
            match (form, &report.document) {
                (Form::Json, Some(document)) => line(&pretty(document)),
                (Form::Json, None) | (Form::Text, _) => line(&report.text),
            }
            match report.verdict {
                Verdict::Yes => ExitCode::SUCCESS,
                Verdict::No => ExitCode::from(NO),
            }
        }
        Err(failure) => {
            if form == Form::Json {
                line(&pretty(&failure.document()));
            }
            note(&format!("countersign: {failure}"));
            failure.into()
        }
    }
}

/// Prints `text` and a line feed, unless it is empty. A closed pipe is the reader's decision.
pub(crate) fn line(text: &str) {
    if text.is_empty() {
        return;
    }
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let _ = write!(io::stdout().lock(), "{text}{end}");
}

/// Prints a remark for people on standard error.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Asks a yes-or-no question on the terminal. Without a terminal the answer is no.
pub(crate) fn confirm(question: &str) -> bool {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return false;
    }
    let _ = write!(io::stderr().lock(), "{question} [y/N] ");
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// Indented JSON.
pub(crate) fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default()
}

/// Rows under a heading, in columns as wide as their widest cell.
pub(crate) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = heading.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let mut push = |cells: [&str; N]| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    };
    push(heading);
    for row in rows {
        push(row.each_ref().map(String::as_str));
    }
    text
}

/// The member of `value` at the JSON Pointer `pointer` as text: strings bare, nothing for null.
pub(crate) fn cell(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => shown(text),
        Some(other) => other.to_string(),
    }
}

/// Foreign text made harmless for a terminal: control and invisible direction characters are escaped.
pub(crate) fn shown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        let hidden = matches!(
            letter,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        );
        if letter.is_control() || hidden {
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(letter));
        } else {
            safe.push(letter);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_line_up_and_leave_no_blanks_at_the_end() {
        let rows = [
            ["a".to_owned(), "long cell".to_owned()],
            ["bcd".to_owned(), String::new()],
        ];
        let text = table(["x", "y"], &rows);
        assert_eq!(text, "x    y\na    long cell\nbcd\n");
    }

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        assert_eq!(
            shown("a\u{1b}[31mb\u{202e}c\n"),
            "a\\u{1b}[31mb\\u{202e}c\\u{a}"
        );
        let item = json!({"goal": "x\u{7}", "n": 3});
        assert_eq!(cell(&item, "/goal"), "x\\u{7}");
        assert_eq!(cell(&item, "/n"), "3");
        assert_eq!(cell(&item, "/none"), "");
    }
}

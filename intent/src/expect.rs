//! `check.expect`: a JSON Pointer (RFC 6901), a comparison, and a JSON value or `{name}`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::json;

/// A parsed expectation, such as `/replicas == {replicas}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    text: String,
    pointer: String,
    comparison: Comparison,
    operand: Operand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Literal(Value),
    Param(String),
}

/// Text that is no expectation.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not `/pointer == value`: a JSON Pointer, one of == != < <= > >=, a JSON value or `{{name}}`"
)]
pub struct ExpectError(String);

/// What an expectation found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Whether it holds.
    pub passed: bool,
    /// The value that was compared with.
    pub expected: Value,
    /// The value that the answer has at the pointer.
    pub actual: Option<Value>,
}

impl Expectation {
    /// The parameter on the right side, when there is one.
    pub fn param(&self) -> Option<&str> {
        match &self.operand {
            Operand::Literal(_) => None,
            Operand::Param(name) => Some(name),
        }
    }

    /// Compares `answer` with the expectation of a call with `params`. A missing value, or values
    /// that have no order, do not pass.
    pub fn evaluate(&self, answer: &Value, params: &Map<String, Value>) -> Finding {
        let expected = match &self.operand {
            Operand::Literal(value) => value.clone(),
            Operand::Param(name) => params.get(name).cloned().unwrap_or(Value::Null),
        };
        let actual = answer.pointer(&self.pointer).cloned();
        let passed = actual
            .as_ref()
            .is_some_and(|actual| self.comparison.holds(actual, &expected));
        Finding {
            passed,
            expected,
            actual,
        }
    }
}

impl Comparison {
    fn holds(self, actual: &Value, expected: &Value) -> bool {
        let order = order(actual, expected);
        match self {
            Self::Equal => actual == expected || order == Some(Ordering::Equal),
            Self::NotEqual => actual != expected && order != Some(Ordering::Equal),
            Self::Less => order == Some(Ordering::Less),
            Self::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::Greater => order == Some(Ordering::Greater),
            Self::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

fn order(actual: &Value, expected: &Value) -> Option<Ordering> {
    match (actual, expected) {
        (Value::Number(actual), Value::Number(expected)) => {
            actual.as_f64()?.partial_cmp(&expected.as_f64()?)
        }
        (Value::String(actual), Value::String(expected)) => Some(actual.cmp(expected)),
        _ => None,
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for Expectation {
    type Err = ExpectError;

    fn from_str(text: &str) -> Result<Self, ExpectError> {
        let wrong = || ExpectError(text.to_owned());
        let (pointer, rest) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let (comparison, operand) = rest.trim_start().split_once(' ').ok_or_else(wrong)?;
        if !pointer.starts_with('/') {
            return Err(wrong());
        }
        let comparison = match comparison {
            "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::AtMost,
            ">" => Comparison::Greater,
            ">=" => Comparison::AtLeast,
            _ => return Err(wrong()),
        };
        let operand = operand.trim();
        let name = operand
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let operand = match name {
            Some(name) if is_word(name) => Operand::Param(name.to_owned()),
            _ => Operand::Literal(json::read(operand.as_bytes()).map_err(|_cause| wrong())?),
        };
        Ok(Self {
            text: text.to_owned(),
            pointer: pointer.to_owned(),
            comparison,
            operand,
        })
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn expectations_hold_as_written() {
        let answer = json!({"replicas": 4, "status": "up", "rate": 0.25});
        let params = json!({"replicas": 4});
        for (text, passed) in [
            ("/replicas == {replicas}", true),
            ("/replicas >= 4", true),
            ("/replicas < 4", false),
            ("/status == \"up\"", true),
            ("/status != \"up\"", false),
            ("/rate <= 0.25", true),
            ("/gone == null", false),
            ("/status > 3", false),
        ] {
            let expectation: Expectation = text.parse().unwrap();
            let finding = expectation.evaluate(&answer, params.as_object().unwrap());
            assert_eq!(finding.passed, passed, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "/a",
            "/a =",
            "a == 1",
            "/a = 1",
            "/a == {a b}",
            "/a == up",
        ] {
            assert!(text.parse::<Expectation>().is_err(), "{text}");
        }
    }
}

//! Templates of runbooks: those of tool definitions ([`countersign_intent::template`]), with values named
//! by a path and a little arithmetic.
//!
//! `{alert.resource_id}` is a member of the alert, `{service.process.state}` one of the service that the
//! alert is about, `{goal.replicas}` one that a goal's pattern captured. `{service.previous_version}` is
//! the version before the current one in the service's history. A path may be followed by one of `+ - *`
//! and a whole number: `{service.replicas * 2}`.

use countersign_intent::template::{self, Piece};
use serde_json::{Map, Value};

use crate::world;

/// A checked template.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Template {
    value: Value,
    names: Vec<Name>,
}

/// One `{…}`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    path: String,
    sum: Option<(Operator, i64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Plus,
    Minus,
    Times,
}

/// What a template can name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a> {
    pub(super) alert: Option<&'a Value>,
    pub(super) service: Option<&'a Value>,
    pub(super) goal: Option<&'a Map<String, Value>>,
}

impl Template {
    /// Checks the names in `value`.
    pub(super) fn new(value: Value) -> Result<Self, String> {
        let names = template::names(&value)
            .map_err(|error| error.to_string())?
            .iter()
            .map(|name| {
                parse(name)
                    .ok_or_else(|| format!("`{{{name}}}` is not a path, or a path and a sum"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { value, names })
    }

    /// The paths that it names.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| name.path.as_str())
    }

    /// Fills it; `None` when a value that it names is not there, is no number where one is counted with,
    /// or does not fit into its text.
    pub(super) fn fill(&self, values: Values<'_>) -> Option<Value> {
        if self.names.iter().any(|name| values.value(name).is_none()) {
            return None;
        }
        let lookup = |name: &str| parse(name).and_then(|name| values.value(&name));
        template::fill(&self.value, &lookup).ok().flatten()
    }

    /// As [`Template::fill`], for a text.
    pub(super) fn fill_text(&self, values: Values<'_>) -> Option<String> {
        let text = self.value.as_str()?;
        let mut filled = String::new();
        for piece in template::pieces(text).ok()? {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Name(name) => {
                    filled.push_str(&template::plain(&values.value(&parse(name)?)?)?);
                }
            }
        }
        Some(filled)
    }
}

impl Values<'_> {
    fn value(&self, name: &Name) -> Option<Value> {
        let value = self.at(&name.path)?;
        let Some((operator, number)) = name.sum else {
            return Some(value);
        };
        let value = value.as_i64()?;
        let result = match operator {
            Operator::Plus => value.checked_add(number),
            Operator::Minus => value.checked_sub(number),
            Operator::Times => value.checked_mul(number),
        };
        result.map(Value::from)
    }

    fn at(&self, path: &str) -> Option<Value> {
        if path == "service.previous_version" {
            return world::previous_version(self.service?);
        }
        let (root, rest) = path.split_once('.')?;
        let pointer: String = rest.split('.').flat_map(|part| ["/", part]).collect();
        let found = match root {
            "alert" => self.alert?.pointer(&pointer),
            "service" => self.service?.pointer(&pointer),
            "goal" => self.goal?.get(rest),
            _ => None,
        };
        found.filter(|value| !value.is_null()).cloned()
    }
}

fn parse(text: &str) -> Option<Name> {
    let mut words = text.split_whitespace();
    let path = words.next()?;
    let parts_fit = path.split('.').all(|part| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    });
    if !parts_fit || !path.contains('.') {
        return None;
    }
    let sum = match (words.next(), words.next(), words.next()) {
        (None, _, _) => None,
        (Some(operator), Some(number), None) => {
            let operator = match operator {
                "+" => Operator::Plus,
                "-" => Operator::Minus,
                "*" => Operator::Times,
                _ => return None,
            };
            Some((operator, number.parse().ok()?))
        }
        (Some(_), _, _) => return None,
    };
    Some(Name {
        path: path.to_owned(),
        sum,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_become_values_with_their_type() {
        let alert = json!({"resource_id": "payments"});
        let service = json!({"replicas": 3, "process": {"state": "exited"}, "version": "2",
                             "versions": [{"version": "1"}, {"version": "2"}]});
        let values = Values {
            alert: Some(&alert),
            service: Some(&service),
            goal: None,
        };
        let filled = |value: Value| Template::new(value).unwrap().fill(values);
        assert_eq!(
            filled(
                json!({"a": "{alert.resource_id}", "b": "{service.replicas * 2}",
                          "c": "{service.replicas - 1}", "d": "{service.previous_version}"})
            ),
            Some(json!({"a": "payments", "b": 6, "c": 2, "d": "1"}))
        );
        assert_eq!(filled(json!({"a": "{service.nothing}"})), None);
        assert_eq!(filled(json!({"a": "{service.process.state + 1}"})), None);
        assert_eq!(filled(json!({"a": "{goal.x}"})), None);
        let text = Template::new(json!("{alert.resource_id} has {service.replicas}")).unwrap();
        assert_eq!(text.fill_text(values).as_deref(), Some("payments has 3"));
    }

    #[test]
    fn other_names_are_refused() {
        for name in [
            "{a}",
            "{a.}",
            "{a.b /}",
            "{a.b / 2}",
            "{a.b * c}",
            "{a.b * 2 3}",
            "{a.b-1}",
        ] {
            assert!(Template::new(json!(name)).is_err(), "{name}");
        }
    }
}

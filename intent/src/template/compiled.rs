//! Templates that were taken apart once, when their definition was loaded.

use serde_json::{Map, Value};

use super::{Piece, TemplateError, pieces, plain, push_plain};

/// A template, ready to be filled with the parameters of a call.
#[derive(Clone, Debug)]
pub(crate) enum Compiled {
    /// Holds no `{name}`.
    Literal(Value),
    /// One `{name}`: the value itself, with its type.
    Param(String),
    /// Text around names.
    Text(Vec<Part>),
    /// Items; the absent ones are left out.
    Array(Vec<Self>),
    /// Members; the absent ones are left out.
    Object(Vec<(String, Self)>),
}

/// One piece of a text.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// Stands for itself.
    Text(String),
    /// A parameter.
    Param(String),
}

impl Compiled {
    /// Takes a template apart.
    pub(crate) fn new(template: &Value) -> Result<Self, TemplateError> {
        match template {
            Value::String(text) => Self::of_text(text),
            Value::Array(items) => {
                let items: Result<_, _> = items.iter().map(Self::new).collect();
                Ok(Self::Array(items?))
            }
            Value::Object(members) => {
                let members: Result<_, _> = members
                    .iter()
                    .map(|(name, member)| Ok((name.clone(), Self::new(member)?)))
                    .collect();
                Ok(Self::Object(members?))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(Self::Literal(template.clone())),
        }
    }

    /// Takes a template text apart.
    pub(crate) fn of_text(text: &str) -> Result<Self, TemplateError> {
        let pieces = pieces(text)?;
        match pieces.as_slice() {
            [Piece::Name(name)] => Ok(Self::Param((*name).to_owned())),
            [] => Ok(Self::Literal(Value::String(String::new()))),
            [Piece::Text(text)] => Ok(Self::Literal(Value::String((*text).to_owned()))),
            several => Ok(Self::Text(several.iter().map(Part::of).collect())),
        }
    }

    /// Fills the template; `None` when what it names is absent.
    pub(crate) fn fill(&self, params: &Map<String, Value>) -> Result<Option<Value>, TemplateError> {
        match self {
            Self::Literal(value) => Ok(Some(value.clone())),
            Self::Param(name) => Ok(param(name, params).cloned()),
            Self::Text(parts) => Ok(join(parts, params)?.map(Value::String)),
            Self::Array(items) => {
                let mut filled = Vec::with_capacity(items.len());
                for item in items {
                    filled.extend(item.fill(params)?);
                }
                Ok(Some(Value::Array(filled)))
            }
            Self::Object(members) => {
                let mut filled = Map::new();
                for (name, member) in members {
                    if let Some(value) = member.fill(params)? {
                        filled.insert(name.clone(), value);
                    }
                }
                Ok(Some(Value::Object(filled)))
            }
        }
    }

    /// Fills a template whose place takes text alone.
    pub(crate) fn fill_text(
        &self,
        params: &Map<String, Value>,
    ) -> Result<Option<String>, TemplateError> {
        let (name, value) = match self {
            Self::Text(parts) => return join(parts, params),
            Self::Param(name) => (name.as_str(), param(name, params)),
            Self::Literal(value) => ("", Some(value)),
            Self::Array(_) | Self::Object(_) => ("", Some(&Value::Null)),
        };
        let Some(value) = value else {
            return Ok(None);
        };
        let text = plain(value).ok_or_else(|| TemplateError::NotText(name.to_owned()))?;
        Ok(Some(text))
    }
}

impl Part {
    fn of(piece: &Piece<'_>) -> Self {
        match piece {
            Piece::Text(text) => Self::Text((*text).to_owned()),
            Piece::Name(name) => Self::Param((*name).to_owned()),
        }
    }
}

/// The parameter; a request knows no state before it.
pub(crate) fn param<'a>(name: &str, params: &'a Map<String, Value>) -> Option<&'a Value> {
    if name.starts_with("before.") {
        return None;
    }
    params.get(name)
}

fn join(parts: &[Part], params: &Map<String, Value>) -> Result<Option<String>, TemplateError> {
    let mut filled = String::new();
    for part in parts {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Param(name) => {
                let Some(value) = param(name, params) else {
                    return Ok(None);
                };
                if !push_plain(value, &mut filled) {
                    return Err(TemplateError::NotText(name.clone()));
                }
            }
        }
    }
    Ok(Some(filled))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::template::{fill, lookup};

    #[test]
    fn a_compiled_template_fills_as_the_text_does() {
        let params = json!({"n": 4, "s": "x", "list": [1], "flag": true, "half": 0.5});
        let params = params.as_object().unwrap();
        for template in [
            json!("{n}"),
            json!("v-{s}-{n}-{flag}"),
            json!("{gone}"),
            json!("a{gone}"),
            json!({"a": "{list}", "b": ["{gone}", "{n}", 7, null], "c": {"d": "{gone}"}, "e": ""}),
            json!("x{list}"),
            json!("x{half}"),
            json!("{before.replicas}"),
            json!("{half}"),
        ] {
            let slow = fill(&template, &|name| lookup(name, params, None)).ok();
            let fast = Compiled::new(&template).unwrap().fill(params).ok();
            assert_eq!(fast, slow, "{template}");
        }
        assert!(Compiled::new(&json!(["{"])).is_err());
    }
}

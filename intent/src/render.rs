//! `render`: from a tool and its parameters to the one request that may be sent (SECURITY-DESIGN §3).
//!
//! Pure: authority and enforcer both compute it, people see its output, and its hash stands in the
//! token. Scheme, host, port and credentials belong to the upstream's configuration and are added by
//! the enforcer alone.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical;
use crate::digest::Digest;
use crate::template::{self, TemplateError};
use crate::tool::{Params, RequestTemplate, Tool};

/// Everything but the unreserved characters of RFC 3986 §2.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The request that will be sent to an upstream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenderedCall {
    /// The upstream's name; its address and credential are the enforcer's configuration.
    pub upstream: String,
    /// The HTTP method.
    pub method: String,
    /// The absolute path.
    pub path: String,
    /// Query parameters in the order of their names, not yet percent-encoded.
    pub query: Vec<(String, String)>,
    /// Header fields, besides those that the enforcer sets.
    pub headers: BTreeMap<String, String>,
    /// The JSON body.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub body: Option<Value>,
}

/// A call that cannot be rendered safely.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// A path parameter that could change the path's shape.
    #[error(
        "parameter `{name}` cannot stand in a path: it takes a letter or digit and up to 127 of A-Z a-z 0-9 . _ ~ -"
    )]
    PathParam {
        /// The parameter.
        name: String,
    },
    /// A header value with other than visible ASCII characters.
    #[error("header `{name}` takes visible ASCII characters only")]
    HeaderValue {
        /// The header field.
        name: String,
    },
    /// The built URL is not the definition's.
    #[error("the rendered path `{path}` does not keep the shape of the definition")]
    Shape {
        /// The path that was built.
        path: String,
    },
    /// A template cannot be filled.
    #[error("a template cannot be filled")]
    Template(#[from] TemplateError),
}

impl RenderedCall {
    /// SHA-256 over the length-prefixed parts: `request_sha256`.
    pub fn digest(&self) -> Digest {
        let query = canonical::to_vec(&serde_json::json!(self.query));
        let headers = canonical::to_vec(&serde_json::json!(self.headers));
        let body = self.body_bytes();
        let has_body: &[u8] = if body.is_some() { b"json" } else { b"none" };
        let body = body.unwrap_or_default();
        let head = [
            self.upstream.as_bytes(),
            self.method.as_bytes(),
            self.path.as_bytes(),
        ];
        let tail: [&[u8]; 4] = [&query, &headers, has_body, &body];
        Digest::of_fields(head.into_iter().chain(tail))
    }

    /// The body's canonical bytes: exactly what is sent.
    pub fn body_bytes(&self) -> Option<Vec<u8>> {
        self.body.as_ref().map(canonical::to_vec)
    }

    /// Path and query as they stand in the request line.
    pub fn target(&self) -> String {
        let escape = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
        let pairs: Vec<String> = self
            .query
            .iter()
            .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
            .collect();
        if pairs.is_empty() {
            return self.path.clone();
        }
        format!("{}?{}", self.path, pairs.join("&"))
    }
}

/// Renders the call of `tool` with `params`.
///
/// # Errors
/// [`RenderError`] for a parameter that would change the shape of the request.
pub fn render(tool: &Tool, params: &Params) -> Result<RenderedCall, RenderError> {
    let definition = tool.definition();
    let template = &definition.request;
    let lookup = |name: &str| template::lookup(name, params.members(), None);
    let call = RenderedCall {
        upstream: definition.upstream.clone(),
        method: template.method.clone(),
        path: path(template, &lookup)?,
        query: query(template, &lookup)?,
        headers: headers(template, &lookup)?,
        body: match &template.body {
            Some(body) => template::fill(body, &lookup)?,
            None => None,
        },
    };
    keeps_shape(template, &call.path)?;
    Ok(call)
}

type Lookup<'a> = &'a dyn Fn(&str) -> Option<Value>;

fn path(template: &RequestTemplate, lookup: Lookup<'_>) -> Result<String, RenderError> {
    let mut path = String::new();
    for segment in template.path.split('/').skip(1) {
        path.push('/');
        match template::pieces(segment)?.as_slice() {
            [template::Piece::Name(name)] => {
                let value = lookup(name)
                    .as_ref()
                    .and_then(template::plain)
                    .unwrap_or_default();
                if !is_segment(&value) {
                    return Err(RenderError::PathParam {
                        name: (*name).to_owned(),
                    });
                }
                path.push_str(&value);
            }
            _ => path.push_str(segment),
        }
    }
    Ok(path)
}

fn query(
    template: &RequestTemplate,
    lookup: Lookup<'_>,
) -> Result<Vec<(String, String)>, RenderError> {
    let mut query = Vec::new();
    for (name, text) in &template.query {
        if let Some(value) = text_of(text, lookup)? {
            query.push((name.clone(), value));
        }
    }
    Ok(query)
}

fn headers(
    template: &RequestTemplate,
    lookup: Lookup<'_>,
) -> Result<BTreeMap<String, String>, RenderError> {
    let mut headers = BTreeMap::new();
    for (name, text) in &template.headers {
        let Some(value) = text_of(text, lookup)? else {
            continue;
        };
        if !value
            .bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic())
        {
            return Err(RenderError::HeaderValue { name: name.clone() });
        }
        headers.insert(name.clone(), value);
    }
    Ok(headers)
}

fn text_of(text: &str, lookup: Lookup<'_>) -> Result<Option<String>, RenderError> {
    let Some(value) = template::fill_text(text, lookup)? else {
        return Ok(None);
    };
    let text = template::plain(&value).ok_or_else(|| TemplateError::NotText(text.to_owned()))?;
    Ok(Some(text))
}

/// A path segment that no URL parser reads otherwise: a letter or digit, then unreserved characters.
pub(crate) fn is_segment(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().all(unreserved)
}

/// Parses the built URL again: host, port, path and number of segments must be what was meant (I14).
fn keeps_shape(template: &RequestTemplate, path: &str) -> Result<(), RenderError> {
    let shape = || RenderError::Shape {
        path: path.to_owned(),
    };
    let url =
        url::Url::parse(&format!("http://upstream.invalid:9{path}")).map_err(|_cause| shape())?;
    let same = url.host_str() == Some("upstream.invalid")
        && url.port() == Some(9)
        && url.path() == path
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && path.split('/').count() == template.path.split('/').count();
    if same { Ok(()) } else { Err(shape()) }
}

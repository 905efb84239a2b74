//! `render`: from a tool and its parameters to the one request that may be sent (SECURITY-DESIGN §3).
//!
//! Pure: authority and enforcer both compute it, people see its output, and its hash stands in the
//! token. Scheme, host, port and credentials belong to the upstream's configuration and are added by
//! the enforcer alone.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::canonical;
use crate::digest::Digest;
use crate::template::compiled::{self, Compiled};
use crate::template::{self, Piece, TemplateError};
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
        let body = self.body_bytes();
        let has_body: &[u8] = if body.is_some() { b"json" } else { b"none" };
        let fields: [&[u8]; 7] = [
            self.upstream.as_bytes(),
            self.method.as_bytes(),
            self.path.as_bytes(),
            &self.canonical_query(),
            &self.canonical_headers(),
            has_body,
            &body.unwrap_or_default(),
        ];
        Digest::of_fields(fields)
    }

    /// `[["name","value"],…]`.
    fn canonical_query(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let pair = |(name, value): &(String, String), bytes: &mut Vec<u8>| {
            canonical::list(b"[", [name, value], b"]", bytes, |text, bytes| {
                canonical::string(text, bytes);
            });
        };
        canonical::list(b"[", &self.query, b"]", &mut bytes, pair);
        bytes
    }

    /// `{"name":"value",…}`; names of header fields are ASCII, so their order is that of the map.
    fn canonical_headers(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let member = |(name, value): (&String, &String), bytes: &mut Vec<u8>| {
            canonical::string(name, bytes);
            bytes.push(b':');
            canonical::string(value, bytes);
        };
        canonical::list(b"{", &self.headers, b"}", &mut bytes, member);
        bytes
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
    let (template, params) = (tool.template(), params.members());
    let call = RenderedCall {
        upstream: definition.upstream.clone(),
        method: definition.request.method.clone(),
        path: template.path(params)?,
        query: template.query(params)?,
        headers: template.headers(params)?,
        body: match &template.body {
            Some(body) => body.fill(params)?,
            None => None,
        },
    };
    template.keeps_shape(&call.path)?;
    Ok(call)
}

/// A request template that was taken apart once.
#[derive(Clone, Debug)]
pub(crate) struct CompiledRequest {
    segments: Vec<Segment>,
    query: Vec<(String, Compiled)>,
    headers: Vec<(String, Compiled)>,
    body: Option<Compiled>,
}

#[derive(Clone, Debug)]
enum Segment {
    Literal(String),
    Param(String),
}

impl CompiledRequest {
    /// Takes `template` apart.
    pub(crate) fn new(template: &RequestTemplate) -> Result<Self, TemplateError> {
        let texts = |texts: &BTreeMap<String, String>| {
            let compiled = |(name, text): (&String, &String)| {
                Ok::<_, TemplateError>((name.clone(), Compiled::of_text(text)?))
            };
            texts.iter().map(compiled).collect::<Result<Vec<_>, _>>()
        };
        let segments: Result<_, _> = template.path.split('/').skip(1).map(Segment::new).collect();
        Ok(Self {
            segments: segments?,
            query: texts(&template.query)?,
            headers: texts(&template.headers)?,
            body: template.body.as_ref().map(Compiled::new).transpose()?,
        })
    }

    fn path(&self, params: &Map<String, Value>) -> Result<String, RenderError> {
        let mut path = String::with_capacity(64);
        for segment in &self.segments {
            path.push('/');
            match segment {
                Segment::Literal(text) => path.push_str(text),
                Segment::Param(name) => {
                    let value = compiled::param(name, params)
                        .and_then(template::plain)
                        .unwrap_or_default();
                    if !is_segment(&value) {
                        return Err(RenderError::PathParam { name: name.clone() });
                    }
                    path.push_str(&value);
                }
            }
        }
        Ok(path)
    }

    fn query(&self, params: &Map<String, Value>) -> Result<Vec<(String, String)>, RenderError> {
        let mut query = Vec::new();
        for (name, text) in &self.query {
            if let Some(value) = text.fill_text(params)? {
                query.push((name.clone(), value));
            }
        }
        Ok(query)
    }

    fn headers(
        &self,
        params: &Map<String, Value>,
    ) -> Result<BTreeMap<String, String>, RenderError> {
        let mut headers = BTreeMap::new();
        for (name, text) in &self.headers {
            let Some(value) = text.fill_text(params)? else {
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

    /// Parses the built URL again: host, port, path and number of segments must be what was meant
    /// (I14).
    fn keeps_shape(&self, path: &str) -> Result<(), RenderError> {
        let shape = || RenderError::Shape {
            path: path.to_owned(),
        };
        let url = url::Url::options()
            .base_url(Some(&BASE))
            .parse(path)
            .map_err(|_cause| shape())?;
        let same = url.host_str() == BASE.host_str()
            && url.port() == BASE.port()
            && url.scheme() == BASE.scheme()
            && url.path() == path
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && path.bytes().filter(|byte| *byte == b'/').count() == self.segments.len();
        if same { Ok(()) } else { Err(shape()) }
    }
}

impl Segment {
    fn new(text: &str) -> Result<Self, TemplateError> {
        match template::pieces(text)?.as_slice() {
            [Piece::Name(name)] => Ok(Self::Param((*name).to_owned())),
            _ => Ok(Self::Literal(text.to_owned())),
        }
    }
}

/// What built paths are parsed against: any change of scheme, host or port shows.
#[expect(clippy::expect_used, reason = "a literal that a test parses")]
static BASE: LazyLock<url::Url> =
    LazyLock::new(|| url::Url::parse("http://upstream.invalid:9/").expect("a URL"));

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_and_headers_have_the_canonical_bytes_of_their_json() {
        let call = RenderedCall {
            upstream: "u".to_owned(),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            query: vec![
                ("b".to_owned(), "\"é\n".to_owned()),
                ("a".to_owned(), String::new()),
            ],
            headers: BTreeMap::from([
                ("x-b".to_owned(), "\\".to_owned()),
                ("X-A".to_owned(), "1".to_owned()),
            ]),
            body: None,
        };
        let query = canonical::to_vec(&serde_json::json!(call.query));
        let headers = canonical::to_vec(&serde_json::json!(call.headers));
        assert_eq!(call.canonical_query(), query);
        assert_eq!(call.canonical_headers(), headers);
        assert_eq!(BASE.port(), Some(9));
    }

    #[test]
    fn a_path_that_a_parser_reads_otherwise_is_seen() {
        let template = |path: &str| RequestTemplate {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query: BTreeMap::new(),
            headers: BTreeMap::new(),
            body: None,
        };
        let three = CompiledRequest::new(&template("/a/{b}/c")).unwrap();
        assert!(three.keeps_shape("/a/b/c").is_ok());
        for path in [
            "",
            "/a/b",
            "/a/b/c/d",
            "/a/../c",
            "/a/./c",
            "/a/%2e%2e/c",
            "/a/b/c?d",
            "/a/b/c#d",
            "//b/c",
            "/a\\b/c/d",
            "/a/b\n/c",
            "//h@x/c",
            "http://upstream.invalid:9/a/b/c",
            "/a/b c/d",
            "/a/\u{e9}/c",
        ] {
            assert!(three.keeps_shape(path).is_err(), "{path:?}");
        }
    }
}

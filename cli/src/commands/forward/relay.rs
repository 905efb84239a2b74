//! The enforcer's proxy door, as this side sees it.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use countersign_intent::digest::Digest;
use countersign_intent::key::SigningKey;
use countersign_intent::proof::{HEADER, Request};
use countersign_service::credential::SecretKey;
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value};
use url::Url;

use super::desk::{Meaning, Pass};
use super::refusal::Refused;
use crate::proof;

/// The longest problem that is read from the enforcer.
const MAX_PROBLEM: usize = 1024 * 1024;
/// What the enforcer says of a call, besides the upstream's answer.
const MARKS: [&str; 3] = ["intent-attempt", "intent-outcome", "intent-receipt"];

/// The enforcer.
#[derive(Debug)]
pub(super) struct Enforcer {
    pub(super) http: reqwest::Client,
    pub(super) base: String,
    pub(super) upstream: String,
    pub(super) key: SecretKey,
    pub(super) proof_key: Option<SigningKey>,
}

/// A request of a client, as far as it is sent on.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) body: Bytes,
}

impl Asked {
    /// What tells it from every other request.
    pub(super) fn digest(&self) -> Digest {
        let query: &[u8] = self.query.as_deref().map_or(b"-", str::as_bytes);
        let type_: &[u8] = self
            .content_type
            .as_ref()
            .map_or(b"", |value| value.as_bytes());
        let fields: [&[u8]; 5] = [
            self.method.as_str().as_bytes(),
            self.path.as_bytes(),
            query,
            type_,
            &self.body,
        ];
        Digest::of_fields(fields)
    }
}

impl Enforcer {
    /// What `asked` means: the enforcer says so to requests without a token.
    pub(super) async fn meaning(&self, asked: &Asked) -> Result<Meaning, Refused> {
        let problem = problem(self.send(asked, None).await?).await?;
        let tool = problem.extra.get("tool").and_then(Value::as_str);
        let params = problem.extra.get("params").and_then(Value::as_object);
        match (problem.code.as_str(), tool, params) {
            ("token_missing", Some(tool), params) => Ok(Meaning {
                tool: tool.to_owned(),
                params: params.cloned().unwrap_or_else(Map::new),
            }),
            _ => Err(Refused(Box::new(problem))),
        }
    }

    /// Sends `asked` to the proxy door.
    pub(super) async fn send(
        &self,
        asked: &Asked,
        pass: Option<&Pass>,
    ) -> Result<reqwest::Response, Refused> {
        let path = format!("/proxy/{}{}", self.upstream, asked.path);
        let url = self.url(&path, asked.query.as_deref())?;
        let mut request = self
            .http
            .request(asked.method.clone(), url)
            .bearer_auth(self.key.expose());
        if let Some(value) = &asked.content_type {
            request = request.header(CONTENT_TYPE, value);
        }
        if let Some(pass) = pass {
            request = request.header("intent-token", &pass.token);
            if let Some(approvals) = &pass.approvals {
                request = request.header("intent-approvals", approvals);
            }
            if let Some(key) = &self.proof_key {
                let proven = Request {
                    method: asked.method.as_str(),
                    path: &proof::path(&self.base, &path),
                    token: &pass.token,
                };
                request = request.header(HEADER, proof::make(key, proven));
            }
        }
        if !asked.body.is_empty() {
            request = request.body(asked.body.clone());
        }
        request.send().await.map_err(|error| {
            let detail = format!("the enforcer does not answer: {}", error.without_url());
            Problem::new(ProblemType::UpstreamFailed, detail).into()
        })
    }

    /// The address of `path`, which no parser may have made shorter: with the agent's key nothing but
    /// the proxy door is asked.
    fn url(&self, path: &str, query: Option<&str>) -> Result<Url, Refused> {
        let wrong = || {
            let detail = "the path can be read in two ways and is not forwarded";
            Refused::from(Problem::new(ProblemType::Malformed, detail))
        };
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let url = Url::parse(&format!("{}{path}{query}", self.base)).map_err(|_cause| wrong())?;
        let same = url.path() == proof::path(&self.base, path) && url.fragment().is_none();
        if same { Ok(url) } else { Err(wrong()) }
    }
}

/// Whether the enforcer refused the token itself: nothing was done.
pub(super) fn token_refused(answer: &reqwest::Response) -> bool {
    answer.status() == StatusCode::UNAUTHORIZED && !answer.headers().contains_key("intent-receipt")
}

/// Whether the answer is the enforcer's own, not the upstream's.
pub(super) fn is_refusal(answer: &reqwest::Response) -> bool {
    let outcome = answer.headers().get("intent-outcome");
    let done = outcome.is_some_and(|outcome| outcome.as_bytes() == b"done");
    let problem = answer.headers().get(CONTENT_TYPE);
    let problem = problem.is_some_and(|type_| type_.as_bytes() == b"application/problem+json");
    let status = answer.status();
    problem && (!done || status == StatusCode::BAD_GATEWAY)
}

/// The problem that the enforcer answered.
pub(super) async fn problem(mut answer: reqwest::Response) -> Result<ProblemDocument, Refused> {
    let unreadable = |what: &str| {
        let detail = format!("the enforcer answered {what}");
        Refused::from(Problem::new(ProblemType::UpstreamFailed, detail))
    };
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        if bytes.len() + chunk.len() > MAX_PROBLEM {
            return Err(unreadable("too much"));
        }
        bytes.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&bytes).map_err(|_cause| unreadable("something else than a problem"))
}

/// The answer as it comes, with what the enforcer says of it.
pub(super) fn passed(answer: reqwest::Response) -> Response {
    let mut response = Response::default();
    *response.status_mut() = answer.status();
    let names = MARKS.map(HeaderName::from_static);
    for name in names.iter().chain([&CONTENT_TYPE]) {
        if let Some(value) = answer.headers().get(name) {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
    *response.body_mut() = Body::from_stream(answer.bytes_stream());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enforcer(base: &str) -> Enforcer {
        Enforcer {
            http: countersign_service::client::internal().unwrap(),
            base: base.to_owned(),
            upstream: "cloud".to_owned(),
            key: SecretKey::from_text("cs_agent_x"),
            proof_key: None,
        }
    }

    #[test]
    fn no_path_leaves_the_proxy_door() {
        let enforcer = enforcer("http://127.0.0.1:8000/gate");
        let url = enforcer.url("/proxy/cloud/v1/x", Some("a=%20b")).unwrap();
        assert_eq!(
            url.as_str(),
            "http://127.0.0.1:8000/gate/proxy/cloud/v1/x?a=%20b"
        );
        for path in [
            "/../../v1/calls",
            "/%2e%2e/v1",
            "/.",
            "/a/./b",
            "/a\\b",
            "/..%2f",
            "/a/%2E%2e/b",
        ] {
            let path = format!("/proxy/cloud{path}");
            let left = enforcer.url(&path, None);
            assert!(left.is_err() || path.contains("%2f"), "{path}");
        }
    }

    #[test]
    fn requests_that_differ_anywhere_are_different() {
        let asked = Asked {
            method: Method::GET,
            path: "/a".to_owned(),
            query: None,
            content_type: None,
            body: Bytes::new(),
        };
        let others = [
            Asked {
                method: Method::POST,
                ..asked.clone()
            },
            Asked {
                path: "/b".to_owned(),
                ..asked.clone()
            },
            Asked {
                query: Some("a=1".to_owned()),
                ..asked.clone()
            },
            Asked {
                content_type: Some(HeaderValue::from_static("x")),
                ..asked.clone()
            },
            Asked {
                body: Bytes::from_static(b"x"),
                ..asked.clone()
            },
        ];
        for other in others {
            assert_ne!(asked.digest(), other.digest(), "{other:?}");
        }
    }
}

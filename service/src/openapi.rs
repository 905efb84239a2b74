//! The OpenAPI document of a server: a role's handlers, the standard routes, and what they share.
//!
//! A role annotates each handler with `#[utoipa::path]`, lists them in a type deriving `OpenApi`, and
//! passes that to [`document`].

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use tower::ServiceExt as _;
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Info, License, OpenApi as Document};

use crate::problem::{ProblemDocument, Reason};
use crate::server::{Unrouted, standard_paths};

#[derive(OpenApi)]
#[openapi(components(schemas(ProblemDocument, Reason)))]
struct Shared;

/// The document of the role `role`: its own paths, the standard ones, problem schema, credentials.
pub fn document(role: &str, description: &str, paths: Document) -> Document {
    let mut document = paths;
    document.merge(standard_paths());
    document.merge(Shared::openapi());
    let mut info = Info::new(
        format!("Countersign {role}"),
        env!("CARGO_PKG_VERSION").to_owned(),
    );
    info.description = Some(description.to_owned());
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".to_owned());
    info.license = Some(license);
    document.info = info;
    let components = document.components.get_or_insert_with(Components::new);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An agent's, operator's or role's key"))
        .build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let intent = ApiKeyValue::with_description("Intent-Token", "The intent token of one call");
    components.add_security_scheme(
        "intent_token",
        SecurityScheme::ApiKey(ApiKey::Header(intent)),
    );
    document
}

/// The document as it is committed: JSON, indented, with a line feed at the end.
///
/// # Errors
/// When the document cannot be written as JSON.
pub fn to_text(document: &Document) -> Result<String, serde_json::Error> {
    document.to_pretty_json().map(|text| text + "\n")
}

/// The methods and paths in `document`, such as `("POST", "/v1/plans")`.
pub fn operations(document: &Document) -> BTreeSet<(Method, String)> {
    let mut found = BTreeSet::new();
    for (path, item) in &document.paths.paths {
        for (method, operation) in methods(item) {
            if operation.is_some() {
                found.insert((method, path.clone()));
            }
        }
    }
    found
}

/// The operations of `document` that `router` does not serve: a test expects none.
///
/// Each is asked once without a credential and without a body.
pub async fn unserved(document: &Document, router: &Router) -> Vec<(Method, String)> {
    let mut missing = Vec::new();
    for (method, path) in operations(document) {
        let request = Request::builder()
            .method(method.clone())
            .uri(with_values(&path));
        let Ok(request) = request.body(Body::empty()) else {
            missing.push((method, path));
            continue;
        };
        let Ok(response) = router.clone().oneshot(request).await;
        let unrouted = response.extensions().get::<Unrouted>().is_some();
        if unrouted || response.status() == StatusCode::METHOD_NOT_ALLOWED {
            missing.push((method, path));
        }
    }
    missing
}

/// `path` with `x` for each `{parameter}`.
fn with_values(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|part| if part.starts_with('{') { "x" } else { part });
    segments.collect::<Vec<_>>().join("/")
}

fn methods(item: &PathItem) -> [(Method, &Option<Operation>); 5] {
    [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::DELETE, &item.delete),
        (Method::PATCH, &item.patch),
    ]
}

#[cfg(test)]
mod tests;

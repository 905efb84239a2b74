//! What surrounds every answer of the console: the headers of a strict page, and same-origin changes.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use countersign_service::problem::{Problem, ProblemType};
use http::header::{
    CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::AppState;

/// Scripts and styles from own files alone, no inline code, no foreign host, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

static OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
static FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Puts the page's headers on every answer, errors included.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        OPENER_POLICY.clone(),
        HeaderValue::from_static("same-origin"),
    );
    response
}

/// Refuses requests that change something when a browser sends them for another site.
///
/// The session's cookie is `SameSite=Strict`; this is the second line. A program that is no browser
/// sends neither header and has no cookie that somebody else could ride on.
pub(super) async fn same_origin(
    State(_): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let reads = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if reads || is_same_origin(request.headers()) {
        return next.run(request).await;
    }
    let detail = "the request comes from another site";
    Problem::new(ProblemType::Forbidden, detail).into_response()
}

fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text(&FETCH_SITE) {
        // `none`: the person typed the address; no page can cause that.
        return matches!(site, "same-origin" | "none");
    }
    match (text(&ORIGIN), text(&HOST)) {
        (None, _) => true,
        (Some(origin), Some(host)) => origin
            .split_once("://")
            .is_some_and(|(_, from)| from == host),
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&HeaderName, &str)]) -> bool {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).clone(), value.parse().unwrap()));
        is_same_origin(&pairs.collect())
    }

    #[test]
    fn only_the_own_origin_may_change_things() {
        assert!(check(&[(&FETCH_SITE, "same-origin")]));
        assert!(!check(&[(&FETCH_SITE, "same-site")]));
        assert!(!check(&[
            (&FETCH_SITE, "cross-site"),
            (&ORIGIN, "http://c"),
            (&HOST, "c")
        ]));
        assert!(check(&[
            (&ORIGIN, "http://127.0.0.1:8080"),
            (&HOST, "127.0.0.1:8080")
        ]));
        assert!(!check(&[
            (&ORIGIN, "http://evil.example"),
            (&HOST, "127.0.0.1:8080")
        ]));
        assert!(!check(&[(&ORIGIN, "null"), (&HOST, "127.0.0.1:8080")]));
        assert!(check(&[]));
    }
}

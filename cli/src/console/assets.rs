//! The web app's files.

use axum::response::{IntoResponse as _, Response};
use countersign_service::problem::{Problem, ProblemType};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode, Uri};

/// A file of the web app.
struct File {
    bytes: std::borrow::Cow<'static, [u8]>,
    kind: String,
    tag: String,
}

/// The file at the path; any other path is a place of the web app, which is one page.
pub(super) async fn page(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let hashed = path.starts_with("assets/");
    if path == "api" || path.starts_with("api/") {
        return Problem::new(ProblemType::NotFound, "no such path under `/api`").into_response();
    }
    let found = if path.is_empty() {
        None
    } else {
        source::file(path)
    };
    match found {
        Some(file) if hashed => answer(file, "public, max-age=31536000, immutable", &headers),
        Some(file) => answer(file, "no-cache", &headers),
        None if hashed => Problem::new(ProblemType::NotFound, "no such file").into_response(),
        None => answer(source::index(), "no-cache", &headers),
    }
}

fn answer(file: File, cache: &'static str, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", file.tag);
    let known = headers
        .get(IF_NONE_MATCH)
        .is_some_and(|value| value.as_bytes() == tag.as_bytes());
    if known {
        return (
            StatusCode::NOT_MODIFIED,
            [(CACHE_CONTROL, cache)],
            [(ETAG, tag)],
        )
            .into_response();
    }
    let headers = [
        (CONTENT_TYPE, file.kind),
        (CACHE_CONTROL, cache.to_owned()),
        (ETAG, tag),
    ];
    (headers, file.bytes.into_owned()).into_response()
}

#[cfg(feature = "console")]
mod source {
    use countersign_intent::digest::Digest;

    use super::{File, missing};

    #[derive(rust_embed::Embed)]
    #[folder = "$CARGO_MANIFEST_DIR/../frontend/dist/"]
    struct Dist;

    pub(super) fn file(path: &str) -> Option<File> {
        // Vite's manifest is for build checks; no page asks for it.
        let file = Dist::get(path).filter(|_| !path.starts_with('.'))?;
        let kind = mime_guess::from_path(path).first_or_octet_stream();
        let text = kind.type_() == mime_guess::mime::TEXT;
        let kind = if text {
            format!("{kind}; charset=utf-8")
        } else {
            kind.to_string()
        };
        let hash = Digest::from_bytes(file.metadata.sha256_hash());
        let tag = hash.to_string().chars().take(24).collect();
        Some(File {
            bytes: file.data,
            kind,
            tag,
        })
    }

    pub(super) fn index() -> File {
        file("index.html").unwrap_or_else(missing)
    }
}

#[cfg(not(feature = "console"))]
mod source {
    use super::{File, missing};

    pub(super) fn file(_path: &str) -> Option<File> {
        None
    }

    pub(super) fn index() -> File {
        missing()
    }
}

/// The page of a build without the web app.
fn missing() -> File {
    let page = include_str!("missing.html");
    let kind = "text/html; charset=utf-8".to_owned();
    File {
        bytes: page.as_bytes().into(),
        kind,
        tag: "missing".to_owned(),
    }
}

//! `/api/{role}/…`: the request, with the session's key, to its role; the answer as it comes.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use countersign_service::extract::RawBody;
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use countersign_service::server::request_id;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, Method, Uri};

use super::AppState;
use super::session::Session;

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Asks a role in the name of the signed-in person.
#[utoipa::path(
    get,
    path = "/api/{role}/{path}",
    tag = "console",
    operation_id = "ask_role",
    params(
        ("role" = String, Path, description = "`authority`, `enforcer`, `planner` or `simulator`"),
        ("path" = String, Path, description = "A path of that role, with any method and body it takes")
    ),
    responses(
        (status = 200, description = "What the role answers, whatever its status"),
        (status = 401, description = "Nobody is signed in", body = ProblemDocument),
        (status = 404, description = "No such role here", body = ProblemDocument),
        (status = 502, description = "The role does not answer", body = ProblemDocument)
    ),
    security(("session" = []))
)]
pub(super) async fn ask_role(
    session: Session,
    State(state): State<AppState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Response, Problem> {
    let (base, path) = target(&state, &uri)?;
    let mut request = state
        .http
        .request(method, format!("{base}{path}"))
        .bearer_auth(session.key.expose());
    for name in [&ACCEPT, &CONTENT_TYPE, &LAST_EVENT_ID] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    if let Some(id) = request_id() {
        request = request.header(&REQUEST_ID, id);
    }
    if !body.is_empty() {
        request = request.body(body);
    }
    let answer = request.send().await.map_err(|error| {
        let detail = "the role does not answer";
        Problem::caused(ProblemType::UpstreamFailed, detail, &error.without_url())
    })?;
    Ok(relay(answer))
}

/// The role's address, and the path and query that were asked of it.
fn target<'a>(state: &'a AppState, uri: &'a Uri) -> Result<(&'a str, &'a str), Problem> {
    let unknown = || Problem::new(ProblemType::NotFound, "no such role here");
    let whole = uri
        .path_and_query()
        .map_or(uri.path(), |whole| whole.as_str());
    let rest = whole.strip_prefix("/api/").ok_or_else(unknown)?;
    let (role, _) = rest.split_once('/').ok_or_else(unknown)?;
    let base = state.roles.get(role).ok_or_else(unknown)?;
    let path = rest.strip_prefix(role).ok_or_else(unknown)?;
    Ok((base, path))
}

fn relay(answer: reqwest::Response) -> Response {
    let mut response = Response::default();
    *response.status_mut() = answer.status();
    for name in [&CONTENT_TYPE, &CACHE_CONTROL, &RETRY_AFTER] {
        if let Some(value) = answer.headers().get(name) {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
    *response.body_mut() = Body::from_stream(answer.bytes_stream());
    response
}

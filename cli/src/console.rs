//! The console server: the web app, sessions, and one door to the other roles.
//!
//! It decides nothing. A session holds the key of the person who signed in; every request under `/api`
//! goes to its role with that key, and the role answers for itself.

mod assets;
mod events;
mod forward;
mod guard;
mod meta;
mod session;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get};
use countersign_service::client::{self, ClientError};
use countersign_service::clock::Clock;
use countersign_service::credential::{Credentials, SecretKey};
use countersign_service::directory::{DirectoryError, SharedDirectory};
use countersign_service::events::Hub;
use countersign_service::openapi::document;
use countersign_service::random::Random;
use countersign_service::server::{Isolation, Parts, Role, serve, standard};
use countersign_service::tasks::Tasks;
use tokio::net::TcpListener;
use utoipa::OpenApi as _;

use session::Sessions;

/// What a console server needs.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The folder with `operators.toml` and `agents.toml`.
    pub(crate) policies: PathBuf,
    /// The folder with these people's key hashes, where there is one.
    pub(crate) overlay: Option<PathBuf>,
    /// Where the other roles are, by name.
    pub(crate) roles: BTreeMap<&'static str, String>,
    /// Codes that sign in as the holder of a key.
    pub(crate) codes: Vec<Code>,
    /// Whether this is `up --demo`.
    pub(crate) demo: Demo,
    /// Whether the console has a process of its own.
    pub(crate) isolation: Isolation,
    /// Where the time comes from.
    pub(crate) clock: Clock,
    /// Where session ids come from.
    pub(crate) random: Random,
}

/// Whether the installation is the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demo {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// A code of a sign-in link.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    /// The code.
    pub(crate) text: SecretKey,
    /// Whose session it opens.
    pub(crate) key: SecretKey,
    /// How often.
    pub(crate) uses: Uses,
}

/// How often a code opens a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uses {
    /// Once: it was shown on a screen.
    Once,
    /// As long as the process runs: it stands in `credentials.json`, beside the key that it stands for.
    WhileRunning,
}

/// The console server cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConsoleError {
    /// People and their keys could not be read.
    #[error("cannot load the console's operators")]
    Directory(#[from] DirectoryError),
    /// The client for the other roles could not be made.
    #[error("cannot ask the other roles")]
    Client(#[from] ClientError),
    /// The listener failed.
    #[error("the console cannot serve")]
    Serve(#[source] io::Error),
}

/// What handlers use.
#[derive(Clone, Debug)]
struct AppState {
    sessions: Sessions,
    roles: Arc<BTreeMap<&'static str, String>>,
    http: reqwest::Client,
    demo: Demo,
    clock: Clock,
    tasks: Tasks,
}

impl FromRef<AppState> for Sessions {
    fn from_ref(state: &AppState) -> Self {
        state.sessions.clone()
    }
}

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(
        session::open_session,
        session::get_session,
        session::close_session,
        meta::get_console_meta,
        events::stream_all_events,
        forward::ask_role
    ),
    modifiers(&CookieSession)
)]
struct Paths;

/// Adds the session cookie to the ways of proving who one is.
struct CookieSession;

impl utoipa::Modify for CookieSession {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
        let cookie = ApiKeyValue::with_description(session::COOKIE, "Opened by POST /api/session");
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// The description of the console server's HTTP interface.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    let description = "The console: the web app, sessions, and one door to the other roles.";
    document("console", description, Paths::openapi())
}

/// Serves a console on `listener` until `tasks` is cancelled.
pub(crate) async fn run(
    config: Config,
    listener: TcpListener,
    tasks: &Tasks,
) -> Result<(), ConsoleError> {
    let port = listener.local_addr().map_or(0, |address| address.port());
    let router = build(config, port, tasks)?;
    serve(listener, router, tasks)
        .await
        .map_err(ConsoleError::Serve)
}

/// The console's router. `port` tells the cookies of several consoles on one host apart.
fn build(config: Config, port: u16, tasks: &Tasks) -> Result<Router, ConsoleError> {
    let directory = SharedDirectory::load(&config.policies, config.overlay.as_deref())?;
    let sessions = Sessions::new(session::Opening {
        directory: directory.clone(),
        clock: config.clock.clone(),
        random: config.random.clone(),
        codes: config.codes,
        port,
    });
    let state = AppState {
        sessions,
        roles: Arc::new(config.roles),
        http: client::streaming()?,
        demo: config.demo,
        clock: config.clock.clone(),
        tasks: tasks.clone(),
    };
    let role = Role::new(Parts {
        name: "console",
        isolation: config.isolation,
        hub: Hub::new(config.clock.clone()),
        clock: config.clock,
        random: config.random,
        credentials: Credentials::new(directory),
        tasks: tasks.clone(),
        document: openapi(),
    });
    Ok(standard(routes(state), role).layer(from_fn(guard::headers)))
}

fn routes(state: AppState) -> Router {
    let session = get(session::get_session)
        .post(session::open_session)
        .delete(session::close_session);
    let api = Router::new()
        .route("/api/session", session)
        .route("/api/meta", get(meta::get_console_meta))
        .route("/api/events", get(events::stream_all_events))
        .route("/api/{role}/{*path}", any(forward::ask_role))
        .layer(from_fn_with_state(state.clone(), guard::same_origin))
        .with_state(state);
    api.route("/", get(assets::page))
        .route("/{*path}", get(assets::page))
}

#[cfg(test)]
mod tests;

//! The planner: senses, finds a plan, has it judged, acts step by step and looks whether it helped.
//!
//! It owns runs: their states, their runbooks, the question to a language model, and when to give up. It
//! holds no signing key and no upstream credential: whatever it reads or changes goes through the
//! enforcer with a token of the authority, like any other agent's. Its main types are [`Config`] and the
//! run, a pure state machine that a shell drives over HTTP.

mod authority;
mod config;
mod driver;
mod enforcer;
mod goal;
mod live;
mod model;
mod planning;
mod routes;
mod run;
mod runbook;
mod store;
mod tools;
mod world;

use std::sync::Arc;

use axum::Router;
use countersign_service::client::{self, ClientError, Peer};
use countersign_service::credential::Credentials;
use countersign_service::database::{Database, DatabaseError};
use countersign_service::events::{Hub, Snapshot};
use countersign_service::problem::Problem;
use countersign_service::server::{self, Parts, Role};
use countersign_service::tasks::Tasks;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub use config::{Config, Pace, RunbookUse};
pub use model::{ModelConfig, Provider, UnknownProvider};
pub use routes::openapi;
pub use runbook::RunbookError;

use authority::Authority;
use driver::Context;
use enforcer::Enforcer;
use live::{Live, Registry};
use model::Model;
use planning::Planning;
use runbook::Runbooks;

/// A planner that cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The runs' database.
    #[error("the planner's database cannot be opened")]
    Database(#[from] DatabaseError),
    /// An HTTP client.
    #[error("the planner cannot reach others")]
    Client(#[from] ClientError),
    /// A runbook.
    #[error("a runbook does not fit")]
    Runbook(#[from] RunbookError),
    /// Neither runbooks nor a model.
    #[error("runbooks are off and no model is configured: there is nothing to plan with")]
    NothingToPlanWith,
    /// The runs of an earlier process.
    #[error("the runs of an earlier process cannot be read: {0}")]
    Runs(String),
    /// The listener.
    #[error("the planner cannot serve")]
    Serve(#[from] std::io::Error),
}

/// Serves on `listener` until `tasks` is cancelled.
///
/// # Errors
/// Each [`StartError`].
pub async fn run(config: Config, listener: TcpListener, tasks: &Tasks) -> Result<(), StartError> {
    let router = build(config, tasks).await?;
    Ok(server::serve(listener, router, tasks).await?)
}

/// A planner's routes. Runs that an earlier process left unfinished go on as tasks of `tasks`.
///
/// # Errors
/// Each [`StartError`] but [`StartError::Serve`].
pub async fn build(config: Config, tasks: &Tasks) -> Result<Router, StartError> {
    let planning = planning(&config)?;
    let database = Database::open(&config.database_url, &[&store::MIGRATOR]).await?;
    let hub = Hub::new(config.clock.clone());
    let internal = client::internal()?;
    let peer = |base: &str| Peer::new(internal.clone(), base, Some(config.agent_key.clone()));
    let context = Arc::new(Context {
        authority: Authority::new(peer(&config.authority_url)),
        enforcer: Enforcer::new(peer(&config.enforcer_url)),
        planning,
        database: database.clone(),
        hub: hub.clone(),
        clock: config.clock.clone(),
        pace: config.pace,
        registry: Registry::default(),
        watchers: Arc::new(Semaphore::new(routes::MAX_WATCHERS)),
        tasks: tasks.clone(),
    });
    resume(&context).await?;
    let mut credentials = Credentials::new(config.directory.clone());
    if let Some(key) = config.service_key {
        credentials = credentials.with_service_key(key);
    }
    let state = routes::AppState {
        credentials: credentials.clone(),
        context: Arc::clone(&context),
        agent: config.agent.clone(),
        random: config.random.clone(),
    };
    let snapshot = database.clone();
    let role = Role::new(Parts {
        name: "planner",
        isolation: config.isolation,
        clock: config.clock,
        random: config.random,
        credentials,
        hub,
        tasks: tasks.clone(),
        document: openapi(),
    })
    .ready("database", move || {
        let database = database.clone();
        async move { database.check().await.map_err(|error| error.to_string()) }
    })
    .snapshot(Snapshot::new(move || items(snapshot.clone())))
    .meta("agent", config.agent.as_str())
    .untimed(routes::RUN_TO_END);
    Ok(server::standard(routes::router(state), role))
}

fn planning(config: &Config) -> Result<Planning, StartError> {
    let runbooks = match config.runbooks {
        RunbookUse::Off => None,
        RunbookUse::On => {
            let mut runbooks = Runbooks::shipped()?;
            if let Some(folder) = &config.runbooks_dir {
                runbooks.add_folder(folder)?;
            }
            tracing::info!(runbooks = runbooks.len(), "runbooks are loaded");
            Some(Arc::new(runbooks))
        }
    };
    let model = config.model.clone();
    let model = model
        .map(|model| Model::new(model, config.random.clone()))
        .transpose()?
        .map(Arc::new);
    if runbooks.is_none() && model.is_none() {
        return Err(StartError::NothingToPlanWith);
    }
    Ok(Planning { runbooks, model })
}

/// Goes on with the runs that an earlier process left unfinished.
async fn resume(context: &Arc<Context>) -> Result<(), StartError> {
    let unfinished = store::unfinished(&context.database)
        .await
        .map_err(|error| StartError::Runs(countersign_service::problem::error_chain(&error)))?;
    for run in unfinished {
        let id = run.view().run_id.clone();
        tracing::info!(run.id = %id, run.state = %run.state(), "goes on with a run of an earlier process");
        let live = Live::new(run.view().clone(), context.tasks.token().child_token());
        let live = context.registry.readmit(id, live);
        driver::spawn(context, live, run);
    }
    Ok(())
}

/// The newest runs, for new subscribers of the event stream.
async fn items(database: Database) -> Result<Vec<(&'static str, String, Value)>, Problem> {
    let runs = store::list(&database, routes::DEFAULT_LIMIT).await?;
    let item = |run: &run::Run| {
        let view = run.view();
        serde_json::to_value(view.brief())
            .ok()
            .map(|item| ("run", view.run_id.to_string(), item))
    };
    Ok(runs.iter().rev().filter_map(item).collect())
}

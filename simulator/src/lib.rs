//! The mini cloud behind the enforcer: services, a database, accounts and an audit log, whose
//! faults really break things and whose tool API really changes them.
//!
//! The world is a pure state machine: time and seed come in, measurements and alerts follow from
//! its state. Around it are a clock, a hub for live updates and thin HTTP handlers. The tool API
//! lets in the enforcer alone; state and faults are for operators. This crate knows neither
//! policies nor tokens, and nothing that it tells the tool API names a fault or its remedy.
//!
//! [`Config`] says what a simulator needs, [`run`] serves one, [`build`] gives its router.

mod cloud;
mod http;
mod views;
mod world;

use std::io;
use std::path::PathBuf;

use axum::Router;
use countersign_service::clock::Clock;
use countersign_service::credential::{Credentials, SecretHash};
use countersign_service::directory::{DirectoryError, SharedDirectory};
use countersign_service::events::Hub;
use countersign_service::openapi::document;
use countersign_service::random::Random;
use countersign_service::server::{Isolation, Parts, Role, serve, standard};
use countersign_service::tasks::Tasks;
use tokio::net::TcpListener;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use crate::cloud::Cloud;
use crate::http::{AppState, Paths, router};

/// What a simulator needs.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder with `operators.toml` and `agents.toml`.
    pub policies: PathBuf,
    /// The folder with the keys of these people, where there is one.
    pub overlay: Option<PathBuf>,
    /// The credential by which the enforcer is known.
    pub upstream_credential: SecretHash,
    /// Whether the simulator has a process of its own.
    pub isolation: Isolation,
    /// What the world's noise comes from: the same seed, the same noise.
    pub seed: u64,
    /// Where the time comes from.
    pub clock: Clock,
    /// Where request ids come from.
    pub random: Random,
}

/// A simulator that is ready to be served.
#[derive(Debug)]
pub struct Simulator {
    /// All its routes, with layers.
    pub router: Router,
}

/// The simulator cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// People and their keys could not be read.
    #[error("cannot load the simulator's operators")]
    Directory(#[source] DirectoryError),
    /// The listener failed.
    #[error("the simulator cannot serve")]
    Serve(#[source] io::Error),
}

/// Serves a simulator on `listener` until `tasks` is cancelled.
///
/// # Errors
///
/// `Directory` when the people cannot be read, `Serve` when the listener fails.
pub async fn run(
    config: Config,
    listener: TcpListener,
    tasks: &Tasks,
) -> Result<(), SimulatorError> {
    let simulator = build(config, tasks)?;
    serve(listener, simulator.router, tasks)
        .await
        .map_err(SimulatorError::Serve)
}

/// Makes a healthy world and starts its time, which passes until `tasks` is cancelled.
///
/// # Errors
///
/// `Directory` when the people cannot be read.
pub fn build(config: Config, tasks: &Tasks) -> Result<Simulator, SimulatorError> {
    let directory = SharedDirectory::load(&config.policies, config.overlay.as_deref())
        .map_err(SimulatorError::Directory)?;
    Ok(assemble(config, directory, tasks))
}

/// The description of the simulator's HTTP interface.
pub fn openapi() -> OpenApi {
    document(
        "simulator",
        "The mini cloud: a tool API for the enforcer, state and faults for operators.",
        Paths::openapi(),
    )
}

fn assemble(config: Config, directory: SharedDirectory, tasks: &Tasks) -> Simulator {
    // Without the service key: other roles may not watch a world whose events name its faults.
    let credentials = Credentials::new(directory).with_upstream_key(config.upstream_credential);
    let hub = Hub::new(config.clock.clone());
    let cloud = Cloud::new(config.clock.clone(), hub.clone(), config.seed);
    drop(tasks.spawn_until_cancelled("mini-cloud", cloud.clone().live()));
    let role = Role::new(Parts {
        name: "simulator",
        isolation: config.isolation,
        clock: config.clock,
        random: config.random,
        credentials: credentials.clone(),
        hub,
        tasks: tasks.clone(),
        document: openapi(),
    })
    .snapshot(cloud.snapshot());
    Simulator {
        router: standard(router(AppState { cloud, credentials }), role),
    }
}

//! Putting an enforcer together, and running it.

mod role;

use std::io;
use std::sync::Arc;

use axum::Router;
use countersign_intent::token::Verifier;
use countersign_service::client::{self, ClientError, Peer};
use countersign_service::credential::Credentials;
use countersign_service::directory::{DirectoryError, SharedDirectory};
use countersign_service::events::Hub;
use countersign_service::server::{serve, standard};
use countersign_service::tasks::Tasks;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::books::{Books, BooksError};
use crate::ceiling::Window;
use crate::config::Config;
use crate::control::{Control, poll};
use crate::execute::{Executor, Parts, Places};
use crate::gate::{Gate, Proofs, Remembered};
use crate::journal::Journal;
use crate::journal::lock::Locks;
use crate::journal::open::{self, JournalError, Opened};
use crate::journal::writer::Writer;
use crate::journal::{server, space};
use crate::leases::Leases;
use crate::pace::Pace;
use crate::receipts::{ReceiptKeyError, Signer, outbox};
use crate::refusals::Refusals;
use crate::routes;
use crate::state::{AppState, Components, Door, Doorway};
use crate::upstream::{Forwarder, SetupError};

/// An enforcer that is ready to be served.
#[derive(Debug)]
pub struct Enforcer {
    /// All its routes, with layers.
    pub router: Router,
}

/// The enforcer cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnforcerError {
    /// Agents and operators could not be read.
    #[error("cannot load the enforcer's agents and operators")]
    Directory(#[from] DirectoryError),
    /// The catalogue could not be read.
    #[error("cannot load the enforcer's catalogue")]
    Books(#[from] BooksError),
    /// The receipt key could not be read or made.
    #[error("cannot load the enforcer's receipt key")]
    Key(#[from] ReceiptKeyError),
    /// The journal was not opened.
    #[error("cannot open the enforcer's journal")]
    Journal(#[from] JournalError),
    /// An upstream is not usable as configured.
    #[error("cannot use an upstream as configured")]
    Upstream(#[from] SetupError),
    /// The client for the authority cannot be made.
    #[error("cannot set up the connection to the authority")]
    Client(#[from] ClientError),
    /// The listener failed.
    #[error("the enforcer cannot serve")]
    Serve(#[source] io::Error),
}

/// Serves an enforcer on `listener` until `tasks` is cancelled; calls in flight then have 30 s to end.
///
/// # Errors
/// Each [`EnforcerError`].
pub async fn run(
    config: Config,
    listener: TcpListener,
    tasks: &Tasks,
) -> Result<(), EnforcerError> {
    let enforcer = build(config, tasks).await?;
    serve(listener, enforcer.router, tasks)
        .await
        .map_err(EnforcerError::Serve)
}

/// Opens the journal, settles what an earlier process left behind, and starts the background tasks,
/// which end with `tasks`.
///
/// # Errors
/// Each [`EnforcerError`] but `Serve`.
pub async fn build(config: Config, tasks: &Tasks) -> Result<Enforcer, EnforcerError> {
    let directory = SharedDirectory::load(&config.policies, config.overlay.as_deref())?;
    let books = Books::load(
        &config.policies,
        config.overlay.as_deref(),
        directory.clone(),
    )?;
    let signer = Signer::load(&config.data.join("keys"), &config.audience, &config.random)?;
    let authority = authority(&config)?;
    let hub = Hub::new(config.clock.clone());
    let control = Control::default();
    let forwarder = Forwarder::new(
        config.upstreams.clone(),
        control.clone(),
        config.clock.clone(),
        config.faults,
    )?;
    drop(tasks.spawn_until_cancelled("kept-connections", forwarder.clone().sweep()));
    let (journal, writer) = journal(&config, &signer, &control, &hub).await?;
    let executions = TaskTracker::new();
    drop(tasks.spawn("journal", writer.run(tasks.token(), executions.clone())));
    let leases = Leases::new(config.clock.clone());
    let refusals = Refusals::new(config.clock.clone(), hub.clone());
    let credentials =
        Credentials::new(directory.clone()).with_service_key(config.service_key.hash());
    let executor = Executor::new(Parts {
        journal: journal.clone(),
        forwarder,
        leases: leases.clone(),
        window: Window::new(config.ceilings.clone()),
        locks: Locks::default(),
        lock_wait: config.lock_wait,
        tasks: tasks.clone(),
        executions: executions.clone(),
        clock: config.clock.clone(),
        faults: config.faults,
    });
    let gate = gate(
        &config,
        books.clone(),
        directory,
        control.clone(),
        journal.clone(),
    );
    let doorway = Doorway::new(Door {
        gate,
        executor,
        refusals: refusals.clone(),
        places: Places::default(),
        pace: Pace::default(),
    });
    let state = AppState::new(Components {
        doorway,
        books: books.clone(),
        control: control.clone(),
        journal: journal.clone(),
        signer,
        credentials: credentials.clone(),
        clock: config.clock.clone(),
    });
    follow(
        &config,
        tasks,
        &Background {
            authority,
            journal: journal.clone(),
            control,
            leases,
            refusals: refusals.clone(),
            books: books.clone(),
            executions,
        },
    );
    let role = role::role(&config, tasks, hub, credentials, &state);
    Ok(Enforcer {
        router: standard(routes::router(state), role),
    })
}

async fn journal(
    config: &Config,
    signer: &Signer,
    control: &Control,
    hub: &Hub,
) -> Result<(Journal, Writer), JournalError> {
    open::open(Opened {
        database_url: &config.database_url,
        data: &config.data,
        origin: &format!("countersign/enforcer/{}", config.audience),
        tenant: &config.tenant,
        signer: signer.clone(),
        control: control.clone(),
        clock: config.clock.clone(),
        random: config.random.clone(),
        hub: hub.clone(),
        faults: config.faults,
        calls_kept: config.calls_kept,
    })
    .await
}

fn gate(
    config: &Config,
    books: Books,
    directory: SharedDirectory,
    control: Control,
    journal: Journal,
) -> Gate {
    let verifier = Verifier {
        issuer: config.issuer.clone(),
        audience: config.audience.clone(),
        tenant: config.tenant.clone(),
    };
    Gate {
        verifier: Arc::new(verifier),
        books,
        directory,
        control,
        journal,
        clock: config.clock.clone(),
        remembered: Remembered::default(),
        proofs: Proofs::default(),
    }
}

fn authority(config: &Config) -> Result<Option<Peer>, ClientError> {
    let Some(url) = &config.authority else {
        return Ok(None);
    };
    let key = Some(config.service_key.clone());
    Ok(Some(Peer::new(client::internal()?, url.as_str(), key)))
}

/// What runs beside the requests.
struct Background {
    authority: Option<Peer>,
    journal: Journal,
    control: Control,
    leases: Leases,
    refusals: Refusals,
    books: Books,
    executions: TaskTracker,
}

fn follow(config: &Config, tasks: &Tasks, parts: &Background) {
    let clock = || config.clock.clone();
    let journal = || parts.journal.clone();
    if let Some(authority) = &parts.authority {
        let polling = poll::run(authority.clone(), parts.control.clone(), journal(), clock());
        drop(tasks.spawn_until_cancelled("control", polling));
        let sending = outbox::run(authority.clone(), journal(), clock());
        drop(tasks.spawn_until_cancelled("outbox", sending));
    }
    // The last records are written on the way out, which the journal's writer waits for.
    let (leases, refusals) = (parts.leases.clone(), parts.refusals.clone());
    let (writer, end) = (journal(), tasks.token());
    let recording = async move {
        let reads = end.run_until_cancelled(leases.clone().record(writer.clone()));
        let denials = end.run_until_cancelled(refusals.clone().record(writer.clone()));
        let _ = tokio::join!(reads, denials);
        leases.record_once(&writer).await;
        refusals.record_once(&writer).await;
    };
    drop(tasks.spawn("records", parts.executions.track_future(recording)));
    drop(tasks.spawn_until_cancelled("catalogue", parts.books.clone().follow(clock())));
    let remembering = server::remember(journal(), config.data.clone());
    drop(tasks.spawn_until_cancelled("high-water", remembering));
    let watching = space::watch(journal(), config.free_space);
    drop(tasks.spawn_until_cancelled("disk", watching));
}

//! Putting the authority together, and running it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use countersign_ledger::{Kind, Ledger, Opening};
use countersign_service::client::{self, ClientError, Peer};
use countersign_service::credential::Credentials;
use countersign_service::database::{Database, DatabaseError};
use countersign_service::directory::{DirectoryError, SharedDirectory};
use countersign_service::events::{Hub, Snapshot};
use countersign_service::files::{self, FileError};
use countersign_service::openapi;
use countersign_service::problem::Problem;
use countersign_service::server::{self, Parts, Role};
use countersign_service::tasks::Tasks;
use serde_json::{Value, json};
use sqlx::migrate::Migrator;
use tokio::net::TcpListener;
use utoipa::OpenApi as _;

use crate::authority::{Authority, Settings};
use crate::bundle_view;
use crate::command;
use crate::config::Config;
use crate::enforcers::{Enforcers, PinError};
use crate::keys::{Keys, KeysError};
use crate::policy::PolicyStore;
use crate::reload::{self, Epoch, ReloadError};
use crate::routes::{self, AppState};
use crate::store::plans::Whose;
use crate::store::{self, StoreError};
use crate::view::{ApprovalView, Around, PlanView};
use crate::watch;

/// No token lives longer, whatever is configured.
const MAX_TOKEN_TTL: Duration = Duration::from_mins(5);
/// No approval waits longer, whatever is configured.
const MAX_APPROVAL_TTL: Duration = Duration::from_mins(15);

static MIGRATOR: Migrator = sqlx::migrate!();

/// How many plans and approvals a new subscriber of events gets.
const SNAPSHOT: u32 = 100;

/// Why an authority did not start or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The data folder cannot be used.
    #[error("cannot use the data folder")]
    Data(#[from] FileError),
    /// Agents and operators cannot be read.
    #[error("cannot read agents and operators")]
    Directory(#[from] DirectoryError),
    /// The database cannot be opened.
    #[error("cannot open the authority's database")]
    Database(#[from] DatabaseError),
    /// The ledger does not hold.
    #[error("cannot open the authority's ledger")]
    Ledger(#[from] countersign_ledger::OpenError),
    /// The signing keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The enforcers' keys cannot be used.
    #[error(transparent)]
    Pins(#[from] PinError),
    /// No HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The store failed at the start.
    #[error("cannot bring the authority's database up to date: {0}")]
    Store(String),
    /// The listener failed.
    #[error("the authority stopped serving")]
    Serve(#[from] std::io::Error),
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        Self::Store(countersign_service::problem::error_chain(&error))
    }
}

impl From<sqlx::Error> for RunError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

/// The OpenAPI document of the authority.
pub fn openapi() -> utoipa::openapi::OpenApi {
    openapi::document(
        "authority",
        "Judges plans with Cedar, asks people where policy says so, and signs intent tokens",
        routes::Paths::openapi(),
    )
}

/// Builds the authority: opens its database, loads keys and policies, starts its watchers on `tasks`.
///
/// Policies that are not good do not stop it: nothing is allowed until they are.
///
/// # Errors
/// Each [`RunError`] but [`RunError::Serve`].
pub async fn build(config: Config, tasks: &Tasks) -> Result<Router, RunError> {
    let authority = open(&config).await?;
    let mut credentials = Credentials::new(authority.directory.clone());
    if let Some(key) = &config.service_key {
        credentials = credentials.with_service_key(key.hash());
    }
    start_policies(&authority, tasks).await?;
    watch::start(
        &authority,
        config.overlay.as_deref(),
        config.watch_every,
        tasks,
    );
    let router = routes::router(AppState {
        authority: authority.clone(),
        credentials: credentials.clone(),
    });
    let parts = Parts {
        name: "authority",
        isolation: config.isolation,
        clock: config.clock,
        random: config.random,
        credentials,
        hub: authority.hub.clone(),
        tasks: tasks.clone(),
        document: openapi(),
    };
    Ok(server::standard(router, role(authority, parts)))
}

/// Runs the authority on `listener` until `tasks` is cancelled.
///
/// # Errors
/// Each [`RunError`].
pub async fn run(config: Config, listener: TcpListener, tasks: &Tasks) -> Result<(), RunError> {
    let router = build(config, tasks).await?;
    Ok(server::serve(listener, router, tasks).await?)
}

async fn open(config: &Config) -> Result<Authority, RunError> {
    let folder = config.data.join("keys");
    files::ensure_dir_private(&config.data)?;
    let keys = Keys::load_or_generate(&folder, &config.random, config.faults)?;
    let directory = SharedDirectory::load(&config.policies, config.overlay.as_deref())?;
    let database = Database::open(
        &config.database_url,
        &[&MIGRATOR, &countersign_ledger::MIGRATOR],
    )
    .await?;
    let http = client::internal()?;
    let peers = config
        .enforcers
        .iter()
        .map(|url| Peer::new(http.clone(), url, config.service_key.clone()))
        .collect();
    let ledger = open_ledger(config, &database, &keys).await?;
    Ok(Authority {
        settings: Arc::new(Settings {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            tenant: config.tenant.clone(),
            token_ttl: config
                .token_ttl
                .clamp(Duration::from_secs(1), MAX_TOKEN_TTL),
            approval_ttl: config.approval_ttl.min(MAX_APPROVAL_TTL),
            limits: config.limits,
        }),
        database,
        ledger,
        policies: Arc::new(PolicyStore::new(&config.policies).with_faults(config.faults)),
        directory,
        keys: Arc::new(keys),
        enforcers: Enforcers::load(&folder, peers, config.clock.clone())?,
        hub: Hub::new(config.clock.clone()),
        clock: config.clock.clone(),
        random: config.random.clone(),
    })
}

/// Opens the ledger and records this start, and each signing key that was not shown before.
async fn open_ledger(
    config: &Config,
    database: &Database,
    keys: &Keys,
) -> Result<Ledger, RunError> {
    let now = config.clock.now();
    let origin = format!("countersign/{}/authority", config.tenant);
    let mut tx = database.write().await?;
    let opening = Opening {
        origin: &origin,
        tenant: &config.tenant,
        role: "authority",
    };
    let ledger = Ledger::open(&mut tx, opening).await?;
    let boot = json!({ "version": env!("CARGO_PKG_VERSION"), "kid": keys.active().kid() });
    let _booted = ledger
        .append(&mut tx, Kind::Boot, now, boot)
        .await
        .map_err(StoreError::from)?;
    for jwk in keys.to_jwks().keys {
        let state = if jwk.kid == *keys.active().kid() {
            "active"
        } else {
            "published"
        };
        if store::keys::record(&mut tx, &jwk, state, now).await? {
            let body = json!({ "event": "published", "kid": jwk.kid, "x": jwk.x, "use": "intent" });
            let _published = ledger
                .append(&mut tx, Kind::Keyset, now, body)
                .await
                .map_err(StoreError::from)?;
            store::control::raise_generation(&mut tx).await?;
        }
    }
    tx.commit().await?;
    Ok(ledger)
}

/// Loads the policies folder for the first time. A folder that is not good leaves nothing active.
///
/// Enforcers are told in the background: they may start after this.
async fn start_policies(authority: &Authority, tasks: &Tasks) -> Result<(), RunError> {
    match reload::read_folder(authority, Epoch::Keep).await {
        Ok(None) | Err(ReloadError::Content(_)) => {}
        Ok(Some(control)) => {
            let enforcers = authority.enforcers.clone();
            let telling = async move { enforcers.push(&control).await };
            drop(tasks.spawn_until_cancelled("control", telling));
        }
        Err(ReloadError::Store(error)) => return Err(error.into()),
        Err(error @ ReloadError::Cut(_)) => return Err(RunError::Store(error.to_string())),
    }
    Ok(())
}

fn role(authority: Authority, parts: Parts) -> Role {
    let database = authority.database.clone();
    let policies = Arc::clone(&authority.policies);
    let origin = authority.ledger.origin().to_owned();
    Role::new(parts)
        .ready("database", move || {
            let database = database.clone();
            async move { database.check().await.map_err(|error| error.to_string()) }
        })
        .notice("policies", move || {
            let status = policies.status();
            async move {
                match (status.active, status.candidate) {
                    (_, Some(candidate)) => Err(candidate.error.to_string()),
                    (None, None) => Err("no policy bundle is loaded".to_owned()),
                    (Some(_), None) => Ok(()),
                }
            }
        })
        .meta("ledger", json!({ "origin": origin }))
        .snapshot(Snapshot::new(move || {
            let authority = authority.clone();
            async move { Ok(snapshot(&authority).await?) }
        }))
}

/// What a new subscriber of events gets: the newest plans and approvals, control, bundle.
async fn snapshot(
    authority: &Authority,
) -> Result<Vec<(&'static str, String, Value)>, SnapshotError> {
    let tenant = &authority.settings.tenant;
    let now = authority.now();
    let mut items = Vec::new();
    let mut connection = authority.read().await?;
    let plans = store::plans::newest(&mut connection, tenant, Whose::All, SNAPSHOT).await?;
    for stored in plans {
        let id = stored.plan.id.to_string();
        items.push(("plan", id, serde_json::to_value(PlanView::from(stored))?));
    }
    let approvals = store::approvals::newest(&mut connection, tenant, Whose::All, SNAPSHOT).await?;
    for approval in approvals {
        let stored = store::plans::find(&mut connection, tenant, &approval.plan).await?;
        let Some(stored) = stored else { continue };
        let Some(step) = stored.plan.step(&approval.step) else {
            continue;
        };
        let id = approval.id.to_string();
        let view = ApprovalView::of(
            approval,
            Around {
                plan: &stored.plan,
                step,
                now,
            },
        );
        items.push(("approval", id, serde_json::to_value(view)?));
    }
    let control = command::document(authority, &mut connection, now).await?;
    items.push((
        "control",
        "control".to_owned(),
        serde_json::to_value(control)?,
    ));
    drop(connection);
    let mut bundle = bundle_view::read(authority).await?;
    bundle.files.clear();
    items.push(("bundle", "bundle".to_owned(), serde_json::to_value(bundle)?));
    Ok(items)
}

/// Why a snapshot was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
enum SnapshotError {
    #[error("the snapshot cannot be read")]
    Store(#[from] StoreError),
    #[error("the snapshot cannot be written")]
    Json(#[from] serde_json::Error),
}

impl From<SnapshotError> for Problem {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Store(error) => error.into(),
            SnapshotError::Json(error) => Self::internal(&error),
        }
    }
}

//! The server every role is: standard routes, layers in one order, graceful shutdown.

mod budget;
mod connections;
mod identity;
mod layers;
mod metrics;
mod routes;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::OpenApi as Document;

use crate::clock::Clock;
use crate::credential::Credentials;
use crate::events::{Hub, Snapshot};
use crate::random::Random;
use crate::tasks::Tasks;

pub use budget::LogBudget;
pub use connections::{ConnectionLimits, DRAIN, serve, serve_within};
pub use identity::request_id;
pub use layers::Unrouted;
pub use metrics::install as install_metrics;
pub use routes::{Healthz, Meta, Readyz, ReadyzCheck, standard_paths};

/// Whether a role shares its process with others (SECURITY-DESIGN §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// The trust boundary is the process.
    OwnProcess,
    /// `countersign up`: the boundary is crate and type only.
    SharedProcess,
}

/// What bounds every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests in work at once; more are answered `overload`.
    pub concurrency: usize,
    /// Time until the head of the answer.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 512,
            timeout: Duration::from_secs(30),
        }
    }
}

type CheckFn = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What [`standard`] needs to know of a role.
#[derive(Clone)]
pub struct Role {
    name: &'static str,
    isolation: Isolation,
    started: Timestamp,
    clock: Clock,
    random: Random,
    credentials: Credentials,
    hub: Hub,
    tasks: Tasks,
    document: Arc<Document>,
    snapshot: Snapshot,
    limits: Limits,
    untimed: Vec<&'static str>,
    ready: BTreeMap<&'static str, CheckFn>,
    notices: BTreeMap<&'static str, CheckFn>,
    meta: BTreeMap<&'static str, Value>,
}

/// The components that every role has, to build a [`Role`] from.
#[derive(Clone)]
pub struct Parts {
    /// `authority`, `enforcer`, `planner` or `simulator`.
    pub name: &'static str,
    /// Whether it has a process of its own.
    pub isolation: Isolation,
    /// Its clock.
    pub clock: Clock,
    /// Its randomness.
    pub random: Random,
    /// Its callers.
    pub credentials: Credentials,
    /// Where it publishes changes.
    pub hub: Hub,
    /// Its background tasks; their cancellation ends event streams and the server.
    pub tasks: Tasks,
    /// Its OpenAPI document, from [`crate::openapi::document`].
    pub document: Document,
}

impl fmt::Debug for Parts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Parts")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Role {
    /// A role of these parts, with no checks, an empty snapshot and the default limits.
    pub fn new(parts: Parts) -> Self {
        Self {
            name: parts.name,
            isolation: parts.isolation,
            started: parts.clock.now(),
            clock: parts.clock,
            random: parts.random,
            credentials: parts.credentials,
            hub: parts.hub,
            tasks: parts.tasks,
            document: Arc::new(parts.document),
            snapshot: Snapshot::empty(),
            limits: Limits::default(),
            untimed: Vec::new(),
            ready: BTreeMap::new(),
            notices: BTreeMap::new(),
            meta: BTreeMap::new(),
        }
    }

    /// What new subscribers of `/v1/events` get first.
    #[must_use]
    pub fn snapshot(mut self, snapshot: Snapshot) -> Self {
        self.snapshot = snapshot;
        self
    }

    /// A condition of `/readyz`. The message goes to the log; the answer names the check only.
    #[must_use]
    pub fn ready<F>(
        mut self,
        name: &'static str,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.ready.insert(name, Arc::new(move || Box::pin(check())));
        self
    }

    /// A condition that makes `/healthz` say `degraded`, with the message.
    #[must_use]
    pub fn notice<F>(
        mut self,
        name: &'static str,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.notices
            .insert(name, Arc::new(move || Box::pin(check())));
        self
    }

    /// A further member of `/v1/meta`.
    #[must_use]
    pub fn meta(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.meta.insert(name, value.into());
        self
    }

    /// Other limits than the default.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// A route, as written in the router, that may take longer than the time limit and does not count
    /// against the concurrency limit: it waits on people or on a run.
    #[must_use]
    pub fn untimed(mut self, route: &'static str) -> Self {
        self.untimed.push(route);
        self
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Role")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// `router` (a role's own routes, with its state) with the standard routes and layers around it:
/// `/healthz`, `/readyz`, `/metrics`, `/openapi.json`, `/v1/meta` and `/v1/events`.
pub fn standard(router: Router, role: Role) -> Router {
    metrics::install();
    let role = Arc::new(role);
    layers::around(router.merge(routes::router(Arc::clone(&role))), &role)
}

#[cfg(test)]
pub(crate) mod tests;

//! The mini cloud as a pure state machine: time and seed are arguments, nothing else comes in.
//!
//! [`World::tick`] lets time pass; actions and faults change state; services are measured and
//! alerts opened and closed from that state alone.

pub(crate) mod actions;
pub(crate) mod alerts;
pub(crate) mod audit;
mod conditions;
pub(crate) mod data;
pub(crate) mod faults;
pub(crate) mod identity;
pub(crate) mod ids;
pub(crate) mod metrics;
mod seed;
pub(crate) mod service;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::actions::ActionError;
use self::alerts::{AlertBook, AlertChanges};
use self::audit::AuditLog;
use self::data::Database;
use self::faults::Fault;
use self::identity::{ApiKey, User};
use self::ids::{DatabaseId, Minter, ServiceId, UserId};
use self::metrics::{Dependency, Metrics, Moment};
use self::service::Service;

/// The whole mini cloud.
#[derive(Clone, Debug)]
pub(crate) struct World {
    seed: u64,
    now: Timestamp,
    /// Each service after those it depends on.
    services: Vec<Service>,
    /// The latest measurement of every service.
    measured: BTreeMap<ServiceId, Metrics>,
    databases: BTreeMap<DatabaseId, Database>,
    users: BTreeMap<UserId, User>,
    keys: BTreeMap<ServiceId, ApiKey>,
    alerts: AlertBook,
    faults: Vec<Fault>,
    audit: AuditLog,
    /// Actions carried out since the start or the last reset.
    actions: u64,
    fault_ids: Minter,
    backup_ids: Minter,
}

// === impl World ===

impl World {
    /// A healthy world.
    pub(crate) fn new(seed: u64, now: Timestamp) -> Self {
        let contents = seed::contents(now);
        let start = now.as_second();
        let mut world = Self {
            seed,
            now,
            audit: seed::audit(&contents),
            services: contents.services,
            measured: BTreeMap::new(),
            databases: contents.databases,
            users: contents.users,
            keys: contents.keys,
            alerts: AlertBook::new(Minter::new("alr", start)),
            faults: Vec::new(),
            actions: 0,
            fault_ids: Minter::new("flt", start),
            backup_ids: Minter::new("bkp", start),
        };
        world.settle();
        world
    }

    /// Lets time pass until `now`. A clock that goes back stands still here.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.advance(now);
        self.settle();
    }

    /// Puts everything back as it was at the start. Alerts close; what was written in the audit
    /// log and which ids were given out is not undone.
    pub(crate) fn reset(&mut self, now: Timestamp) {
        self.advance(now);
        let contents = seed::contents(self.now);
        self.services = contents.services;
        self.databases = contents.databases;
        self.users = contents.users;
        self.keys = contents.keys;
        self.faults.clear();
        self.actions = 0;
        self.alerts.resolve_all(self.now);
        self.settle();
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Every service with its latest measurement, by id.
    pub(crate) fn services(&self) -> impl Iterator<Item = (&Service, &Metrics)> {
        self.measured.iter().filter_map(|(id, metrics)| {
            self.services
                .iter()
                .find(|service| service.id == *id)
                .map(|s| (s, metrics))
        })
    }

    pub(crate) fn service(&self, id: &str) -> Result<(&Service, &Metrics), ActionError> {
        self.services()
            .find(|(service, _)| service.id.as_str() == id)
            .ok_or_else(|| ActionError::unknown("service", id))
    }

    pub(crate) fn databases(&self) -> impl Iterator<Item = &Database> {
        self.databases.values()
    }

    pub(crate) fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &ApiKey> {
        self.keys.values()
    }

    pub(crate) fn alerts(&self) -> &AlertBook {
        &self.alerts
    }

    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    pub(crate) fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// Actions carried out since the start or the last reset.
    pub(crate) fn actions(&self) -> u64 {
        self.actions
    }

    /// Hands out which alerts changed since the last call.
    pub(crate) fn take_alert_changes(&mut self) -> AlertChanges {
        self.alerts.take_changes()
    }

    fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    fn service_mut(&mut self, id: &str) -> Result<&mut Service, ActionError> {
        self.services
            .iter_mut()
            .find(|service| service.id.as_str() == id)
            .ok_or_else(|| ActionError::unknown("service", id))
    }

    /// Brings everything that follows from the state up to date.
    fn settle(&mut self) {
        self.retire_faults();
        self.measure();
        let mut conditions: Vec<_> = self
            .services()
            .flat_map(|(service, metrics)| conditions::of_service(service, metrics))
            .collect();
        conditions.extend(self.databases.values().filter_map(conditions::of_database));
        let starting = self
            .services
            .iter()
            .filter(|service| service.is_starting(self.now))
            .map(|service| service.id.to_string())
            .collect();
        self.alerts.observe(self.now, conditions, &starting);
    }

    fn measure(&mut self) {
        let moment = Moment {
            now: self.now,
            seed: self.seed,
        };
        let mut measured: BTreeMap<ServiceId, Metrics> = BTreeMap::new();
        for service in &self.services {
            let dependencies: Vec<Dependency> = service
                .depends_on
                .iter()
                .filter_map(|id| {
                    let dependency = self.services.iter().find(|other| other.id == *id)?;
                    let mut felt = metrics::as_dependency(dependency, measured.get(id)?);
                    if self
                        .databases
                        .values()
                        .any(|db| db.service == *id && db.records == 0)
                    {
                        // A server without its records answers every question wrongly.
                        felt.error_rate = 1.0;
                    }
                    Some(felt)
                })
                .collect();
            measured.insert(
                service.id.clone(),
                metrics::measure(moment, service, &dependencies),
            );
        }
        self.measured = measured;
    }
}

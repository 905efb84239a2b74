//! Laws of the world, watched over simulated time.

mod actions;
mod alerts;
mod faults;
mod laws;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::World;
use super::alerts::{Alert, Symptom};
use super::faults::FaultKind;
use super::metrics::{Metrics, Status};
use super::service::Service;
use crate::views::assets::{AuditView, DatabaseView, KeyView, UserView};
use crate::views::infra::{AlertView, ServiceView};
use crate::views::state::state_digest;

const ALL_KINDS: [FaultKind; 6] = [
    FaultKind::Crash,
    FaultKind::Degrade,
    FaultKind::BadDeploy,
    FaultKind::MemoryLeak,
    FaultKind::TrafficSpike,
    FaultKind::Storm,
];

/// A world and its clock.
#[derive(Clone, Debug)]
struct Lab {
    world: World,
    now: Timestamp,
}

impl Lab {
    fn new() -> Self {
        let now = "2026-03-02T09:00:00Z".parse().unwrap();
        Self {
            world: World::new(7, now),
            now,
        }
    }

    /// Lets time pass in the steps of the real ticker.
    fn run(&mut self, milliseconds: i64) {
        for _ in 0..milliseconds / 250 {
            self.now += SignedDuration::from_millis(250);
            self.world.tick(self.now);
        }
    }

    fn inject(&mut self, kind: FaultKind, target: &str) {
        self.world.inject(self.now, kind, target).unwrap();
    }

    fn service(&self, id: &str) -> (&Service, &Metrics) {
        self.world.service(id).unwrap()
    }

    fn status(&self, id: &str) -> Status {
        self.service(id).1.status
    }

    fn open(&self) -> Vec<&Alert> {
        self.world
            .alerts()
            .iter()
            .filter(|alert| alert.resolved_at.is_none())
            .collect()
    }

    /// Open alerts as (resource, symptom), in the order of opening.
    fn symptoms(&self) -> Vec<(&str, Symptom)> {
        self.open()
            .iter()
            .map(|alert| (alert.resource.as_str(), alert.symptom))
            .collect()
    }

    fn is_well(&self) -> bool {
        self.open().is_empty()
            && self
                .world
                .services()
                .all(|(_, metrics)| metrics.status == Status::Up)
    }

    fn digest(&self) -> String {
        state_digest(&self.world).to_string()
    }

    /// Everything that the tool API can ever answer.
    fn readable(&self) -> Value {
        let world = &self.world;
        json!({
            "services": ServiceView::all(world),
            "alerts": world.alerts().iter().map(AlertView::of).collect::<Vec<_>>(),
            "databases": world.databases().map(|db| DatabaseView::of(world, db)).collect::<Vec<_>>(),
            "users": world.users().map(UserView::of).collect::<Vec<_>>(),
            "keys": world.keys().map(KeyView::of).collect::<Vec<_>>(),
            "audit": world.audit().newest_first().map(AuditView::of).collect::<Vec<_>>(),
        })
    }
}

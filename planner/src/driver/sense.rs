//! Sensing: services and alerts, then those services in full that the plan may be about.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::reads::Read;
use super::{Driver, Stop};
use crate::planning::{asked, triggering_alert};
use crate::run::view::Sense;
use crate::world::{World, list};

/// The most services that are read in full.
const MAX_DETAILS: usize = 16;

impl Driver {
    /// Reads the world. Tools that the catalogue does not have are not used: what they would show stays
    /// empty.
    pub(super) async fn sense(&mut self) -> Result<Sense, Stop> {
        self.read_tools().await?;
        let mut sense = Sense::default();
        let services = self.known_read("infra.list", Map::new());
        let alerts = self.known_read("alert.list", open_alerts());
        let both: Vec<Read> = services.iter().chain(&alerts).cloned().collect();
        sense.plan_ids.extend(self.lease(&both).await?);
        if let Some(read) = &services {
            sense.services = list(&self.read(read).await?, "services");
        }
        if let Some(read) = &alerts {
            sense.alerts = list(&self.read(read).await?, "alerts");
        }
        if let (Some(services), Some(alerts)) = (&services, &alerts) {
            self.settle(&mut sense, services, alerts).await?;
        }
        self.details(&mut sense).await?;
        sense.at = Some(self.context.clock.now());
        Ok(sense)
    }

    /// An alert may be about to open: monitoring needs a moment, and then the look was too early.
    async fn settle(
        &mut self,
        sense: &mut Sense,
        services: &Read,
        alerts: &Read,
    ) -> Result<(), Stop> {
        let deadline = self.deadline(self.context.pace.settle);
        while self.alert_is_due(sense) && !self.past(deadline) {
            self.pause(self.context.pace.look).await?;
            sense.services = list(&self.read(services).await?, "services");
            sense.alerts = list(&self.read(alerts).await?, "alerts");
        }
        Ok(())
    }

    /// Whether the goal is about health and no alert tells what is wrong yet: of something in its scope
    /// that is unwell, or at all.
    fn alert_is_due(&self, sense: &Sense) -> bool {
        if self.context.planning.request(&self.run).is_some() || self.run.rounds() > 0 {
            return false;
        }
        let world = World::new(sense);
        let asked = asked(&self.run, self.context.clock.now());
        if !asked.may_be_about_health(&world) {
            return false;
        }
        let scope = asked.scope(&world);
        let inside = |id: &str| scope.as_ref().is_none_or(|scope| scope.contains(id));
        let alerted: BTreeSet<&str> = asked
            .alerts(&world)
            .into_iter()
            .map(|alert| alert.resource_id.as_str())
            .collect();
        alerted.is_empty()
            || world
                .unwell()
                .into_iter()
                .any(|id| inside(id) && !alerted.contains(id))
    }

    /// Replaces what the list told of services with alerts, of what they depend on, and of those that the
    /// goal names, by what a read of each tells.
    async fn details(&mut self, sense: &mut Sense) -> Result<(), Stop> {
        let world = World::new(sense);
        let asked = asked(&self.run, self.context.clock.now());
        let named = crate::goal::named(asked.goal, world.service_ids());
        let alert = triggering_alert(&self.run).and_then(|id| world.alert(id));
        let alerted = world
            .alerts()
            .iter()
            .chain(alert)
            .map(|alert| alert.resource_id.clone());
        let mut wanted: BTreeSet<String> = alerted.chain(named).collect();
        let dependencies: Vec<String> = wanted
            .iter()
            .flat_map(|id| world.dependencies(id))
            .collect();
        wanted.extend(dependencies);
        let reads: Vec<(String, Read)> = wanted
            .into_iter()
            .filter(|id| world.service(id).is_some())
            .take(MAX_DETAILS)
            .filter_map(|id| {
                let params = Map::from_iter([("service_id".to_owned(), json!(id))]);
                Some((id, self.known_read("infra.get", params)?))
            })
            .collect();
        let all: Vec<Read> = reads.iter().map(|(_, read)| read.clone()).collect();
        sense.plan_ids.extend(self.lease(&all).await?);
        for (id, read) in reads {
            let detail = self.read(&read).await?;
            let same =
                |service: &&mut Value| service.get("id").and_then(Value::as_str) == Some(&id);
            if let Some(service) = sense.services.iter_mut().find(same) {
                *service = detail;
            }
        }
        Ok(())
    }

    /// The read by `tool`, when the catalogue has it and takes these parameters.
    pub(super) fn known_read(&self, tool: &str, params: Map<String, Value>) -> Option<Read> {
        let read = Read::new(tool, params)?;
        let known = self.tools.get(&read.tool)?;
        known.violation(&read.params).is_none().then_some(read)
    }
}

/// The parameters that ask `alert.list` for open alerts.
pub(super) fn open_alerts() -> Map<String, Value> {
    Map::from_iter([("status".to_owned(), json!("open"))])
}

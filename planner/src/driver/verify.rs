//! Verifying: the alerts that a plan was for must close.

use std::collections::BTreeSet;

use super::sense::open_alerts;
use super::{Driver, Stop};
use crate::planning::asked;
use crate::run::view::Sense;
use crate::world::{World, list};

impl Driver {
    /// Waits until the alerts of the plan's resources closed, and a little for the others of the goal's
    /// scope; answers the resources of the scope whose alerts are open.
    pub(super) async fn verify(&mut self) -> Result<BTreeSet<String>, Stop> {
        self.need_tools().await?;
        let heals = self
            .run
            .proposal()
            .map(|proposal| proposal.heals.clone())
            .unwrap_or_default();
        let Some(alerts) = self
            .known_read("alert.list", open_alerts())
            .filter(|_| !heals.is_empty())
        else {
            return Ok(BTreeSet::new());
        };
        let nothing = Sense::default();
        let world = World::new(self.run.view().sense.as_ref().unwrap_or(&nothing));
        let scope = asked(&self.run, self.context.clock.now()).scope(&world);
        let inside = |id: &String| scope.as_ref().is_none_or(|scope| scope.contains(id));
        let deadline = self.deadline(self.context.pace.verify);
        let mut settled = None;
        loop {
            let open = self.read(&alerts).await?;
            let seen = World::new(&Sense {
                alerts: list(&open, "alerts"),
                ..Sense::default()
            });
            let open: BTreeSet<String> = seen
                .alerts()
                .iter()
                .map(|alert| alert.resource_id.clone())
                .filter(inside)
                .collect();
            let late = if heals.is_disjoint(&open) {
                *settled.get_or_insert_with(|| self.deadline(self.context.pace.settle))
            } else {
                settled = None;
                deadline
            };
            // What depends on something that was healed may close by itself; the rest will not.
            let follows = |id: &String| !world.dependencies(id).is_disjoint(&heals);
            let hopeless = settled.is_some() && !open.iter().any(follows);
            if open.is_empty() || hopeless || self.past(late) {
                return Ok(open);
            }
            self.pause(self.context.pace.look).await?;
        }
    }
}

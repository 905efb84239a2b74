//! Finding a plan: runbooks first, then the model, else nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::model::{Model, ModelError, Question};
use crate::run::Run;
use crate::run::event::{Event, Proposal, ProposedStep};
use crate::run::view::{Failure, Sense, Source};
use crate::runbook::{Asked, Runbooks};
use crate::tools::Toolbox;
use crate::world::World;

/// What plans are found with.
#[derive(Clone, Debug)]
pub(crate) struct Planning {
    /// `None` when they are switched off.
    pub(crate) runbooks: Option<Arc<Runbooks>>,
    /// `None` when none is configured.
    pub(crate) model: Option<Arc<Model>>,
}

/// Whether the goal is about health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Asked,
    NotAsked,
}

/// The alert that the run is about, by its trigger's words.
pub(crate) fn triggering_alert(run: &Run) -> Option<&str> {
    run.view()
        .trigger
        .as_ref()?
        .get("alert")
        .and_then(Value::as_str)
}

/// What the run asks for.
pub(crate) fn asked(run: &Run, now: Timestamp) -> Asked<'_> {
    Asked {
        goal: &run.view().goal,
        alert: triggering_alert(run),
        tried: run.tried(),
        now,
    }
}

impl Planning {
    /// The request that a runbook's goal pattern understands, whatever the world is like.
    pub(crate) fn request(&self, run: &Run) -> Option<Proposal> {
        // After a round that went well an explicit request is fulfilled.
        if run.rounds() > 0 {
            return None;
        }
        self.runbooks.as_ref()?.for_request(&run.view().goal)
    }

    /// Finds a plan for what was sensed.
    pub(crate) async fn plan(&self, run: &Run, tools: &Toolbox, now: Timestamp) -> Event {
        if let Some(proposal) = self.request(run) {
            return Event::Proposed(proposal);
        }
        let nothing = Sense::default();
        let sense = run.view().sense.as_ref().unwrap_or(&nothing);
        let world = World::new(sense);
        let asked = asked(run, now);
        let health = if asked.about_health(&world) {
            Health::Asked
        } else {
            Health::NotAsked
        };
        let alerts: BTreeSet<String> = asked
            .alerts(&world)
            .into_iter()
            .map(|alert| alert.resource_id.clone())
            .collect();
        let unwell = unwell(&asked, &world);
        if health == Health::Asked {
            let found = self
                .runbooks
                .as_ref()
                .and_then(|books| books.for_alerts(&asked, &world));
            // What failed already is tried again only when nobody else can be asked.
            let fresh = |proposal: &Proposal| self.model.is_none() || !all_tried(proposal, run);
            if let Some(proposal) = found.filter(fresh) {
                return Event::Proposed(proposal);
            }
            if alerts.is_empty() && unwell.is_empty() {
                return Event::Idle("no alert is open".to_owned());
            }
        }
        match &self.model {
            Some(model) => {
                let heals = if health == Health::Asked {
                    alerts
                } else {
                    BTreeSet::new()
                };
                let question = Question {
                    goal: &run.view().goal,
                    sense,
                    setbacks: run.setbacks(),
                    tools,
                };
                proposed(model, model.plan(&question).await, tools, &heals)
            }
            None => Event::Idle(why_idle(health, &alerts, &unwell)),
        }
    }
}

/// Whether every runbook of the proposal failed before where it is to be used.
fn all_tried(proposal: &Proposal, run: &Run) -> bool {
    proposal.names.iter().all(|name| {
        proposal
            .heals
            .iter()
            .all(|id| run.tried().contains(&(name.clone(), id.clone())))
    })
}

/// Services of the goal's scope that are not well, by their own word.
fn unwell<'w>(asked: &Asked<'_>, world: &'w World) -> Vec<&'w str> {
    let scope = asked.scope(world);
    let inside = |id: &&str| scope.as_ref().is_none_or(|scope| scope.contains(*id));
    world.unwell().into_iter().filter(inside).collect()
}

fn why_idle(health: Health, alerts: &BTreeSet<String>, unwell: &[&str]) -> String {
    match health {
        Health::NotAsked => {
            "no runbook understands this goal, and no model is configured".to_owned()
        }
        Health::Asked if alerts.is_empty() => {
            format!("no alert is open, though {} is not well", unwell.join(", "))
        }
        Health::Asked => {
            let list = alerts
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            format!("no runbook knows what to do about the open alerts on {list}")
        }
    }
}

fn proposed(
    model: &Model,
    answer: Result<Vec<ProposedStep>, ModelError>,
    tools: &Toolbox,
    alerts: &BTreeSet<String>,
) -> Event {
    let steps = match answer {
        Ok(steps) if steps.is_empty() => {
            return Event::Idle("the model sees nothing to do".to_owned());
        }
        Ok(steps) => steps,
        Err(error) => return Event::Broke(Failure::new(error.code(), error.to_string())),
    };
    let touched: BTreeSet<String> = steps
        .iter()
        .filter_map(|step| tools.get(&step.tool)?.resource_in(&step.params))
        .collect();
    let tools: Vec<&str> = steps.iter().map(|step| step.tool.as_str()).collect();
    let summary = tools.join(", ");
    Event::Proposed(Proposal {
        source: Source::Model,
        names: vec![model.name().to_owned()],
        summary,
        steps,
        heals: touched.intersection(alerts).cloned().collect(),
    })
}

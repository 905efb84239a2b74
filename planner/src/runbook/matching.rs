//! Which runbooks answer a goal in a world.

use std::collections::BTreeSet;

use countersign_service::clock::saturating_sub;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::template::Values;
use super::{AlertMatch, Occasion, Runbook, Runbooks};
use crate::goal;
use crate::run::event::{Proposal, ProposedStep};
use crate::run::view::Source;
use crate::world::{Alert, World, alert_value, deployed_at};

/// How many resources one plan may heal; the authority takes five changing steps in one plan.
const MAX_RESOURCES: usize = 5;

/// What a plan is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The goal's text.
    pub(crate) goal: &'a str,
    /// The alert that started the run, if one did.
    pub(crate) alert: Option<&'a str>,
    /// Runbooks that failed, each with the resource where it did.
    pub(crate) tried: &'a BTreeSet<(String, String)>,
    /// Now.
    pub(crate) now: Timestamp,
}

impl Asked<'_> {
    /// Whether the goal is about health.
    pub(crate) fn about_health(&self, world: &World) -> bool {
        let alerted = world
            .alerts()
            .iter()
            .map(|alert| alert.resource_id.as_str());
        self.is_about(world.unwell().into_iter().chain(alerted))
    }

    /// Whether the goal would be about health if something that it names were not well.
    pub(crate) fn may_be_about_health(&self, world: &World) -> bool {
        self.about_health(world) || self.is_about(world.service_ids())
    }

    fn is_about<'w>(&self, unwell: impl Iterator<Item = &'w str>) -> bool {
        let unwell: BTreeSet<String> = unwell.map(str::to_lowercase).collect();
        let by_alert =
            self.alert.is_some() && goal::is_about_health(&format!("alert {}", self.goal), &unwell);
        by_alert || goal::is_about_health(self.goal, &unwell)
    }

    /// The resources that the goal is about: those that it or its alert names, with everything they
    /// depend on. `None` is all.
    pub(crate) fn scope(&self, world: &World) -> Option<BTreeSet<String>> {
        let known = world
            .service_ids()
            .chain(world.alerts().iter().map(|a| a.resource_id.as_str()));
        let mut named = goal::named(self.goal, known);
        let alert = self.alert.and_then(|id| world.alert(id));
        named.extend(alert.map(|alert| alert.resource_id.clone()));
        if named.is_empty() {
            return None;
        }
        let dependencies: Vec<String> =
            named.iter().flat_map(|id| world.dependencies(id)).collect();
        named.extend(dependencies);
        Some(named)
    }

    /// Open alerts within the scope.
    pub(crate) fn alerts<'w>(&self, world: &'w World) -> Vec<&'w Alert> {
        let scope = self.scope(world);
        let inside = |alert: &&Alert| {
            scope
                .as_ref()
                .is_none_or(|s| s.contains(&alert.resource_id))
        };
        world.alerts().iter().filter(inside).collect()
    }
}

impl Runbooks {
    /// The plan for an explicit request: every clause of the goal must be matched.
    pub(crate) fn for_request(&self, goal: &str) -> Option<Proposal> {
        goal::clauses(goal).iter().find_map(|clauses| {
            let matched: Option<Vec<(&Runbook, Map<String, Value>)>> =
                clauses.iter().map(|clause| self.request(clause)).collect();
            let mut draft = Draft::default();
            for (runbook, captures) in matched? {
                let values = Values {
                    alert: None,
                    service: None,
                    goal: Some(&captures),
                };
                draft.add(runbook, values)?;
            }
            draft.chain();
            draft.finish()
        })
    }

    fn request(&self, clause: &str) -> Option<(&Runbook, Map<String, Value>)> {
        self.0.iter().find_map(|runbook| match &runbook.occasion {
            Occasion::Goal(patterns) => patterns
                .iter()
                .find_map(|pattern| Some((runbook, pattern.matches(clause)?))),
            Occasion::Alert(_) => None,
        })
    }

    /// The plan that heals the alerts within the goal's scope, as far as runbooks know how.
    ///
    /// An alert on something whose dependency can be healed is left for later: it most likely closes
    /// with the dependency's.
    pub(crate) fn for_alerts(&self, asked: &Asked<'_>, world: &World) -> Option<Proposal> {
        let alerts = asked.alerts(world);
        let mut matched: Vec<(&Alert, &Runbook)> = Vec::new();
        for alert in &alerts {
            let known = matched
                .iter()
                .any(|(other, _)| other.resource_id == alert.resource_id);
            if known {
                continue;
            }
            let of_resource: Vec<&Alert> = alerts
                .iter()
                .copied()
                .filter(|other| other.resource_id == alert.resource_id)
                .collect();
            matched.extend(self.for_resource(asked, world, &of_resource));
        }
        let can_heal: BTreeSet<String> = matched
            .iter()
            .map(|(alert, _)| alert.resource_id.clone())
            .collect();
        let is_root = |alert: &Alert| {
            world
                .dependencies(&alert.resource_id)
                .is_disjoint(&can_heal)
        };
        // Services that depend on each other would all wait for each other: then all are roots.
        let none_is_root = !matched.iter().any(|(alert, _)| is_root(alert));
        let mut draft = Draft::default();
        for (alert, runbook) in matched {
            let root = none_is_root || is_root(alert);
            if root && draft.heals.len() < MAX_RESOURCES {
                let value = alert_value(alert);
                let service = world.service(&alert.resource_id);
                draft.add(
                    runbook,
                    Values {
                        alert: Some(&value),
                        service,
                        goal: None,
                    },
                )?;
                draft.heals.insert(alert.resource_id.clone());
            }
        }
        draft.finish()
    }

    /// The first runbook for any alert of one resource; one that failed there already comes last.
    fn for_resource<'a>(
        &'a self,
        asked: &Asked<'_>,
        world: &World,
        alerts: &[&'a Alert],
    ) -> Option<(&'a Alert, &'a Runbook)> {
        let fits = |runbook: &'a Runbook| {
            alerts
                .iter()
                .find(|alert| runbook.fits(alert, world, asked.now))
                .map(|a| (*a, runbook))
        };
        let tried = |(alert, runbook): &(&Alert, &Runbook)| {
            asked
                .tried
                .contains(&(runbook.id.clone(), alert.resource_id.clone()))
        };
        let all: Vec<(&Alert, &Runbook)> = self.0.iter().filter_map(fits).collect();
        all.iter()
            .find(|found| !tried(found))
            .or(all.first())
            .copied()
    }
}

impl Runbook {
    fn fits(&self, alert: &Alert, world: &World, now: Timestamp) -> bool {
        let Occasion::Alert(wanted) = &self.occasion else {
            return false;
        };
        let value = alert_value(alert);
        let service = world.service(&alert.resource_id);
        let values = Values {
            alert: Some(&value),
            service,
            goal: None,
        };
        wanted.fits(alert, service, now)
            && self.steps.iter().all(|step| {
                step.params.fill(values).is_some() && step.reason.fill_text(values).is_some()
            })
    }
}

impl AlertMatch {
    fn fits(&self, alert: &Alert, service: Option<&Value>, now: Timestamp) -> bool {
        let no_params = Map::new();
        let age = |limit: std::time::Duration| {
            let at = service.and_then(deployed_at)?;
            Some(at >= saturating_sub(now, limit))
        };
        let severity = self.severities.is_empty() || self.severities.contains(&alert.severity);
        self.symptoms.contains(&alert.symptom)
            && severity
            && self.when.iter().all(|expectation| {
                service.is_some_and(|service| expectation.evaluate(service, &no_params).passed)
            })
            && self
                .deployed_within
                .is_none_or(|limit| age(limit) == Some(true))
            && self
                .not_deployed_within
                .is_none_or(|limit| age(limit) != Some(true))
    }
}

/// A proposal being written.
#[derive(Default)]
struct Draft {
    names: Vec<String>,
    summaries: Vec<String>,
    steps: Vec<ProposedStep>,
    heals: BTreeSet<String>,
}

impl Draft {
    /// Adds the steps of `runbook`, each after the one before it.
    fn add(&mut self, runbook: &Runbook, values: Values<'_>) -> Option<()> {
        let mut after = Vec::new();
        for step in &runbook.steps {
            let Value::Object(params) = step.params.fill(values)? else {
                return None;
            };
            let id: countersign_intent::id::StepId =
                format!("s{}", self.steps.len().saturating_add(1))
                    .parse()
                    .ok()?;
            self.steps.push(ProposedStep {
                id: id.clone(),
                tool: step.tool.clone(),
                params,
                reason: step.reason.fill_text(values)?,
                after: std::mem::replace(&mut after, vec![id]),
            });
        }
        if !self.names.contains(&runbook.id) {
            self.names.push(runbook.id.clone());
            self.summaries.push(runbook.summary.clone());
        }
        Some(())
    }

    /// Makes each step wait for the one before it.
    fn chain(&mut self) {
        let mut before = None;
        for step in &mut self.steps {
            step.after = before.replace(step.id.clone()).into_iter().collect();
        }
    }

    fn finish(self) -> Option<Proposal> {
        (!self.steps.is_empty()).then(|| Proposal {
            source: Source::Runbook,
            names: self.names,
            summary: self.summaries.join("; "),
            steps: self.steps,
            heals: self.heals,
        })
    }
}
